/**
 * Ids, names and labels: the one place that makes and recognises them.
 *
 * Everything that moat leaves on an engine carries labels made here, and only what these functions
 * recognise as this home's own is ever listed, changed or removed.
 *
 * @module
 */

/** A run's id: `run_` and 12 lower-case hex digits. */
export type RunId = `run_${string}`;

const RUN_ID = /^run_[0-9a-f]{12}$/;
const DNS_LABEL = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;

/** Label keys on containers, networks, volumes and images. */
export const LABEL = {
  home: "moat.home",
  runId: "moat.run-id",
  role: "moat.role",
  /** `1` on every image that moat built; images belong to no home. */
  image: "moat.image",
  /** `1` on images that are a service's initialised data. */
  template: "moat.template",
  /** Random, on volumes with a service's data: tells a new volume from one of the same name. */
  volume: "moat.volume",
} as const;

/** What an engine object is for. */
export type Role = "run" | "service" | "sidecar" | "network" | "volume" | "probe";

/** Creates a random run id. */
export function createRunId(): RunId {
  return `run_${randomHex(6)}`;
}

/** Creates a random home id: 16 hex digits. */
export function createHomeId(): string {
  return randomHex(8);
}

/** Says whether the text is a whole run id. */
export function isRunId(text: string): text is RunId {
  return RUN_ID.test(text);
}

/** Says whether the text is a DNS label as run and endpoint names must be (RFC 1123, 1 to 63). */
export function isDnsLabel(text: string): boolean {
  return DNS_LABEL.test(text);
}

/** Labels of an object that belongs to a run of this home. */
export function runLabels(home: string, runId: string, role: Role): Record<string, string> {
  return { [LABEL.home]: home, [LABEL.runId]: runId, [LABEL.role]: role };
}

/** The run that labels name, when they are of this home; otherwise `undefined`. */
export function runIdFromLabels(
  labels: Readonly<Record<string, string>> | null | undefined,
  home: string,
): RunId | undefined {
  const runId = labels?.[LABEL.runId];
  return labels?.[LABEL.home] === home && runId !== undefined && isRunId(runId) ? runId : undefined;
}

/** The engine's name for a run's container and for its network. */
export function engineName(runId: string): string {
  return `moat-${runId}`;
}

/** The engine's name for a container beside a run: `moat-postgres-run_a1b2c3d4e5f6`. */
export function companionName(name: string, runId: string): string {
  return `moat-${name}-${runId}`;
}

function randomHex(bytes: number): string {
  return crypto.getRandomValues(new Uint8Array(bytes)).toHex();
}
