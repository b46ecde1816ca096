import assert from "node:assert/strict";
import type { ByteStream } from "../../../core/plugin/runtime.ts";
import { bytePipe } from "../../../tests/helpers/byte_pipe.ts";
import { toBytes, toText } from "../../../tests/helpers/raw_http.ts";
import type { Endpoint } from "../contract.ts";
import { memoryPipe } from "../h2/memory_pipe.ts";
import { Http1Engine } from "./engine.ts";

async function writeAll(stream: ByteStream, text: string): Promise<void> {
  const bytes = toBytes(text);
  for (let at = 0; at < bytes.length;) at += await stream.write(bytes.subarray(at));
}

async function readUntil(stream: ByteStream, isEnough: (text: string) => boolean): Promise<string> {
  const buffer = new Uint8Array(4096);
  let text = "";
  while (!isEnough(text)) {
    const count = await stream.read(buffer);
    if (count === null) break;
    text += toText(buffer.subarray(0, count));
  }
  return text;
}

for (const most of [1, 7, 1500]) {
  Deno.test(`a request over streams that move ${most} bytes at a time arrives whole, and so does its answer`, async () => {
    const body = "0123456789abcdef".repeat(200);
    let seen = "";
    const endpoint: Endpoint = {
      id: "run_test/web",
      run: "test",
      name: "web",
      port: 1,
      connect: () => {
        const [near, far] = bytePipe(most);
        (async () => {
          seen = await readUntil(far, (text) => text.endsWith(body));
          await writeAll(far, `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
        })();
        return Promise.resolve(near);
      },
    };
    using engine = new Http1Engine({
      decide: () => ({ kind: "forward", endpoint }),
      explain: ({ status, reason }) => ({ status, headers: [], body: reason }),
    });
    const [client, front] = bytePipe(most);
    const head = `PUT /x HTTP/1.1\r\nHost: a.localhost\r\nContent-Length: ${body.length}\r\n\r\n`;
    const served = engine.serve(front, {
      first: toBytes(head.slice(0, 20)),
      origin: { scheme: "https", address: "::1", port: 0, localPort: 443, from: { run: "run_1" } },
    });
    const [, answer] = await Promise.all([
      writeAll(client, head.slice(20) + body),
      readUntil(client, (text) => text.endsWith(body)),
    ]);
    assert(answer.startsWith("HTTP/1.1 200 OK\r\n") && answer.endsWith(`\r\n\r\n${body}`));
    assert(seen.startsWith("PUT /x HTTP/1.1\r\n") && seen.endsWith(`\r\n\r\n${body}`));
    assert.match(seen, /\r\nForwarded: for="\[::1\]";host="a\.localhost";proto=https\r\n/);
    client.close();
    await served;
  });
}

Deno.test("an endpoint that never connects is 502 after a while, and is closed if it does later", async () => {
  const [near, far] = bytePipe(1500);
  const connection = Promise.withResolvers<ByteStream>();
  const endpoint: Endpoint = {
    id: "run_test/web",
    run: "test",
    name: "web",
    port: 1,
    connect: () => connection.promise,
  };
  using engine = new Http1Engine({
    limits: { connectMs: 20 },
    decide: () => ({ kind: "forward", endpoint }),
    explain: ({ status, reason }) => ({ status, headers: [], body: reason }),
  });
  const [client, front] = bytePipe(1500);
  const served = engine.serve(front, {
    origin: { scheme: "http", address: "::1", port: 0, localPort: 80, from: "host" },
  });
  await writeAll(client, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  const answer = await readUntil(client, (text) => text.endsWith("within 20 ms"));
  assert.match(answer, /^HTTP\/1\.1 502 /);
  connection.resolve(near);
  assert.equal(await far.read(new Uint8Array(1)), null);
  client.close();
  await served;
});

Deno.test("a client that leaves with its answer does not close the endpoint's connection under the next", async () => {
  const endpoint: Endpoint = {
    id: "run_test/web",
    run: "test",
    name: "web",
    port: 1,
    connect: () => {
      const [near, far] = memoryPipe();
      answerAll(far);
      return Promise.resolve(near);
    },
  };
  using engine = new Http1Engine({
    decide: () => ({ kind: "forward", endpoint }),
    explain: ({ status, reason }) => ({ status, headers: [], body: reason }),
  });
  const post = "POST / HTTP/1.1\r\nHost: a.localhost\r\nContent-Length: 1\r\n\r\nx";
  for (let ticks = 0; ticks < 40; ticks++) {
    const [client, front] = memoryPipe();
    const served = engine.serve(front, {
      origin: { scheme: "http", address: "::1", port: 0, localPort: 80, from: { run: "run_1" } },
    });
    await writeAll(client, post);
    const answer = await readUntil(client, (text) => text.endsWith("\r\n\r\n"));
    assert.match(answer, /^HTTP\/1\.1 204 /, `left ${ticks} ticks after an answer`);
    // Between two turns of the event loop, every moment has to do.
    for (let tick = 0; tick < ticks; tick++) await Promise.resolve();
    client.close();
    await served;
  }
});

/** Answers every request of one byte of body. */
async function answerAll(stream: ByteStream): Promise<void> {
  try {
    while (await readUntil(stream, (text) => text.endsWith("\r\n\r\nx")) !== "") {
      await writeAll(stream, "HTTP/1.1 204 No Content\r\n\r\n");
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.ConnectionReset)) throw error;
  }
}
