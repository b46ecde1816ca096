import assert from "node:assert/strict";
import { UnavailableError } from "../../core/errors.ts";
import { Engine, EngineError } from "./engine.ts";
import type { Connection } from "./wire/connection.ts";
import { interruptible } from "./wire/interruptible.ts";

type Answer = (request: string, socket: Deno.Conn) => Promise<void> | void;

/** A server that gives each request to `answer`; `/_ping` is answered with API 1.41. */
async function withServer(
  answer: Answer,
  check: (engine: Engine, seen: readonly string[], connections: () => number) => Promise<void>,
): Promise<void> {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const seen: string[] = [];
  const sockets: Deno.Conn[] = [];
  const serving = (async () => {
    for await (const socket of listener) {
      sockets.push(socket);
      serve(socket, seen, answer);
    }
  })();
  const { port } = listener.addr;
  const connect = async (): Promise<Connection> =>
    interruptible(await Deno.connect({ hostname: "127.0.0.1", port }));
  try {
    using engine = new Engine(connect);
    await check(engine, seen, () => sockets.length);
  } finally {
    listener.close();
    await serving;
    for (const socket of sockets) close(socket);
  }
}

async function serve(socket: Deno.Conn, seen: string[], answer: Answer): Promise<void> {
  const buffer = new Uint8Array(65536);
  try {
    for (let count; (count = await socket.read(buffer)) !== null;) {
      const request = new TextDecoder().decode(buffer.subarray(0, count));
      const line = request.split("\r\n")[0] ?? "";
      seen.push(line);
      if (line.startsWith("GET /_ping")) {
        await send(socket, "HTTP/1.1 200 OK\r\nApi-Version: 1.41\r\nContent-Length: 2\r\n\r\nOK");
      } else await answer(request, socket);
    }
  } catch (error) {
    if (!(error instanceof Error)) throw error;
  } finally {
    close(socket);
  }
}

async function send(socket: Deno.Conn, text: string): Promise<void> {
  await socket.write(new TextEncoder().encode(text));
}

function close(socket: Deno.Conn): void {
  try {
    socket.close();
  } catch (error) {
    if (!(error instanceof Deno.errors.BadResource)) throw error;
  }
}

const GET = { method: "GET", path: "/things", doing: 'list "things"' } as const;

Deno.test("Engine asks for the version once and uses the lower one", () =>
  withServer(
    (_, socket) => send(socket, 'HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n{"a":1}'),
    async (engine, seen, connections) => {
      const first = await engine.call(GET);
      await engine.call({ ...GET, query: { all: true, none: undefined, x: "ä &" } });
      assert.deepEqual(first.value, { a: 1 });
      assert.deepEqual(seen, [
        "GET /_ping HTTP/1.1",
        "GET /v1.41/things HTTP/1.1",
        "GET /v1.41/things?all=true&x=%C3%A4+%26 HTTP/1.1",
      ]);
      assert.equal(connections(), 1);
    },
  ));

Deno.test("Engine reads chunked answers however they are split", () =>
  withServer(
    async (_, socket) => {
      const text = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" +
        '4\r\n{"a"\r\n3;x=y\r\n:1}\r\n0\r\nTrailer: x\r\n\r\n';
      for (const character of text) await send(socket, character);
    },
    async (engine) => {
      assert.deepEqual((await engine.call(GET)).value, { a: 1 });
      assert.deepEqual((await engine.call(GET)).value, { a: 1 });
    },
  ));

Deno.test("Engine reports what the engine said", () =>
  withServer(
    (_, socket) =>
      send(
        socket,
        'HTTP/1.1 409 Conflict\r\nContent-Length: 26\r\n\r\n{"message":"it is in use"}',
      ),
    async (engine) => {
      await assert.rejects(engine.call(GET), (error) => {
        assert.ok(error instanceof EngineError);
        assert.deepEqual([error.message, error.status], [
          'Cannot list "things": it is in use',
          409,
        ]);
        return true;
      });
      assert.equal((await engine.call({ ...GET, accept: [409] })).status, 409);
    },
  ));

Deno.test("Engine tries once more when a kept connection was closed, but not for POST", () => {
  let turn = 0;
  return withServer(
    async (_, socket) => {
      turn++;
      if (turn % 2 === 0) return socket.close();
      await send(socket, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    },
    async (engine) => {
      await engine.call(GET);
      await engine.call(GET);
      assert.equal(turn, 3);
      await assert.rejects(engine.call({ ...GET, method: "POST" }), UnavailableError);
    },
  );
});

Deno.test("Engine sends pieces as they come, over a connection of their own", () => {
  let received = "";
  return withServer(
    async (request, socket) => {
      received += request;
      // A request that is longer than what was read of it is read on as if it were another.
      if (!received.includes("PUT") || received.endsWith("\r\n0\r\n\r\n")) {
        await send(socket, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
      }
    },
    async (engine, _, connections) => {
      async function* pieces() {
        yield new Uint8Array([97, 98, 99]);
        yield new Uint8Array(0);
        await Promise.resolve();
        yield new Uint8Array(300).fill(120);
      }
      await engine.call(GET);
      const before = connections();
      await engine.call({ ...GET, method: "PUT", body: pieces() });
      assert.equal(connections(), before + 1);
      assert.match(
        received,
        /transfer-encoding: chunked\r\n\r\n3\r\nabc\r\n12c\r\nx{300}\r\n0\r\n\r\n$/,
      );
      assert.match(received, /content-type: application\/x-tar\r\n/);
      assert.doesNotMatch(received.slice(received.indexOf("PUT")), /content-length/);
    },
  );
});

Deno.test("Engine gives up after the deadline", () =>
  withServer(
    () => {},
    async (engine) => {
      await engine.apiVersion();
      await assert.rejects(
        engine.call({ ...GET, timeoutMs: 50 }),
        /Cannot list "things": the engine did not answer within 0 s/,
      );
    },
  ));

Deno.test("Engine ends a stream when it is aborted", () =>
  withServer(
    (_, socket) => send(socket, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n"),
    async (engine) => {
      const abort = new AbortController();
      const read = async () => {
        for await (const _ of await engine.stream({ ...GET, signal: abort.signal })) {
          abort.abort(new Error("enough"));
        }
      };
      await assert.rejects(read(), /enough/);
    },
  ));

Deno.test("Engine keeps what came behind the head of a hijacked connection", () =>
  withServer(
    async (request, socket) => {
      assert.match(request, /\r\nupgrade: tcp\r\n/);
      await send(socket, "HTTP/1.1 101 UPGRADED\r\nUpgrade: tcp\r\n\r\nfirst");
    },
    async (engine) => {
      const { reader, connection } = await engine.hijack({ ...GET, method: "POST" });
      assert.equal(new TextDecoder().decode(await reader.next()), "first");
      connection.close();
    },
  ));

Deno.test("Engine says that something else listens there", () =>
  withServer(
    (_, socket) => send(socket, "SSH-2.0-OpenSSH\r\n\r\n"),
    async (engine) => {
      await assert.rejects(engine.call(GET), /this is not an engine's API/);
    },
  ));
