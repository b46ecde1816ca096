import assert from "node:assert/strict";
import { createTestHome } from "../../tests/helpers/test_home.ts";
import { openRouter } from "../mod.ts";
import { openAuthority } from "./authority.ts";

const encoder = new TextEncoder();

/** A router with the run `shop`, whose server says what it was told. */
async function createBench() {
  const home = await createTestHome();
  const { certificate } = await openAuthority(home.directory);
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, (request) => {
    if (request.headers.get("upgrade") === "websocket") {
      const { socket, response } = Deno.upgradeWebSocket(request);
      socket.onmessage = ({ data }) => socket.send(`${data}!`);
      return response;
    }
    const { method, headers, body } = request;
    return new Response(body ?? `${method} ${headers.get("forwarded")}`);
  });
  const { port } = server.addr;
  const router = await openRouter({
    ports: [0],
    log: () => {},
    authorityDirectory: home.directory,
  });
  router.set({
    runId: "run_shop",
    runName: "shop",
    endpoints: [{ name: "web", port }],
    connect: () => Deno.connect({ hostname: "127.0.0.1", port }),
  });
  return {
    router,
    async connect(hostname: string, options: { readonly protocols?: string[] } = {}) {
      const connection = await Deno.connect({ hostname: "127.0.0.1", port: router.port });
      return await Deno.startTls(connection, {
        hostname,
        caCerts: [certificate],
        ...(options.protocols === undefined ? {} : { alpnProtocols: options.protocols }),
      });
    },
    async [Symbol.asyncDispose]() {
      await router[Symbol.asyncDispose]();
      await server.shutdown();
      await home[Symbol.asyncDispose]();
    },
  };
}

async function send(connection: Deno.TlsConn, text: string): Promise<void> {
  const bytes = encoder.encode(text);
  for (let at = 0; at < bytes.length;) at += await connection.write(bytes.subarray(at));
}

/** Reads until the text matches, or the end. */
async function readUntil(connection: Deno.TlsConn, wanted: RegExp): Promise<string> {
  const decoder = new TextDecoder();
  const block = new Uint8Array(64 * 1024);
  let text = "";
  while (!wanted.test(text)) {
    const count = await connection.read(block);
    if (count === null) break;
    text += decoder.decode(block.subarray(0, count), { stream: true });
  }
  return text;
}

Deno.test("a client that trusts the authority reaches endpoints by HTTPS, again and again", async () => {
  await using bench = await createBench();
  for (const host of ["web.shop.localhost", "shop.localhost"]) {
    using connection = await bench.connect(host);
    for (let turn = 0; turn < 3; turn++) {
      await send(connection, `GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
      const answer = await readUntil(connection, /proto=\w+/);
      assert.match(answer, /^HTTP\/1\.1 200 OK\r\n/);
      assert.match(answer, new RegExp(`GET for=127\\.0\\.0\\.1;host="${host}";proto=https`));
    }
  }
});

Deno.test("the same port goes on serving HTTP", async () => {
  await using bench = await createBench();
  using connection = await Deno.connect({ hostname: "127.0.0.1", port: bench.router.port });
  await connection.write(encoder.encode("GET / HTTP/1.1\r\nHost: shop.localhost\r\n\r\n"));
  const block = new Uint8Array(4096);
  const count = await connection.read(block);
  assert.match(new TextDecoder().decode(block.subarray(0, count ?? 0)), /proto=http\b/);
});

Deno.test("1 MiB goes both ways inside TLS", async () => {
  await using bench = await createBench();
  using connection = await bench.connect("shop.localhost");
  const body = "0123456789abcdef".repeat(65_536);
  const head = `POST / HTTP/1.1\r\nHost: shop.localhost\r\nConnection: close\r\n` +
    `Content-Length: ${body.length}\r\n\r\n`;
  const sending = send(connection, head + body);
  const answer = await readUntil(connection, /never/);
  await sending;
  assert(answer.replaceAll(/\r\n[0-9a-f]+\r\n/g, "").includes("0123456789abcdef".repeat(64)));
  assert((answer.match(/0123456789abcdef/g)?.length ?? 0) > 65_000);
});

Deno.test("a run that is not there is answered inside TLS, with a certificate of its name", async () => {
  await using bench = await createBench();
  using connection = await bench.connect("ship.localhost");
  await send(connection, "GET / HTTP/1.1\r\nHost: ship.localhost\r\nConnection: close\r\n\r\n");
  assert.match(await readUntil(connection, /never/), /^HTTP\/1\.1 404 [^]*ship\.localhost/);
});

Deno.test("a name that is not below localhost gets no certificate", async () => {
  await using bench = await createBench();
  const connection = await bench.connect("example.com");
  await assert.rejects(connection.handshake());
  connection.close();
});

Deno.test("a client that does not trust the authority disturbs nobody", async () => {
  await using bench = await createBench();
  const plain = await Deno.connect({ hostname: "127.0.0.1", port: bench.router.port });
  const distrusting = await Deno.startTls(plain, { hostname: "shop.localhost" });
  await assert.rejects(distrusting.handshake());
  distrusting.close();
  using connection = await bench.connect("shop.localhost");
  await connection.handshake();
});

Deno.test("bytes that only begin like TLS are answered with an alert", async () => {
  await using bench = await createBench();
  using connection = await Deno.connect({ hostname: "127.0.0.1", port: bench.router.port });
  await connection.write(new Uint8Array([0x16, 3, 1, 0, 4, 9, 0, 0, 0]));
  const block = new Uint8Array(64);
  assert.equal(await connection.read(block), 7);
  assert.deepEqual([...block.subarray(0, 7)], [0x15, 3, 3, 0, 2, 2, 50]);
  assert.equal(await connection.read(block), null);
});

Deno.test("a WebSocket opens inside TLS", async () => {
  await using bench = await createBench();
  using connection = await bench.connect("web.shop.localhost", { protocols: ["http/1.1"] });
  await send(
    connection,
    "GET / HTTP/1.1\r\nHost: web.shop.localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
  );
  assert.match(await readUntil(connection, /\r\n\r\n/), /^HTTP\/1\.1 101 /);
  // "hi", masked with zeros.
  await connection.write(new Uint8Array([0x81, 0x82, 0, 0, 0, 0, 0x68, 0x69]));
  assert.match(await readUntil(connection, /hi!/), /hi!/);
});
