import assert from "node:assert/strict";
import { join } from "node:path";
import type { LoggedChunk } from "../../core/plugin/runtime.ts";
import { type KeptOutputOptions, readKeptOutput } from "./kept_output.ts";
import { type SandboxPaths, sandboxPaths } from "./sandbox_state.ts";

async function place(): Promise<{ paths: SandboxPaths } & AsyncDisposable> {
  const stateDir = await Deno.makeTempDir({ prefix: "moat-kept-" });
  const paths = sandboxPaths(stateDir, "one");
  await Deno.mkdir(paths.directory, { recursive: true });
  return { paths, [Symbol.asyncDispose]: () => Deno.remove(stateDir, { recursive: true }) };
}

const ENDED = { follow: true, isRunning: () => false, endForLackOfDisk: () => {} } as const;

function read(paths: SandboxPaths, options: Partial<KeptOutputOptions> = {}) {
  return readKeptOutput(paths, { ...ENDED, leastFreeBytes: 0, ...options });
}

function text(chunks: readonly LoggedChunk[]): string {
  return chunks.map(({ data }) => new TextDecoder().decode(data)).join("");
}

Deno.test("readKeptOutput() marks what was written while nobody watched", async () => {
  await using here = await place();
  await Deno.writeTextFile(here.paths.stdout, "old\n");
  const past = new Date(Date.now() - 60_000);
  await Deno.utime(here.paths.stdout, past, past);
  await Deno.writeTextFile(here.paths.stderr, "new\n");
  const chunks = await Array.fromAsync(read(here.paths));
  assert.deepEqual(chunks.map(({ stream, late }) => [stream, late]), [
    ["stdout", true],
    ["stderr", undefined],
  ]);
});

Deno.test("readKeptOutput() continues behind a cursor in the middle", async () => {
  await using here = await place();
  await Deno.writeTextFile(here.paths.stdout, "one two");
  const chunks = await Array.fromAsync(read(here.paths, { after: "4,0" }));
  assert.equal(text(chunks), "two");
});

Deno.test("readKeptOutput() frees what was taken and does not read it again", async () => {
  await using here = await place();
  const bytes = new Uint8Array(1024 * 1024).fill(120);
  await Deno.writeFile(here.paths.stdout, bytes);
  const before = (await Deno.stat(here.paths.stdout)).blocks ?? 0;
  let length = 0;
  for await (const { data } of read(here.paths, { punchBytes: 65536 })) length += data.length;
  const { blocks, size } = await Deno.stat(here.paths.stdout);
  assert.equal(length, bytes.length);
  assert.equal(size, bytes.length);
  assert.ok((blocks ?? 0) < before / 4, `${blocks} of ${before} blocks are left`);
  assert.equal(text(await Array.fromAsync(read(here.paths))), "");
});

Deno.test("readKeptOutput() keeps the last piece until the reader comes back", async () => {
  await using here = await place();
  await Deno.writeTextFile(here.paths.stdout, "precious");
  for await (const _ of read(here.paths, { punchBytes: 1 })) break;
  assert.equal(text(await Array.fromAsync(read(here.paths))), "precious");
});

Deno.test("readKeptOutput() ends a command that fills the disk, with the reason", async () => {
  await using here = await place();
  let running = true;
  const chunks = read(here.paths, {
    isRunning: () => running,
    endForLackOfDisk: () => running = false,
    leastFreeBytes: Number.MAX_SAFE_INTEGER,
  });
  await Array.fromAsync(chunks);
  assert.equal(running, false);
  assert.match(await Deno.readTextFile(here.paths.reason), /MiB of disk are free/);
});

Deno.test("readKeptOutput() follows until the end and loses nothing before it", async () => {
  await using here = await place();
  let polls = 0;
  const chunks = await Array.fromAsync(read(here.paths, {
    isRunning: () => {
      polls += 1;
      Deno.writeTextFileSync(join(here.paths.directory, "stdout"), `${polls};`, { append: true });
      return polls < 3;
    },
  }));
  assert.equal(text(chunks), "1;2;3;");
});
