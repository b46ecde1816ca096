/**
 * Looks at the host's own tools, for dependencies that run on them.
 *
 * Programs are the user's own and may be shims that wait for an answer or start much: each gets an
 * empty input and a deadline.
 *
 * @module
 */

import { dirname } from "node:path";
import type { HostProbe } from "../../core/plugin/contribution.ts";
import { findProgram } from "./find_program.ts";

/** Slow version managers need a second or two. */
const TIMEOUT_MS = 5_000;

/** More output than this is no version. */
const MAX_OUTPUT_BYTES = 64 * 1024;

/** Options of {@linkcode createHostProbe}. */
export interface CreateHostProbeOptions {
  /** moat's own environment: PATH says where to look, HOME where version managers live. */
  readonly env: Readonly<Record<string, string>>;
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

/** A probe of this machine; a program is asked once however often it is asked about. */
export function createHostProbe(
  { env, timeoutMs = TIMEOUT_MS, signal }: CreateHostProbeOptions,
): HostProbe {
  const lines = new Map<string, Promise<string | undefined>>();
  return {
    os: Deno.build.os === "darwin" ? "darwin" : "linux",
    async which(program) {
      const found = program.includes("/") || program === "" ? undefined : findProgram(program, env);
      return found === undefined ? undefined : await Deno.realPath(found);
    },
    directoryOf(program) {
      const found = program.includes("/") || program === "" ? undefined : findProgram(program, env);
      return Promise.resolve(found === undefined ? undefined : dirname(found));
    },
    firstLine(program, args) {
      const key = JSON.stringify([program, ...args]);
      const known = lines.get(key) ?? readFirstLine([program, ...args], { env, timeoutMs, signal });
      lines.set(key, known);
      return known;
    },
  };
}

async function readFirstLine(
  [program = "", ...args]: readonly string[],
  { env, timeoutMs, signal }: {
    readonly env: Readonly<Record<string, string>>;
    readonly timeoutMs: number;
    readonly signal: AbortSignal | undefined;
  },
): Promise<string | undefined> {
  const path = findProgram(program, env);
  if (path === undefined) return undefined;
  let child: Deno.ChildProcess;
  try {
    child = new Deno.Command(path, {
      args: [...args],
      env: { ...env },
      clearEnv: true,
      stdin: "null",
      stdout: "piped",
      stderr: "null",
      // A group of its own, so that a shim's children end with it.
      detached: true,
    }).spawn();
  } catch {
    // A file that is executable and still cannot be run, such as one for another processor.
    return undefined;
  }
  const { promise: overtime, resolve: giveUp } = Promise.withResolvers<undefined>();
  const stop = () => giveUp(undefined);
  const timer = setTimeout(stop, timeoutMs);
  signal?.addEventListener("abort", stop);
  const reader = child.stdout.getReader();
  try {
    return await Promise.race([readAnswer(child, reader), overtime]);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", stop);
    killGroup(child);
    await reader.cancel().catch(() => undefined);
  }
}

async function readAnswer(
  child: Deno.ChildProcess,
  reader: ReadableStreamDefaultReader<Uint8Array>,
): Promise<string | undefined> {
  const text = await readText(reader);
  const { success } = await child.status;
  return success ? text.split("\n").map((line) => line.trim()).find((line) => line) : undefined;
}

async function readText(
  reader: ReadableStreamDefaultReader<Uint8Array>,
): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  while (text.length < MAX_OUTPUT_BYTES) {
    const { done, value } = await reader.read();
    if (done) break;
    text += decoder.decode(value, { stream: true });
  }
  return text;
}

/** Ends the program and what it started; nothing happens when all of it is gone. */
function killGroup(child: Deno.ChildProcess): void {
  try {
    Deno.kill(-child.pid, "SIGKILL");
  } catch (error) {
    if (!(error instanceof TypeError) && !(error instanceof Deno.errors.NotFound)) throw error;
  }
}
