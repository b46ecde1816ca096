import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import {
  type ClientHttp2Session,
  connect,
  constants,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
} from "node:http2";
import { createTestHome } from "../../../tests/helpers/test_home.ts";
import { until } from "../../../tests/helpers/until.ts";
import { openAuthority } from "../../tls/authority.ts";
import { openRouter } from "../open_router.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** What the endpoint does with one connection, whose first bytes are given as text. */
type Serve = (connection: Deno.Conn, text: string) => Promise<void>;

/** A router with the run `shop`, in front of a server that is written by hand. */
async function createBench(serve: Serve) {
  const home = await createTestHome();
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const served: Promise<void>[] = [];
  const accepting = (async () => {
    for await (const connection of listener) served.push(serveOne(connection, serve));
  })();
  const { port } = listener.addr;
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
  const session = connect(`http://127.0.0.1:${router.port}`);
  session.on("error", () => {});
  return {
    home,
    router,
    session,
    async [Symbol.asyncDispose]() {
      session.destroy();
      await router[Symbol.asyncDispose]();
      listener.close();
      await accepting;
      await Promise.all(served);
      await home[Symbol.asyncDispose]();
    },
  };
}

async function serveOne(connection: Deno.Conn, serve: Serve): Promise<void> {
  try {
    const text = await readUntil(connection, "\r\n\r\n");
    await serve(connection, text);
  } catch (error) {
    if (
      !(error instanceof Deno.errors.ConnectionReset) && !(error instanceof Deno.errors.BrokenPipe)
    ) {
      throw error;
    }
  } finally {
    connection.close();
  }
}

async function readUntil(connection: Deno.Conn, wanted: string, text = ""): Promise<string> {
  const block = new Uint8Array(64 * 1024);
  while (!text.includes(wanted)) {
    const count = await connection.read(block);
    if (count === null) break;
    text += decoder.decode(block.subarray(0, count), { stream: true });
  }
  return text;
}

async function write(connection: Deno.Conn, text: string): Promise<void> {
  const bytes = encoder.encode(text);
  for (let at = 0; at < bytes.length;) at += await connection.write(bytes.subarray(at));
}

const HELLO: Serve = (connection) =>
  write(connection, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello");

interface Asked {
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  readonly interim: readonly IncomingHttpHeaders[];
  readonly trailers: IncomingHttpHeaders | undefined;
}

/** One request to `web.shop.localhost`; rejects when its stream is reset. */
function ask(
  session: ClientHttp2Session,
  headers: OutgoingHttpHeaders = {},
  body?: string | Uint8Array,
): Promise<Asked> {
  const { promise, resolve, reject } = Promise.withResolvers<Asked>();
  const stream = session.request(
    { ":authority": "web.shop.localhost", ":path": "/", ...headers },
    { endStream: body === undefined },
  );
  const chunks: Uint8Array[] = [];
  const interim: IncomingHttpHeaders[] = [];
  let answered: IncomingHttpHeaders = {};
  let trailers: IncomingHttpHeaders | undefined;
  stream.on("headers", (fields) => interim.push(fields));
  stream.on("response", (fields) => answered = fields);
  stream.on("trailers", (fields) => trailers = fields);
  stream.on("data", (data: Uint8Array) => chunks.push(data));
  stream.on("error", reject);
  stream.on("close", () => {
    if (stream.rstCode !== constants.NGHTTP2_NO_ERROR) reject(new Error(`reset ${stream.rstCode}`));
    resolve({ headers: answered, body: Buffer.concat(chunks).toString(), interim, trailers });
  });
  if (body !== undefined) stream.end(body);
  return promise;
}

Deno.test("HTTP/2 by prior knowledge reaches the endpoint as plain HTTP/1.1", async () => {
  const seen: string[] = [];
  await using bench = await createBench(async (connection, text) => {
    seen.push(text);
    await HELLO(connection, text);
  });
  const { headers, body } = await ask(bench.session, { cookie: ["a=1", "b=2"], "x-a": "1" });
  assert.equal(headers[":status"], 200);
  assert.equal(headers.connection, undefined);
  assert.equal(body, "hello");
  assert.match(seen[0] ?? "", /^GET \/ HTTP\/1\.1\r\nhost: web\.shop\.localhost\r\n/i);
  assert.match(seen[0] ?? "", /\r\ncookie: a=1; b=2\r\n/);
  assert.match(seen[0] ?? "", /\r\nX-Forwarded-Proto: http\r\n/);
});

Deno.test("many requests of one connection are answered at the same time", async () => {
  const all = Promise.withResolvers<void>();
  let count = 0;
  await using bench = await createBench(async (connection, text) => {
    if (++count === 20) all.resolve();
    await all.promise;
    await HELLO(connection, text);
  });
  const answers = await Promise.all(Array.from({ length: 20 }, () => ask(bench.session)));
  assert.deepEqual([...new Set(answers.map(({ body }) => body))], ["hello"]);
});

Deno.test("hints, chunks and trailers come through", async () => {
  await using bench = await createBench((connection) =>
    write(
      connection,
      "HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n" +
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n\r\n" +
        "3\r\nabc\r\n2\r\nde\r\n0\r\nX-Sum: 5\r\n\r\n",
    )
  );
  const { headers, body, interim, trailers } = await ask(bench.session);
  assert.equal(interim[0]?.[":status"], 103);
  assert.equal(interim[0]?.link, "</a.css>");
  assert.deepEqual(headers["set-cookie"], ["a=1", "b=2"]);
  assert.equal(headers["transfer-encoding"], undefined);
  assert.equal(body, "abcde");
  assert.equal(trailers?.["x-sum"], "5");
});

Deno.test("fields may have the names of what objects have, and none is about HTTP/1.1", async () => {
  await using bench = await createBench((connection) =>
    write(
      connection,
      "HTTP/1.1 103 Early Hints\r\nTE: gzip\r\n\r\n" +
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConstructor: a\r\n__proto__: b\r\nTE: gzip\r\n\r\n" +
        "0\r\nConstructor: c\r\n\r\n",
    )
  );
  const { headers, trailers } = await ask(bench.session);
  const own = (name: string) => Object.getOwnPropertyDescriptor(headers, name)?.value;
  assert.deepEqual([own("constructor"), own("__proto__"), own("te")], ["a", "b", undefined]);
  assert.equal(trailers?.constructor, "c");
});

Deno.test("a body without a length is sent in chunks", async () => {
  const bodies: string[] = [];
  await using bench = await createBench(async (connection, text) => {
    bodies.push(await readUntil(connection, "0\r\n\r\n", text));
    await HELLO(connection, text);
  });
  await ask(bench.session, { ":method": "POST" }, "some text");
  assert.match(
    bodies[0] ?? "",
    /Transfer-Encoding: chunked\r\n[^]*\r\n\r\n9\r\nsome text\r\n0\r\n\r\n$/i,
  );
});

Deno.test("8 MiB go both ways", async () => {
  const text = "0123456789abcdef".repeat(512 * 1024);
  await using bench = await createBench(async (connection, head) => {
    const [, start = ""] = head.split("\r\n\r\n");
    let received = start.length;
    const block = new Uint8Array(256 * 1024);
    while (received < text.length) received += await connection.read(block) ?? text.length;
    await write(
      connection,
      `HTTP/1.1 200 OK\r\nContent-Length: ${received}\r\nConnection: close\r\n\r\n${text}`,
    );
  });
  const { body } = await ask(
    bench.session,
    { ":method": "POST", "content-length": text.length },
    text,
  );
  assert(body === text);
});

Deno.test("bodies in chunks are whole, and their connection to the endpoint is kept", async () => {
  const text = "0123456789abcdef".repeat(32 * 1024);
  let connections = 0;
  await using bench = await createBench(async (connection, first) => {
    connections += 1;
    for (
      let head = first;
      head.startsWith("POST");
      head = await readUntil(connection, "\r\n\r\n")
    ) {
      const body = head.slice(head.indexOf("\r\n\r\n") + 4);
      assert.equal(await readUntil(connection, "done", body), "done");
      const chunk = `4000\r\n${text.slice(0, 0x4000)}\r\n`;
      const chunks = chunk.repeat(text.length / 0x4000);
      await write(
        connection,
        `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${chunks}0\r\n\r\n`,
      );
    }
  });
  for (let count = 0; count < 20; count++) {
    const { body } = await ask(
      bench.session,
      { ":method": "POST", "content-length": 4 },
      "done",
    );
    assert(body === text, `${body.length} characters`);
  }
  assert.equal(connections, 1);
});

Deno.test("HEAD, 204 and 304 have no body", async () => {
  await using bench = await createBench((connection, text) => {
    const [, status = "200"] = /^\w+ \/(\d+)/.exec(text) ?? [];
    return write(connection, `HTTP/1.1 ${status} Fine\r\nETag: "a"\r\nConnection: close\r\n\r\n`);
  });
  const head = await ask(bench.session, { ":method": "HEAD", ":path": "/200" });
  assert.equal(head.headers.etag, '"a"');
  assert.equal((await ask(bench.session, { ":path": "/204" })).headers[":status"], 204);
  assert.equal((await ask(bench.session, { ":path": "/304" })).headers[":status"], 304);
});

Deno.test("an endpoint that ends half-way resets the stream, not the connection", async () => {
  await using bench = await createBench((connection, text) =>
    text.startsWith("GET /broken")
      ? write(connection, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this")
      : HELLO(connection, text)
  );
  await assert.rejects(ask(bench.session, { ":path": "/broken" }));
  assert.equal((await ask(bench.session)).body, "hello");
});

Deno.test("a request that is reset ends what the endpoint has of it", async () => {
  const [begun, gone] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  await using bench = await createBench(async (connection) => {
    begun.resolve();
    const block = new Uint8Array(16);
    await connection.read(block).catch(() => {});
    gone.resolve();
  });
  const stream = bench.session.request({ ":authority": "shop.localhost", ":path": "/" });
  stream.on("error", () => {});
  await begun.promise;
  stream.close(constants.NGHTTP2_CANCEL);
  await gone.promise;
});

Deno.test("how many requests a connection may have at a time is announced", async () => {
  await using bench = await createBench(HELLO);
  using client = await rudeClient(bench.router.port);
  for await (const { type, payload } of client.frames()) {
    assert.deepEqual([type, ...payload], [4, 0, 3, 0, 0, 0, 250]);
    break;
  }
});

Deno.test("extended CONNECT is not announced", async () => {
  await using bench = await createBench(HELLO);
  await ask(bench.session);
  assert(!bench.session.remoteSettings.enableConnectProtocol);
});

Deno.test("HTTP/2 inside TLS is offered and served", async () => {
  await using bench = await createBench(HELLO);
  const { certificate } = await openAuthority(bench.home.directory);
  using client = Deno.createHttpClient({ caCerts: [certificate], http1: false, http2: true });
  const response = await fetch(`https://localhost:${bench.router.port}/`, { client });
  assert.equal(response.status, 200);
  assert.equal((await response.json()).runs[0].name, "shop");
});

/** One frame (RFC 9113 4.1). */
function frame(type: number, flags: number, stream: number, payload: readonly number[]): number[] {
  return [0, payload.length >> 8, payload.length & 255, type, flags, 0, 0, 0, stream, ...payload];
}

Deno.test("a client that breaks the rules ends its own connection and nothing else", async () => {
  await using bench = await createBench(HELLO);
  const [headers, endOfHeaders] = [1, 4];
  const name = encoder.encode("shop.localhost");
  const request = [0x82, 0x86, 0x84, 0x41, name.length, ...name];
  using rude = await Deno.connect({ hostname: "127.0.0.1", port: bench.router.port });
  // A second head that does not end the stream.
  await rude.write(
    new Uint8Array([
      ...encoder.encode("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
      ...frame(4, 0, 0, []),
      ...frame(headers, endOfHeaders, 1, request),
      ...frame(headers, endOfHeaders, 1, [0x40, 1, 0x78, 1, 0x79]),
      ...frame(headers, endOfHeaders, 1, request),
    ]),
  );
  const block = new Uint8Array(4096);
  await rude.read(block);
  assert.equal((await ask(bench.session)).body, "hello");
});

interface SeenFrame {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  readonly payload: readonly number[];
}

/** A client of HTTP/2 that sends what it is told to, behind preface and settings. */
async function rudeClient(port: number, settings: readonly number[] = []) {
  const connection = await Deno.connect({ hostname: "127.0.0.1", port });
  const preface = encoder.encode("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
  const send = (frames: readonly number[]) => connection.write(new Uint8Array(frames));
  await send([...preface, ...frame(4, 0, 0, settings)]);
  return {
    send,
    /** What comes, to the end of the connection. */
    async *frames(): AsyncGenerator<SeenFrame> {
      const block = new Uint8Array(4096);
      let bytes: number[] = [];
      for (let count; (count = await connection.read(block)) !== null;) {
        bytes = [...bytes, ...block.subarray(0, count)];
        for (;;) {
          const [, high = 0, low = 0, type = 0, flags = 0, , , , stream = 0] = bytes;
          const size = 9 + high * 256 + low;
          if (bytes.length < 9 || bytes.length < size) break;
          yield { type, flags, stream, payload: bytes.slice(9, size) };
          bytes = bytes.slice(size);
        }
      }
    },
    [Symbol.dispose]: () => connection.close(),
  };
}

/** A GET of the shop's page, as HPACK has it. */
function requestBlock(): readonly number[] {
  const name = encoder.encode("shop.localhost");
  return [0x82, 0x86, 0x84, 0x41, name.length, ...name];
}

/** The code of the GOAWAY with which the connection ends. */
async function codeOfEnd(port: number, frames: readonly number[]): Promise<number | undefined> {
  using rude = await rudeClient(port);
  await rude.send(frames);
  let code: number | undefined;
  for await (const { type, payload } of rude.frames()) if (type === 7) code = payload[7];
  return code;
}

Deno.test("frames that a client must not send end its connection with the reason", async () => {
  await using bench = await createBench(HELLO);
  const head = requestBlock();
  const [data, headers, priority, reset, ping] = [0, 1, 2, 3, 6];
  const [protocolError, streamClosed, frameSizeError] = [1, 5, 6];
  const begun = frame(headers, 4, 1, head);
  const whole = frame(headers, 5, 1, head);
  const cancel = frame(reset, 0, 1, [0, 0, 0, 8]);
  const cases: readonly (readonly [string, readonly number[], number])[] = [
    ["DATA behind the end", [...whole, ...frame(data, 1, 1, [120])], streamClosed],
    ["HEADERS behind the end", [...whole, ...whole], streamClosed],
    ["DATA behind a reset", [...begun, ...cancel, ...frame(data, 1, 1, [120])], streamClosed],
    ["HEADERS behind a reset", [...begun, ...cancel, ...whole], streamClosed],
    ["a number that was left out", [...frame(headers, 5, 5, head), ...whole], protocolError],
    ["PRIORITY of no stream", frame(priority, 0, 0, [0, 0, 0, 1, 9]), protocolError],
    ["PRIORITY behind itself", frame(priority, 0, 3, [0, 0, 0, 3, 9]), protocolError],
    ["PING of a stream", frame(ping, 0, 3, [1, 2, 3, 4, 5, 6, 7, 8]), protocolError],
    ["a short PING", frame(ping, 0, 0, [1, 2, 3]), frameSizeError],
  ];
  for (const [what, frames, code] of cases) {
    assert.equal(await codeOfEnd(bench.router.port, frames), code, what);
  }
  assert.equal((await ask(bench.session)).body, "hello");
});

Deno.test("a stream's window that is too large resets that stream alone", async () => {
  await using bench = await createBench(HELLO);
  using rude = await rudeClient(bench.router.port);
  const head = requestBlock();
  const window = frame(8, 0, 1, [0x7f, 0xff, 0xff, 0xff]);
  await rude.send([...frame(1, 5, 1, head), ...window, ...frame(1, 5, 3, head)]);
  const reset: number[] = [];
  for await (const { type, stream, payload } of rude.frames()) {
    if (type === 3) reset.push(stream, payload[3] ?? 0);
    if (type === 0 && stream === 3) break;
  }
  assert.deepEqual(reset, [1, 3]);
});

Deno.test("a client that takes little at a time gets all chunks and their end", async () => {
  await using bench = await createBench((connection) =>
    write(
      connection,
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" +
        `1f40\r\n${"x".repeat(8000)}\r\n0\r\n\r\n`,
    )
  );
  const initialWindow = [0, 4, 0, 0, 0, 100];
  using slow = await rudeClient(bench.router.port, initialWindow);
  await slow.send(frame(1, 5, 1, requestBlock()));
  let length = 0;
  let end: string | undefined;
  for await (const { type, flags, payload } of slow.frames()) {
    if (type === 0) length += payload.length;
    if (type === 3) end = "reset, which lets clients forget what they have not read";
    if (type === 0 && (flags & 1) !== 0) end = "end of the stream";
    if (end !== undefined) break;
    // The router has all of the answer by the time that it has heard this and the next.
    if (type === 0) await slow.send(frame(6, 0, 0, [0, 0, 0, 0, 0, 0, 0, 0]));
    if (type === 6) await slow.send(frame(8, 0, 1, [0, 0, 3, 232]));
  }
  assert.deepEqual([length, end], [8000, "end of the stream"]);
});

Deno.test("a router that drains ends unused connections, and the others after their answer", async () => {
  const [begun, proceed] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  await using bench = await createBench(async (connection, text) => {
    if (text.startsWith("GET /slow")) {
      begun.resolve();
      await proceed.promise;
    }
    await HELLO(connection, text);
  });
  const unused = connect(`http://127.0.0.1:${bench.router.port}`);
  unused.on("error", () => {});
  await ask(unused);
  const closed = new Promise<void>((resolve) => unused.on("close", resolve));
  const answer = ask(bench.session, { ":path": "/slow" });
  await begun.promise;
  const drained = bench.router.drain({ timeoutMs: 60_000 });
  await closed;
  proceed.resolve();
  assert.equal((await answer).body, "hello");
  await drained;
});

Deno.test("a client that does not read stops the endpoint", async () => {
  const [total, piece] = [64 << 20, new Uint8Array(64 * 1024)];
  let taken = 0;
  await using bench = await createBench(async (connection) => {
    await write(connection, `HTTP/1.1 200 OK\r\nContent-Length: ${total}\r\n\r\n`);
    while (taken < total) taken += await connection.write(piece);
  });
  using rude = await rudeClient(bench.router.port);
  await rude.send(frame(1, 5, 1, requestBlock()));
  for await (const { type } of rude.frames()) if (type === 1) break;
  let [before, times] = [-1, 0];
  await until("the endpoint takes a rest", async () => {
    times = taken === before ? times + 1 : 0;
    before = taken;
    return await Promise.resolve(times > 20);
  });
  assert(taken < total / 2, `${taken} bytes`);
});
