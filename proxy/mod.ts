/**
 * The proxies that stand in front of runs: the router.
 *
 * @module
 */

export { openRouter } from "./router/open_router.ts";
export { openAuthority } from "./tls/authority.ts";
