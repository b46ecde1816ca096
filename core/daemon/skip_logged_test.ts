import assert from "node:assert/strict";
import type { LoggedChunk, OutputStream } from "../plugin/runtime.ts";
import { skipLogged } from "./skip_logged.ts";

async function* chunks(...parts: readonly [OutputStream, string][]): AsyncGenerator<LoggedChunk> {
  for (const [stream, text] of parts) {
    yield await Promise.resolve({
      stream,
      data: new TextEncoder().encode(text),
      time: new Date(0),
      cursor: text,
    });
  }
}

async function texts(output: AsyncIterable<LoggedChunk>): Promise<readonly string[]> {
  return (await Array.fromAsync(output)).map(({ data }) => new TextDecoder().decode(data));
}

Deno.test("skipLogged() leaves out that many bytes of each stream", async () => {
  const output = chunks(["stdout", "abc"], ["stderr", "xyz"], ["stdout", "def"], ["stderr", "!"]);
  const counts = JSON.stringify({ stdout: 4, stderr: 3, tty: 0 });
  assert.deepEqual(await texts(skipLogged(output, counts)), ["ef", "!"]);
});

Deno.test("skipLogged() leaves out nothing when nothing was counted", async () => {
  assert.deepEqual(await texts(skipLogged(chunks(["tty", "abc"]), undefined)), ["abc"]);
});
