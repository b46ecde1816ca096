/**
 * The first-party providers of credentials. No grant reaches a run yet.
 *
 * @module
 */

import type { ProviderPlugin } from "../../core/plugin/contract.ts";
import { env } from "./env.ts";
import { github } from "./github.ts";

/** In the order of `moat plugin search`. */
export const PROVIDERS: readonly ProviderPlugin[] = [env, github];
