/**
 * The first-party plugins besides runtimes.
 *
 * @module
 */

import type { Plugin } from "../core/plugin/contract.ts";
import { DEPENDENCIES } from "./dependencies/mod.ts";
import { PROVIDERS } from "./providers/mod.ts";
import { SERVICES } from "./services/mod.ts";

/** Registered by `main.ts`. */
export const PLUGINS: readonly Plugin[] = [...DEPENDENCIES, ...SERVICES, ...PROVIDERS];
