import assert from "node:assert/strict";
import { toBytes } from "../../../tests/helpers/raw_http.ts";
import { Buffers } from "../http1/buffers.ts";
import { Peer } from "../http1/peer.ts";
import { PREFACE } from "../http1/sniff.ts";
import { memoryPipe } from "./memory_pipe.ts";
import { passFrames } from "./pass_frames.ts";

const LONG_MS = 60_000;

/** Both ends of what is passed, in memory. */
function createBench({ prefaceMs = LONG_MS, lingerMs = LONG_MS } = {}) {
  const [client, clientSide] = memoryPipe();
  const [server, serverSide] = memoryPipe();
  const large = new Buffers(64 * 1024, { maxKept: 1 });
  const passing = passFrames(new Peer(clientSide, large), new Peer(serverSide, large), {
    refuse: () => {},
    onData: () => {},
    prefaceMs,
    lingerMs,
  });
  return { client, server, passing };
}

Deno.test("passFrames ends a client that says nothing", async () => {
  const { client, passing } = createBench({ prefaceMs: 10 });
  await passing;
  assert.equal(await client.read(new Uint8Array(1)), null);
});

Deno.test("passFrames answers nothing to a client that says something else", async () => {
  const { client, server, passing } = createBench();
  await client.write(toBytes("GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
  await passing;
  await assert.rejects(client.read(new Uint8Array(1)));
  await assert.rejects(server.read(new Uint8Array(1)));
});

Deno.test("passFrames ends a client that stays when the server has ended", async () => {
  const { client, server, passing } = createBench({ lingerMs: 10 });
  const settings = client.read(new Uint8Array(64));
  const preface = server.read(new Uint8Array(64));
  await client.write(PREFACE);
  assert.deepEqual([await settings, await preface], [15, PREFACE.length]);
  await server.closeWrite();
  assert.equal(await client.read(new Uint8Array(1)), null);
  await passing;
  await assert.rejects(client.write(toBytes("x")));
});
