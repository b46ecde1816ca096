/**
 * Starts one helper, sends one real connection through it, raises the wall and sees that it holds.
 *
 * The connection goes to a listener of moat's own on an address of the host: the helper makes it
 * without any network outside. The same connection must fail once the wall stands.
 *
 * @module
 */

import type { NetworkRequest } from "./contract.ts";
import type { FoundHelper } from "./find_helpers.ts";
import { describeHelper, endHelper, type RunningHelper, writeRecord } from "./helper_record.ts";
import { SUPERVISOR, TRIAL } from "./namespace_script.ts";
import { writeAll } from "./write_all.ts";

/** Time for a helper to carry the trial connection; it takes some 20 ms where it works. */
const TRIAL_SECONDS = 2;

/** Lines of helpers that are no reason. */
const CHATTER = /syslog|^WARNING|^(sent|received) tapfd|^child failed/;

/** The helper runs, but nothing comes through. */
export class HelperHangs extends Error {
  override readonly name = "HelperHangs";
}

/** Options of {@linkcode tryHelper}. */
export interface TryHelperOptions {
  readonly args: readonly string[];
  /** Address of the host to listen on for a moment. */
  readonly trial: string;
  readonly walls: readonly string[];
  readonly request: NetworkRequest;
}

/** Returns the running helper's record. @throws Error with the reason when it cannot be used */
export async function tryHelper(
  helper: FoundHelper,
  { args, trial, walls, request }: TryHelperOptions,
): Promise<RunningHelper> {
  const text = crypto.randomUUID();
  using listener = Deno.listen({ hostname: trial, port: 0 });
  void greet(listener, text);
  const log = `${request.stateDir}/network-helper.log`;
  const supervisor = new Deno.Command("perl", {
    args: ["-e", SUPERVISOR, log, String(request.pid), ...args],
    env: { ...request.env },
    clearEnv: true,
    stdin: "null",
    stdout: "null",
    stderr: "null",
    detached: true,
  }).spawn();
  supervisor.unref();
  const record = describeHelper(helper.kind, {
    pid: supervisor.pid,
    sandboxPid: request.pid,
  });
  const written = writeRecord(request.stateDir, record);
  try {
    const where = [trial, String(listener.addr.port)];
    await Promise.race([
      runTrial([String(request.pid), String(TRIAL_SECONDS), ...where, text, ...walls], request),
      supervisor.status.then(async () => {
        throw new Error(await lastLine(log) ?? "it ended at once");
      }),
    ]);
    await written;
    return record;
  } catch (error) {
    // Written late, it would replace the record of what is used instead.
    await written;
    await endHelper(record);
    throw error;
  }
}

/** Sends the text to whoever connects, until the listener closes. */
async function greet(listener: Deno.Listener, text: string): Promise<void> {
  try {
    for await (const connection of listener) {
      await writeAll(connection, new TextEncoder().encode(text));
      connection.close();
    }
  } catch {
    // A trial that broke off shows in the trial's own result.
  }
}

async function runTrial(args: readonly string[], { env, signal }: NetworkRequest): Promise<void> {
  const { success, stdout, stderr } = await new Deno.Command("perl", {
    args: ["-e", TRIAL, ...args],
    env: { ...env },
    clearEnv: true,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    ...(signal && { signal }),
  }).output();
  if (success && new TextDecoder().decode(stdout) === "ready\n") return;
  const reason = new TextDecoder().decode(stderr).trim().split("\n").at(-1) || "the trial failed";
  throw reason.startsWith("no connection") ? new HelperHangs(reason) : new Error(reason);
}

async function lastLine(path: string): Promise<string | undefined> {
  const lines = (await Deno.readTextFile(path)).trim().split("\n");
  return lines.filter((line) => !CHATTER.test(line)).at(-1)?.slice(0, 200) || undefined;
}
