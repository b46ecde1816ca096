/**
 * Remembers what serves a sandbox's network, so that any later process can end it.
 *
 * @module
 */

import { identifyProcess, isAlive, parseIdentity, signalProcess } from "../process_identity.ts";
import type { ProcessIdentity } from "../sandbox_state.ts";
import { waitUntil } from "../wait_until.ts";

/** A helper program that runs, or the relay, which needs a process to serve it. */
export type HelperRecord = { readonly kind: "relay" } | RunningHelper;

/** A helper program: the process is its supervisor, which ends it. */
export interface RunningHelper {
  readonly kind: "pasta" | "slirp4netns";
  readonly process: ProcessIdentity;
  /** The process whose namespace it serves. */
  readonly sandbox: ProcessIdentity;
}

/** Time for a helper to end by itself after TERM. */
const GRACE_MS = 2_000;

/** Describes a helper that was just started. @throws Error when it is gone already */
export function describeHelper(
  kind: RunningHelper["kind"],
  { pid, sandboxPid }: { readonly pid: number; readonly sandboxPid: number },
): RunningHelper {
  const process = identifyProcess(pid);
  const sandbox = identifyProcess(sandboxPid);
  if (process === undefined || sandbox === undefined) throw new Error("it ended at once");
  return { kind, process, sandbox };
}

/** Writes the record in one step. */
export async function writeRecord(stateDir: string, record: HelperRecord): Promise<void> {
  const path = recordPath(stateDir);
  await Deno.writeTextFile(`${path}.new`, JSON.stringify(record), { mode: 0o600 });
  await Deno.rename(`${path}.new`, path);
}

/** The record, or `undefined` when there is none that can be understood. */
export async function readRecord(stateDir: string): Promise<HelperRecord | undefined> {
  try {
    return parseRecord(JSON.parse(await Deno.readTextFile(recordPath(stateDir))));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** Forgets the record. Idempotent. */
export async function removeRecord(stateDir: string): Promise<void> {
  try {
    await Deno.remove(recordPath(stateDir));
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/** Ends the helper: TERM, then KILL. Resolves when it is gone. Idempotent. */
export async function endHelper(record: HelperRecord): Promise<void> {
  if (record.kind === "relay") return;
  const { process } = record;
  signalProcess(process, "SIGTERM");
  if (await waitUntil(() => !isAlive(process), { timeoutMs: GRACE_MS })) return;
  signalProcess(process, "SIGKILL");
  await waitUntil(() => !isAlive(process));
}

function recordPath(stateDir: string): string {
  return `${stateDir}/network.json`;
}

function parseRecord(value: unknown): HelperRecord | undefined {
  if (typeof value !== "object" || value === null || !("kind" in value)) return undefined;
  if (value.kind === "relay") return { kind: "relay" };
  if (value.kind !== "pasta" && value.kind !== "slirp4netns") return undefined;
  const process = "process" in value ? parseIdentity(value.process) : undefined;
  const sandbox = "sandbox" in value ? parseIdentity(value.sandbox) : undefined;
  return process && sandbox && { kind: value.kind, process, sandbox };
}
