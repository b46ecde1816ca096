/**
 * Which known keys of moat.yaml do nothing yet. A key leaves this file when it gets its effect.
 *
 * @module
 */

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
const LATER_IN_NETWORK = new Set(["rules", "host", "keep_policy"]);

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
    const later = key === "policy" ? value === "strict" : LATER_IN_NETWORK.has(key);
    return later && !isEmpty(value) ? [`network.${key}`] : [];
  });
}

/** Nothing, or an empty list or map. */
function isEmpty(value: unknown): boolean {
  return value === undefined || value === null ||
    (typeof value === "object" && Object.keys(value).length === 0);
}
