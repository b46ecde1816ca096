/**
 * The proxies that stand in front of runs: the router.
 *
 * @module
 */

export { openRouter } from "./router/open_router.ts";
export { ensureAuthority as openAuthority } from "./tls/ensure_authority.ts";
