import assert from "node:assert/strict";
import http2 from "node:http2";
import type { AddressInfo } from "node:net";
import { dialLoopback } from "../../tests/helpers/byte_streams.ts";
import { delay } from "../delay.ts";
import type { ReadyProbe } from "../plugin/contribution.ts";
import type { ContainerState } from "../plugin/runtime.ts";
import { awaitReady, type AwaitReadySubject, NotReadyError } from "./await_ready.ts";

const PASSWORD = "correct";
const POSTGRES_AUTH = new Uint8Array([0x52, 0, 0, 0, 8, 0, 0, 0, 3]);
const MYSQL_HANDSHAKE = mysqlPacket(new Uint8Array([10, ...new TextEncoder().encode("11.4.2\0")]));

/** What a fake server does with one connection. */
type Manner = (connection: Deno.TcpConn) => Promise<void>;

/** A server on loopback that can be taken away and brought back on its port. */
class FakeServer implements AsyncDisposable {
  #listener: Deno.TcpListener | undefined;
  readonly #serving: Promise<void>[] = [];
  readonly #open = new Set<Deno.TcpConn>();
  readonly #manner: Manner;
  port = 0;
  connections = 0;

  constructor(manner: Manner) {
    this.#manner = manner;
    this.rise();
  }

  rise(): void {
    const listener = Deno.listen({ hostname: "127.0.0.1", port: this.port });
    this.#listener = listener;
    this.port = listener.addr.port;
    this.#serving.push(this.#serve(listener));
  }

  /** The other side is told: a read that waits here would hold the connection open. */
  fall(): void {
    this.#listener?.close();
    this.#listener = undefined;
    for (const connection of this.#open) {
      connection.closeWrite().catch(() => {}).finally(() => connection.close());
    }
    this.#open.clear();
  }

  async #serve(listener: Deno.TcpListener): Promise<void> {
    const manners: Promise<void>[] = [];
    for await (const connection of listener) {
      this.connections++;
      this.#open.add(connection);
      // The other side hangs up, or the server falls.
      manners.push(
        this.#manner(connection).catch(() => {}).finally(() => {
          if (this.#open.delete(connection)) connection.close();
        }),
      );
    }
    await Promise.all(manners);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.fall();
    await Promise.all(this.#serving);
  }
}

function running(startedAt = new Date(0)): ContainerState {
  return {
    name: "fake",
    status: "running",
    startedAt,
    isolation: "container",
    isolatedBy: "nothing",
    addresses: [],
  };
}

function subject(changes: Partial<AwaitReadySubject> = {}): AwaitReadySubject {
  return {
    dial: dialLoopback,
    exec: () => Promise.reject(new Error("no command is expected")),
    inspect: () => Promise.resolve(running()),
    password: PASSWORD,
    ...changes,
  };
}

async function drain(connection: Deno.TcpConn): Promise<void> {
  const buffer = new Uint8Array(1024);
  while (await connection.read(buffer) !== null);
}

async function readSome(connection: Deno.TcpConn): Promise<Uint8Array> {
  const buffer = new Uint8Array(1024);
  return buffer.slice(0, await connection.read(buffer) ?? 0);
}

function mysqlPacket(payload: Uint8Array): Uint8Array {
  return new Uint8Array([payload.length, 0, 0, 0, ...payload]);
}

function postgresError(code: string, message: string): Uint8Array {
  const body = new TextEncoder().encode(`SFATAL\0C${code}\0M${message}\0\0`);
  return new Uint8Array([0x45, 0, 0, 0, body.length + 4, ...body]);
}

/** Checks the start-up message's bytes, so that the probe cannot send just anything. */
function postgres(answer: Uint8Array): Manner {
  return async (connection) => {
    const message = await readSome(connection);
    const view = new DataView(message.buffer);
    assert.equal(view.getUint32(0), message.length);
    assert.equal(view.getUint32(4), 3 << 16);
    await connection.write(answer);
    if (answer[0] === 0x52) await drain(connection);
  };
}

const mysql: Manner = async (connection) => {
  await connection.write(MYSQL_HANDSHAKE);
  await drain(connection);
};

const redis: Manner = async (connection) => {
  let text = "";
  let isKnown = false;
  for (;;) {
    const piece = await readSome(connection);
    if (piece.length === 0) return;
    text += new TextDecoder().decode(piece);
    for (;;) {
      const match = /^\*(\d)\r\n((?:\$\d+\r\n[^\r]*\r\n)+)/.exec(text);
      if (match === null || match[2] === undefined) break;
      text = text.slice(match[0].length);
      const words = match[2].split("\r\n").filter((_, index) => index % 2 === 1);
      if (words[0] === "AUTH") isKnown = words[1] === PASSWORD;
      const answer = words[0] === "AUTH"
        ? isKnown ? "+OK" : "-WRONGPASS invalid username-password pair or user is disabled."
        : isKnown
        ? "+PONG"
        : "-NOAUTH Authentication required.";
      await connection.write(new TextEncoder().encode(`${answer}\r\n`));
    }
  }
};

function http(status: string): Manner {
  return async (connection) => {
    const request = new TextDecoder().decode(await readSome(connection));
    assert.match(request, /^GET \/health HTTP\/1\.1\r\nHost: /);
    await connection.write(new TextEncoder().encode(`HTTP/1.1 ${status}\r\n\r\n`));
  };
}

/** The same manner, its answers one byte at a time. */
function inBytes(manner: Manner): Manner {
  return (connection) =>
    manner(
      new Proxy(connection, {
        get(target, key) {
          if (key !== "write") {
            const value = Reflect.get(target, key, target);
            return typeof value === "function" ? value.bind(target) : value;
          }
          return async (data: Uint8Array) => {
            for (const byte of data) await target.write(new Uint8Array([byte]));
            return data.length;
          };
        },
      }),
    );
}

const silent: Manner = drain;
const garbage: Manner = async (connection) => {
  await connection.write(new TextEncoder().encode("220 hello, this is something else\r\n"));
  await drain(connection);
};

const PROTOCOLS = ["postgres", "mysql", "redis", "http", "grpc"] as const;

type Kind = Exclude<ReadyProbe["kind"], "command">;

function probeOf(kind: Kind, port: number): ReadyProbe {
  if (kind === "http") return { kind, port, path: "/health" };
  if (kind === "grpc") return { kind, port, method: "/test.Service/List" };
  return { kind, port };
}

async function failure(
  kind: Kind,
  manner: Manner,
  { timeoutMs = 400, ...changes }: Partial<AwaitReadySubject> & { timeoutMs?: number } = {},
): Promise<NotReadyError> {
  await using server = new FakeServer(manner);
  const error = await awaitReady(probeOf(kind, server.port), subject(changes), { timeoutMs })
    .then(() => undefined, (error: unknown) => error);
  assert(error instanceof NotReadyError, `${kind}: ${error}`);
  return error;
}

const MANNERS: readonly (readonly [Kind, Manner])[] = [
  ["postgres", postgres(POSTGRES_AUTH)],
  ["mysql", mysql],
  ["redis", redis],
  ["http", http("204 No Content")],
  ["tcp", silent],
];

for (const [kind, manner] of MANNERS) {
  Deno.test(`awaitReady() sees ${kind} ready, and no sooner than 100 ms after it answers`, async () => {
    await using server = new FakeServer(manner);
    const began = performance.now();
    await awaitReady(probeOf(kind, server.port), subject(), { timeoutMs: 10_000 });
    assert(performance.now() - began >= 100);
    assert(server.connections >= 2);
  });

  Deno.test(`awaitReady() sees ${kind} ready whose answers come in single bytes`, async () => {
    await using server = new FakeServer(inBytes(manner));
    await awaitReady(probeOf(kind, server.port), subject(), { timeoutMs: 10_000 });
  });

  Deno.test(`awaitReady() does not take ${kind} for ready that answers, dies and comes back`, async () => {
    await using server = new FakeServer(manner);
    let isBack = false;
    const ready = awaitReady(probeOf(kind, server.port), subject(), { timeoutMs: 10_000 })
      .then(() => assert(isBack, "it was taken for ready before it came back"));
    while (server.connections === 0) await delay(1);
    // Right after its first answer, and back before the second question.
    await delay(20);
    server.fall();
    await delay(30);
    const before = server.connections;
    isBack = true;
    server.rise();
    await ready;
    assert(server.connections - before >= 3, "its first answer after the return was not the first");
  });

  Deno.test(`awaitReady() reports ${kind} that nothing listens for`, async () => {
    await using server = new FakeServer(manner);
    server.fall();
    await assert.rejects(
      awaitReady(probeOf(kind, server.port), subject(), { timeoutMs: 200 }),
      /no answer within 0\.2 s; at last, .*refused/i,
    );
  });
}

Deno.test("awaitReady() reports what is not the protocol", async () => {
  await Promise.all(PROTOCOLS.map(async (kind) => {
    const { state } = await failure(kind, garbage);
    assert.match(state, /does not speak/, kind);
  }));
});

Deno.test("awaitReady() reports a server that takes connections and says nothing", async () => {
  await Promise.all(PROTOCOLS.map(async (kind) => {
    const { state } = await failure(kind, silent, { timeoutMs: 2500 });
    assert.match(state, /at last, nothing was said for 2 s/, kind);
  }));
});

Deno.test("awaitReady() reports a server that closes every connection", async () => {
  await Promise.all(PROTOCOLS.map(async (kind) => {
    const { state } = await failure(kind, () => Promise.resolve());
    assert.match(state, /closed the connection without an answer|reset|broken pipe/i, kind);
  }));
  const { state } = await failure("tcp", () => Promise.resolve());
  assert.match(state, /it answered, and then closed the connection/);
});

Deno.test("awaitReady() waits for a slow answer", async () => {
  await using server = new FakeServer(async (connection) => {
    await readSome(connection);
    await delay(300);
    await connection.write(POSTGRES_AUTH);
    await drain(connection);
  });
  await awaitReady(probeOf("postgres", server.port), subject(), { timeoutMs: 10_000 });
});

Deno.test("awaitReady() waits while postgres starts, and takes any other error for an answer", async () => {
  const starting = postgresError("57P03", "das Datenbanksystem startet");
  const { state } = await failure("postgres", postgres(starting));
  assert.match(state, /at last, it says "das Datenbanksystem startet"/);
  await using server = new FakeServer(postgres(postgresError("28000", "no entry")));
  await awaitReady(probeOf("postgres", server.port), subject(), { timeoutMs: 10_000 });
});

Deno.test("awaitReady() takes an error packet of mysql for no answer", async () => {
  const packet = mysqlPacket(
    new Uint8Array([0xff, 0x6a, 4, ...new TextEncoder().encode("Host is blocked\n")]),
  );
  const { state } = await failure("mysql", async (connection) => {
    await connection.write(packet);
  });
  assert.match(state, /at last, it says "Host is blocked"/);
});

Deno.test("awaitReady() refuses redis at once that wants another password", async () => {
  const began = performance.now();
  for (const password of ["wrong", undefined]) {
    const { state } = await failure("redis", redis, {
      timeoutMs: 10_000,
      ...(password === undefined ? { password: undefined as never } : { password }),
    });
    assert.match(state, /does not take this run's password: it says "(?:WRONGPASS|NOAUTH)/);
    assert(!state.includes('wrong"'));
  }
  assert(performance.now() - began < 2000);
});

Deno.test("awaitReady() waits while redis loads its data", async () => {
  const { state } = await failure("redis", async (connection) => {
    await readSome(connection);
    await connection.write(
      new TextEncoder().encode("-LOADING Redis is loading the dataset in memory\r\n"),
    );
  });
  assert.match(state, /LOADING/);
});

Deno.test("awaitReady() takes no HTTP status from 400 on for an answer", async () => {
  const { state } = await failure("http", http("503 Service Unavailable"));
  assert.match(state, /GET \/health gives "HTTP\/1\.1 503 Service Unavailable"/);
});

Deno.test("awaitReady() reports a server that exits, at once and with its code", async () => {
  const exit = { code: 7, oomKilled: false };
  let asked = 0;
  const began = performance.now();
  const { state, exit: seen } = await failure("tcp", () => Promise.resolve(), {
    timeoutMs: 30_000,
    inspect: () =>
      Promise.resolve(asked++ < 3 ? running() : { ...running(), status: "exited", exit }),
  });
  assert.match(state, /^it ended with exit code 7$/);
  assert.deepEqual(seen, exit);
  assert(performance.now() - began < 5000);
});

Deno.test("awaitReady() says so when it ended for want of memory, or is gone", async () => {
  const exit = { code: 137, oomKilled: true };
  const killed = await failure("tcp", () => Promise.resolve(), {
    inspect: () => Promise.resolve({ ...running(), status: "exited", exit }),
  });
  assert.match(killed.state, /exit code 137, as it took more memory than it may/);
  const gone = await failure("tcp", () => Promise.resolve(), {
    inspect: () => Promise.resolve(undefined),
  });
  assert.match(gone.state, /it is gone/);
});

Deno.test("awaitReady() does not take a companion for ready that starts over and over", async () => {
  let starts = 0;
  const { state } = await failure("tcp", silent, {
    inspect: () => Promise.resolve(running(new Date(++starts))),
  });
  assert.match(state, /it answered, and then started anew/);
});

Deno.test("awaitReady() runs a command twice, and reports how it ends", async () => {
  const codes = [1, 1, 0, 0];
  const commands: (readonly string[])[] = [];
  await awaitReady(
    { kind: "command", command: ["is-ready", "--now"] },
    subject({
      exec(command) {
        commands.push(command);
        return Promise.resolve(codes.shift() ?? 0);
      },
    }),
    { timeoutMs: 10_000 },
  );
  assert(commands.length >= 4);
  assert.deepEqual(commands[0], ["is-ready", "--now"]);
  await assert.rejects(
    awaitReady(
      { kind: "command", command: ["is-ready", "--now"] },
      subject({ exec: () => Promise.resolve(3) }),
      { timeoutMs: 200 },
    ),
    /"is-ready --now" ends with 3/,
  );
});

Deno.test("awaitReady() can be interrupted while an attempt hangs", async () => {
  await using server = new FakeServer(silent);
  const controller = new AbortController();
  const waiting = awaitReady(probeOf("postgres", server.port), subject(), {
    timeoutMs: 30_000,
    signal: controller.signal,
  });
  while (server.connections === 0) await delay(1);
  controller.abort(new Error("enough"));
  await assert.rejects(waiting, /enough/);
});

Deno.test("awaitReady() reports that the companion cannot be looked at", async () => {
  await using server = new FakeServer(silent);
  await assert.rejects(
    awaitReady(
      probeOf("postgres", server.port),
      subject({ inspect: () => Promise.reject(new Error("the engine is away")) }),
      { timeoutMs: 30_000 },
    ),
    /the engine is away/,
  );
});

/** A gRPC method served by another implementation of HTTP/2. */
async function withGrpc(
  trailers: Readonly<Record<string, string>>,
  use: (port: number) => Promise<void>,
): Promise<void> {
  const server = http2.createServer();
  const sessions = new Set<http2.ServerHttp2Session>();
  server.on("session", (session) => {
    sessions.add(session);
    session.on("error", () => {});
    session.on("close", () => sessions.delete(session));
  });
  server.on("stream", (stream: http2.ServerHttp2Stream, headers: http2.IncomingHttpHeaders) => {
    stream.on("error", () => {});
    assert.equal(headers[":path"], "/test.Service/List");
    assert.equal(headers["content-type"], "application/grpc");
    let size = 0;
    stream.on("data", (data) => size += data.length);
    stream.on("end", () => {
      assert.equal(size, 5);
      stream.respond({ ":status": 200, "content-type": "application/grpc" }, {
        waitForTrailers: true,
      });
      stream.on("wantTrailers", () => stream.sendTrailers(trailers));
      stream.end(new Uint8Array(5));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    await use((server.address() as AddressInfo).port);
  } finally {
    for (const session of sessions) session.destroy();
    await new Promise((resolve) => server.close(resolve));
  }
}

Deno.test("awaitReady() sees gRPC ready by a status of 0", async () => {
  await withGrpc({ "grpc-status": "0", "grpc-message": "fine" }, async (port) => {
    await awaitReady(probeOf("grpc", port), subject(), { timeoutMs: 10_000 });
  });
});

Deno.test("awaitReady() reports another status of gRPC", async () => {
  for (const status of ["5", "12", "14"]) {
    await withGrpc({ "grpc-message": "not here", "grpc-status": status }, async (port) => {
      await assert.rejects(
        awaitReady(probeOf("grpc", port), subject(), { timeoutMs: 300 }),
        new RegExp(`/test.Service/List gives the gRPC status ${status}$`),
      );
    });
  }
});
