/**
 * Runs one command inside a container, without input, and keeps the end of what it says.
 *
 * @module
 */

import type { Runtime } from "../../plugin/runtime.ts";

/** Ids inside. */
export interface CommandUser {
  readonly uid: number;
  readonly gid: number;
}

/** Options of {@linkcode execInside}. */
export interface ExecInsideOptions {
  readonly command: readonly string[];
  readonly user: CommandUser;
  readonly signal: AbortSignal;
}

/** How it ended. */
export interface InsideResult {
  readonly code: number;
  /** The end of its output, standard output and error as they came. */
  readonly output: string;
}

const KEPT_BYTES = 8 * 1024;

/** Returns when the command has ended; an abort ends it. */
export async function execInside(
  runtime: Pick<Runtime, "exec">,
  name: string,
  { command, user: { uid, gid }, signal }: ExecInsideOptions,
): Promise<InsideResult> {
  const exec = await runtime.exec(
    name,
    { command, env: {}, workdir: "/", uid, gid, tty: false, stdin: false },
    { signal },
  );
  await using attachment = exec.attachment;
  const aborted = Promise.withResolvers<never>();
  aborted.promise.catch(() => {});
  const abort = () => {
    exec.kill("SIGKILL").catch(() => {});
    aborted.reject(signal.reason);
  };
  signal.addEventListener("abort", abort);
  try {
    signal.throwIfAborted();
    const [{ code }, output] = await Promise.race([
      Promise.all([exec.wait(), readEnd(attachment.output)]),
      aborted.promise,
    ]);
    return { code, output };
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

async function readEnd(output: AsyncIterable<{ readonly data: Uint8Array }>): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const { data } of output) {
    text = (text + decoder.decode(data, { stream: true })).slice(-KEPT_BYTES);
  }
  return text;
}
