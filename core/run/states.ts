/**
 * The states of a run and the one function that says which changes are legal.
 *
 * @module
 */

/** `created → starting → running → stopping → stopped | failed`. */
export type RunState = "created" | "starting" | "running" | "stopping" | "stopped" | "failed";

const NEXT: Readonly<Record<RunState, readonly RunState[]>> = {
  created: ["starting", "failed"],
  starting: ["running", "stopping", "failed"],
  running: ["stopping", "stopped", "failed"],
  stopping: ["stopped", "failed"],
  stopped: [],
  failed: [],
};

/** Says whether a run in this state may still change. */
export function isLive(state: RunState): boolean {
  return NEXT[state].length > 0;
}

/** Returns `to`. @throws TypeError for an illegal change, which is a bug */
export function nextState(from: RunState, to: RunState): RunState {
  if (!NEXT[from].includes(to)) throw new TypeError(`Illegal change of state: ${from} → ${to}`);
  return to;
}
