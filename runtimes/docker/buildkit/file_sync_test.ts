import assert from "node:assert/strict";
import { Metadata } from "@grpc/grpc-js";
import { contextTree } from "./context_tree.ts";
import { type ExchangeCall, shareDirectory } from "./file_sync.ts";
import { isRecord } from "../../../core/is_record.ts";

const TREES = {
  context: contextTree({
    "a/one": { content: "1".repeat(70_000), mode: 0o600 },
    "b": { content: "", mode: 0o644 },
  }),
};

/** A receiver that asks for these ids once it has seen the whole list, and then ends. */
class Receiver implements ExchangeCall {
  readonly metadata = new Metadata();
  readonly sent: Record<string, unknown>[] = [];
  readonly #asks: readonly object[];
  ended = false;
  #writing = false;

  constructor(metadata: Readonly<Record<string, string>>, asks: readonly object[]) {
    for (const [name, value] of Object.entries(metadata)) this.metadata.set(name, value);
    this.#asks = asks;
  }

  write(message: object, done: () => void): boolean {
    assert.ok(!this.#writing, "one message after the other");
    this.#writing = true;
    if (isRecord(message)) this.sent.push(message);
    queueMicrotask(() => {
      this.#writing = false;
      done();
    });
    return true;
  }

  end(): void {
    this.ended = true;
  }

  async *iterator(): AsyncGenerator<unknown> {
    await Promise.resolve();
    yield* this.#asks;
  }
}

Deno.test("shareDirectory() lists entries, sends what is asked for in pieces, and ends", async () => {
  const call = new Receiver({ "dir-name": "context" }, [
    { type: 1, ID: 1 },
    { type: 1, ID: 2 },
    { type: 3 },
  ]);
  const sizes: number[] = [];
  await shareDirectory(call, { trees: TREES, modTime: 42n, onSent: (size) => sizes.push(size) });
  const stats = call.sent.filter(({ type }) => type === 0).map(({ stat }) => stat);
  assert.deepEqual(stats, [
    { path: "a", mode: 0o20000000755, size: "0", modTime: "42" },
    { path: "a/one", mode: 0o600, size: "70000", modTime: "42" },
    { path: "b", mode: 0o644, size: "0", modTime: "42" },
    undefined,
  ]);
  const data = call.sent.filter(({ type }) => type === 2);
  assert.deepEqual(
    data.map(({ ID, data }) => [ID, data instanceof Uint8Array ? data.length : 0]),
    [[1, 32_768], [1, 32_768], [1, 4464], [1, 0], [2, 0]],
  );
  assert.deepEqual(call.sent.at(-1), { type: 3 });
  assert.deepEqual(sizes, [70_000, 0]);
  assert.ok(call.ended);
});

Deno.test("shareDirectory() honours patterns, joined and encoded ones too", async () => {
  const call = new Receiver(
    { "dir-name": "context", "followpaths": "x, %62", "followpaths-encoded": "1" },
    [{ type: 3 }],
  );
  await shareDirectory(call, { trees: TREES, modTime: 1n });
  assert.deepEqual(
    call.sent.flatMap(({ stat }) => isRecord(stat) ? [stat.path] : []),
    ["b"],
  );
});

Deno.test("shareDirectory() refuses directories and files that it did not offer", async () => {
  const elsewhere = new Receiver({ "dir-name": "/etc" }, []);
  await assert.rejects(
    shareDirectory(elsewhere, { trees: TREES, modTime: 1n }),
    /unknown directory/,
  );
  const folder = new Receiver({ "dir-name": "context" }, [{ type: 1, ID: 0 }]);
  await assert.rejects(shareDirectory(folder, { trees: TREES, modTime: 1n }), /unknown file 0/);
});

Deno.test("shareDirectory() passes on what the receiver complains about", async () => {
  const data = new TextEncoder().encode("disk full");
  const call = new Receiver({ "dir-name": "context" }, [{ type: 4, data }]);
  await assert.rejects(shareDirectory(call, { trees: TREES, modTime: 1n }), /disk full/);
});
