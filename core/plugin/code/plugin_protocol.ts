/**
 * What moat and a plugin that is code say to each other. Nothing that the plugin says is trusted.
 *
 * @module
 */

import type { DependencyEntry, Target } from "../contribution.ts";

/** Where the plugin's own files are inside the sandbox. */
export const PLUGIN_DIRECTORY = "/plugin";

/** Where its own directory is, which it may write when it declares that. */
export const CACHE_DIRECTORY = "/cache";

/** Where the programs are that are not the system's, when it declares some. */
export const PROGRAMS_DIRECTORY = "/programs";

/** Resident memory of all its processes beyond which it is ended. */
export const MAX_RESIDENT_BYTES = 256 * 1024 * 1024;

/** Descriptor that takes the answers; standard output is the plugin's to waste. */
export const ANSWERS_DESCRIPTOR = 3;

/** To the plugin: first its module, with what it may do, then questions, one after another. */
export type PluginOrder =
  | { readonly module: string; readonly may: PluginMay }
  | { readonly entry: DependencyEntry; readonly target: CodeTarget };

/** What the module may do, for the wall inside; the sandbox allows no more than that. */
export interface PluginMay {
  readonly read: readonly string[];
  readonly write: readonly string[];
  readonly net: readonly string[];
  readonly run: readonly string[];
  readonly env: readonly string[];
}

/** What a plugin that is code is told of the target: nothing of moat's own surroundings. */
export type CodeTarget = Pick<Target, "arch" | "suite" | "present">;

/** From the plugin. */
export type PluginMessage =
  /** The sandbox stands, nothing of the plugin has run yet. */
  | { readonly kind: "ready"; readonly contract: number }
  | { readonly kind: "loaded" }
  | { readonly kind: "answer"; readonly contribution: unknown }
  | { readonly kind: "failed"; readonly reason: string };

/** The message, or `undefined` when it is none. */
export function readMessage(value: unknown): PluginMessage | undefined {
  if (typeof value !== "object" || value === null || !("kind" in value)) return undefined;
  switch (value.kind) {
    case "ready":
      return "contract" in value && typeof value.contract === "number"
        ? { kind: "ready", contract: value.contract }
        : undefined;
    case "loaded":
      return { kind: "loaded" };
    case "answer":
      return "contribution" in value
        ? { kind: "answer", contribution: value.contribution }
        : undefined;
    case "failed":
      return "reason" in value && typeof value.reason === "string"
        ? { kind: "failed", reason: value.reason }
        : undefined;
    default:
      return undefined;
  }
}
