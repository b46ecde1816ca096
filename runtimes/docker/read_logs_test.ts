import assert from "node:assert/strict";
import type { LoggedChunk } from "../../core/plugin/runtime.ts";
import { Engine } from "./engine.ts";
import { readLogs } from "./read_logs.ts";
import type { Connection } from "./wire/connection.ts";

type Entry = readonly [stream: number, stamp: string, text: string];

function frame([stream, stamp, text]: Entry): Uint8Array {
  const data = new TextEncoder().encode(`${stamp} ${text}`);
  const bytes = new Uint8Array(8 + data.length);
  bytes[0] = stream;
  new DataView(bytes.buffer).setUint32(4, data.length);
  bytes.set(data, 8);
  return bytes;
}

function answer(body: Uint8Array): Uint8Array {
  const head = `HTTP/1.1 200 OK\r\nApi-Version: 1.41\r\nContent-Length: ${body.length}\r\n\r\n`;
  return new Uint8Array([...new TextEncoder().encode(head), ...body]);
}

/** An engine that has these entries, whatever is asked. */
function engineWith(entries: readonly Entry[]): Engine {
  const json = new TextEncoder().encode(`{"Config":{"Tty":false}}`);
  const logs = new Uint8Array(entries.flatMap((entry) => [...frame(entry)]));
  return new Engine(() => {
    let rest = new Uint8Array(0);
    const connection: Connection = {
      read(buffer) {
        const count = Math.min(buffer.length, rest.length);
        buffer.set(rest.subarray(0, count));
        rest = rest.subarray(count);
        return Promise.resolve(count === 0 ? null : count);
      },
      write(data) {
        const request = new TextDecoder().decode(data);
        const body = request.includes("/logs") ? logs : request.includes("/json") ? json : logs;
        rest = new Uint8Array(answer(request.includes("/_ping") ? new Uint8Array(2) : body));
        return Promise.resolve(data.length);
      },
      closeWrite: () => Promise.resolve(),
      close() {},
    };
    return Promise.resolve(connection);
  });
}

async function read(entries: readonly Entry[], after?: string): Promise<readonly LoggedChunk[]> {
  using engine = engineWith(entries);
  const options = { follow: false, ...(after === undefined ? {} : { after }) };
  return await Array.fromAsync(readLogs(engine, "x", options));
}

function texts(chunks: readonly LoggedChunk[]): string {
  return chunks.map(({ data }) => new TextDecoder().decode(data)).join("");
}

const AT = "2026-01-02T03:04:05";

Deno.test("readLogs() reads times in any zone", async () => {
  const [first] = await read([[1, `${AT}.250000000+02:00`, "a\n"]]);
  assert.equal(first?.time.toISOString(), "2026-01-02T01:04:05.250Z");
});

Deno.test("readLogs() continues within entries of the same time", async () => {
  const stamp = `${AT}.000000001Z`;
  const entries: Entry[] = [[1, stamp, "a\n"], [1, stamp, "b\n"], [1, stamp, "c\n"]];
  const [, second] = await read(entries);
  assert.equal(texts(await read(entries, second?.cursor)), "c\n");
});

Deno.test("readLogs() continues where streams are out of order", async () => {
  const entries: Entry[] = [
    [1, `${AT}.000000005Z`, "out 5\n"],
    [2, `${AT}.000000009Z`, "err 9\n"],
    [1, `${AT}.000000006Z`, "out 6\n"],
    [1, `${AT}.000000010Z`, "out 10\n"],
    [2, `${AT}.000000011Z`, "err 11\n"],
  ];
  const all = await read(entries);
  for (const [index, { cursor }] of all.entries()) {
    assert.equal(texts(await read(entries, cursor)), texts(all.slice(index + 1)));
    // Continuing twice is the same as continuing once.
    const next = (await read(entries, cursor))[0];
    if (next !== undefined) {
      assert.equal(texts(await read(entries, next.cursor)), texts(all.slice(index + 2)));
    }
  }
});

Deno.test("readLogs() puts the lost newline of a long line back", async () => {
  const stamp = `${AT}.000000001Z`;
  const entries: Entry[] = [
    [1, stamp, "x".repeat(16384)],
    [1, stamp, "yy"],
    [1, `${AT}.000000002Z`, "next\n"],
  ];
  const all = await read(entries);
  assert.equal(texts(all).slice(16384), "yy\nnext\n");
  assert.equal(texts(await read(entries, all[1]?.cursor)), "\nnext\n");
});
