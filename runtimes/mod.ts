/**
 * The runtimes of this program, in order of preference.
 *
 * @module
 */

import type { RuntimePlugin } from "../core/plugin/contract.ts";
import { docker } from "./docker/plugin.ts";
import { local } from "./local/plugin.ts";

/** Registered by `main.ts`. */
export const RUNTIMES: readonly RuntimePlugin[] = [docker, local];
