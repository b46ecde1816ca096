/**
 * `deno task bench output`: 1 GiB from a run to moat's standard output, against the same without
 * moat, with moat's peak memory.
 *
 * @module
 */

import { resolve } from "node:path";

const BYTES = 1024 ** 3;

/** Prints throughput and peak memory on local, and on docker where an engine answers. */
export async function benchOutput(): Promise<void> {
  const moat = resolve("dist/moat");
  const directory = await Deno.makeTempDir({ prefix: "moat-bench-" });
  const script = `head -c ${BYTES} /dev/zero | tr '\\0' x`;
  try {
    await report("sh", ["-c", script], { directory });
    await report("moat, local", [moat, "run", "--runtime", "local", "--", "sh", "-c", script], {
      directory,
    });
    await report(
      "moat, docker without gVisor",
      [moat, "run", "--runtime", "docker", "--isolation", "none", "--", "sh", "-c", script],
      { directory },
    );
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

async function report(
  name: string,
  argv: readonly string[],
  { directory }: { readonly directory: string },
): Promise<void> {
  const [program = "", ...args] = name === "sh" ? ["sh", ...argv] : argv;
  const started = performance.now();
  const child = new Deno.Command(program, {
    args,
    cwd: directory,
    env: { MOAT_HOME: `${directory}/../${directory.split("/").at(-1)}-home` },
    stdin: "null",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  let bytes = 0;
  let peakKib = 0;
  for await (const chunk of child.stdout) {
    bytes += chunk.length;
    peakKib = Math.max(peakKib, await peakMemoryKib(child.pid));
  }
  const { code } = await child.status;
  const seconds = (performance.now() - started) / 1000;
  const rate = (bytes / 1024 ** 2 / seconds).toFixed(0);
  console.log(
    `${name.padEnd(30)} ${
      bytes === BYTES && code === 0 ? "whole" : `LOST: ${bytes} bytes, code ${code}`
    }` +
      `  ${seconds.toFixed(1)} s  ${rate} MiB/s  peak ${(peakKib / 1024).toFixed(0)} MiB`,
  );
}

async function peakMemoryKib(pid: number): Promise<number> {
  try {
    const status = await Deno.readTextFile(`/proc/${pid}/status`);
    return Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return 0;
    throw error;
  }
}
