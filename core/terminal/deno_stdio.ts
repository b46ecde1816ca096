/**
 * The standard streams of this process.
 *
 * @module
 */

import type { Stdio } from "../context.ts";
import { MoatError } from "../errors.ts";

/** Creates the real {@linkcode Stdio}. Nothing is read before somebody asks for input. */
export function denoStdio(): Stdio {
  const encoder = new TextEncoder();
  return {
    get input() {
      return Deno.stdin.readable;
    },
    async output(data) {
      try {
        await writeAll(Deno.stdout, typeof data === "string" ? encoder.encode(data) : data);
      } catch (cause) {
        if (cause instanceof Deno.errors.BrokenPipe) throw cause;
        throw new MoatError("Cannot write standard output", { cause });
      }
    },
    async error(data) {
      try {
        await writeAll(Deno.stderr, typeof data === "string" ? encoder.encode(data) : data);
      } catch (error) {
        // Nobody reads notices: no reason to end the run.
        if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
      }
    },
    inputIsTerminal: Deno.stdin.isTerminal(),
    outputIsTerminal: Deno.stdout.isTerminal(),
    errorIsTerminal: Deno.stderr.isTerminal(),
    size() {
      try {
        return Deno.consoleSize();
      } catch (error) {
        if (error instanceof Error) return undefined;
        throw error;
      }
    },
  };
}

async function writeAll(to: typeof Deno.stdout, data: Uint8Array): Promise<void> {
  let rest = data;
  while (rest.length > 0) rest = rest.subarray(await to.write(rest));
}
