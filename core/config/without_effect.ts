/**
 * Which known keys of moat.yaml do nothing yet. A key leaves this file when it gets its effect.
 *
 * @module
 */

import { namesRun } from "./parse_reach.ts";

/** Keys without effect whatever their value is. */
const LATER = new Set([
  "agent",
  "claude",
  "clipboard",
  "codex",
  "copilot",
  "gemini",
  "grants",
  "language_servers",
  "mcp",
  "pi",
  "secrets",
  "snapshots",
  "tracing",
  "version",
  "workspace",
]);

/** Keys of `network` without effect; `policy` only when it is not what happens anyway. */
const LATER_IN_NETWORK = new Set(["host", "keep_policy"]);

/** The keys in the file's value that have no effect, in the order given. */
export function keysWithoutEffect(written: unknown): readonly string[] {
  if (typeof written !== "object" || written === null) return [];
  return Object.entries(written).flatMap(([key, value]) => {
    if (isEmpty(value)) return [];
    if (key === "network") return networkKeysWithoutEffect(value);
    return LATER.has(key) ? [key] : [];
  });
}

function networkKeysWithoutEffect(network: unknown): string[] {
  if (typeof network !== "object" || network === null) return [];
  return Object.entries(network).flatMap(([key, value]) => {
    if (key === "rules") return rulesWithoutEffect(value);
    const later = key === "policy" ? value === "strict" : LATER_IN_NETWORK.has(key);
    return later && !isEmpty(value) ? [`network.${key}`] : [];
  });
}

/** All of them in one word, or each of them where others have an effect. */
function rulesWithoutEffect(rules: unknown): string[] {
  if (!Array.isArray(rules)) return [];
  const later = rules.flatMap((rule, index) => namesRun(rule) ? [] : [`network.rules[${index}]`]);
  return later.length > 0 && later.length === rules.length ? ["network.rules"] : later;
}

/** Nothing, or an empty list or map. */
function isEmpty(value: unknown): boolean {
  return value === undefined || value === null ||
    (typeof value === "object" && Object.keys(value).length === 0);
}
