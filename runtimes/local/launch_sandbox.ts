/**
 * Starts a planned sandbox's processes and waits until its walls stand.
 *
 * Standard input carries the program and its orders before the command's own input; standard
 * output first carries what process 1 reports. So there is no file, no fifo and no polling, and a
 * sandbox whose moat dies meanwhile ends by the end of its input.
 *
 * @module
 */

import { MoatError } from "../../core/errors.ts";
import { frame } from "./script/common_script.ts";
import type { Launch } from "./unshare.ts";

/** Where the launching shell sends what. */
export interface LaunchFiles {
  /** Takes the exit code, written by process 1. */
  readonly exit: string;
  /** Files that take the output of a detached command. */
  readonly output?: { readonly stdout: string; readonly stderr: string };
}

/** A sandbox whose walls stand, waiting for its orders. */
export interface LaunchedSandbox {
  readonly child: Deno.ChildProcess;
  readonly input: WritableStreamDefaultWriter<Uint8Array>;
  readonly output: ReadableStreamDefaultReader<Uint8Array>;
  /** Host pid of process 1, known before all walls stand. */
  readonly pid: Promise<number>;
  /** Resolves when all walls stand. @throws MoatError with what the setup said */
  readonly ready: Promise<void>;
}

/** Descriptor 3 is bubblewrap's report, 6 that of process 1, 4 takes the exit code. */
const ATTACHED = 'exec 3>&1 4>>"$1" 6>&1; shift; exec "$@"';
const DETACHED = 'exec 3>&1 4>>"$1" 6>&1 >>"$2" 2>>"$3"; shift 3; exec "$@"';

/** The launcher's environment has nothing of the run's: it works outside of the walls. */
const PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** Starts the processes. The caller ends them when `pid` or `ready` rejects. */
export function launchSandbox({ command, frames }: Launch, files: LaunchFiles): LaunchedSandbox {
  const child = new Deno.Command("/bin/sh", {
    args: files.output === undefined
      ? ["-c", ATTACHED, "moat", files.exit, ...command]
      : ["-c", DETACHED, "moat", files.exit, files.output.stdout, files.output.stderr, ...command],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
    clearEnv: true,
    env: { PATH },
    cwd: "/",
  }).spawn();
  const input = child.stdin.getWriter();
  const output = child.stdout.getReader();
  const report = readReport(output);
  const writing = writeFrames(input, frames);
  const ready = Promise.all([report.ready, writing]).then(() => {});
  // Both are awaited by the caller, perhaps after the other has failed.
  report.pid.catch(ignore);
  ready.catch(ignore);
  return { child, input, output, pid: report.pid, ready };
}

/** Writes frames; an early end of the reader shows in the report. */
async function writeFrames(
  input: WritableStreamDefaultWriter<Uint8Array>,
  frames: readonly string[],
): Promise<void> {
  for (const payload of frames) {
    try {
      await input.write(frame(payload));
    } catch (error) {
      if (error instanceof Deno.errors.BrokenPipe) return;
      throw error;
    }
  }
}

/** Reads `pid 12` or bubblewrap's JSON, then `ready`. */
function readReport(
  output: ReadableStreamDefaultReader<Uint8Array>,
): { readonly pid: Promise<number>; readonly ready: Promise<void> } {
  const pid = Promise.withResolvers<number>();
  const ready = Promise.withResolvers<void>();
  const decoder = new TextDecoder();
  const read = async () => {
    let text = "";
    while (!text.endsWith("ready\n")) {
      const { value, done } = await output.read();
      if (done) throw new MoatError("Cannot set up the sandbox: it ended early");
      text += decoder.decode(value, { stream: true });
      const found = /(?:pid |"child-pid": )(\d+)[\s,]/.exec(text)?.[1];
      if (found !== undefined) pid.resolve(Number(found));
    }
    ready.resolve();
  };
  read().catch((error) => {
    pid.reject(error);
    ready.reject(error);
  });
  return { pid: pid.promise, ready: ready.promise };
}

function ignore(): void {}
