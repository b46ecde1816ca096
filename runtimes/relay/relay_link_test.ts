import assert from "node:assert/strict";
import type { ByteStream } from "../../core/plugin/runtime.ts";
import { Channel } from "../../tests/helpers/channel.ts";
import {
  type Frame,
  FrameReader,
  grantOf,
  HEAD_BYTES,
  putFrame,
  SAYS,
  type Says,
  WINDOW_BYTES,
} from "./frames.ts";
import { RelayLink } from "./relay_link.ts";

const NOTHING = new Uint8Array(0);

/** A relay whose part the test plays. */
class Stage implements AsyncDisposable {
  readonly link: RelayLink;
  readonly served: ByteStream[] = [];
  /** What moat said, data of a connection joined. */
  readonly heard: Frame[] = [];
  readonly #output = new Channel<Uint8Array>();
  readonly #reader = new FrameReader();
  /** Resolves when the relay is ended. */
  readonly #stuck = Promise.withResolvers<void>();
  isClosed = false;

  /** Without `listens` what moat says is never taken. */
  constructor({ serves = true, listens = true } = {}) {
    this.link = new RelayLink({
      read: () => this.#output.next(),
      write: (data) => {
        for (const { data: view, ...frame } of this.#reader.push(data)) {
          this.heard.push({ ...frame, data: view.slice() });
        }
        return listens ? Promise.resolve() : this.#stuck.promise;
      },
      closeWrite: () => Promise.resolve(this.#output.close()),
      close: () => {
        this.isClosed = true;
        this.#stuck.resolve();
        this.#output.close();
      },
    }, serves ? { serve: (stream) => void this.served.push(stream) } : {});
  }

  say(connection: number, says: Says, data: Uint8Array = NOTHING): void {
    const bytes = new Uint8Array(HEAD_BYTES + data.length);
    putFrame(bytes, 0, { connection, says, data });
    this.#output.push(bytes);
  }

  /** A new connection's stream. */
  async open(connection: number): Promise<ByteStream> {
    const count = this.served.length;
    this.say(connection, SAYS.open);
    while (this.served.length === count) await settle();
    const stream = this.served.at(-1);
    assert.ok(stream !== undefined);
    return stream;
  }

  /** Bytes of data that moat sent on the connection. */
  sent(connection: number): number {
    return this.heard
      .filter((frame) => frame.connection === connection && frame.says === SAYS.data)
      .reduce((sum, { data }) => sum + data.length, 0);
  }

  said(connection: number): readonly Says[] {
    return this.heard.filter((frame) => frame.connection === connection).map(({ says }) => says);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.link[Symbol.asyncDispose]();
  }
}

Deno.test("a stream sends no more than it was granted, and goes on when it is", async () => {
  await using stage = new Stage();
  const stream = await stage.open(1);
  const data = new Uint8Array(WINDOW_BYTES + 1000);
  const writing = writeAll(stream, data);
  await settle();
  assert.equal(stage.sent(1), WINDOW_BYTES);
  stage.say(1, SAYS.grant, grantOf(600));
  await settle();
  assert.equal(stage.sent(1), WINDOW_BYTES + 600);
  stage.say(1, SAYS.grant, grantOf(WINDOW_BYTES));
  await writing;
  assert.equal(stage.sent(1), data.length);
});

Deno.test("a stream grants what was read, not what came", async () => {
  await using stage = new Stage();
  const stream = await stage.open(1);
  for (let sent = 0; sent < WINDOW_BYTES; sent += 32 * 1024) {
    stage.say(1, SAYS.data, new Uint8Array(32 * 1024));
  }
  await settle();
  assert.deepEqual(stage.said(1), []);
  await readBytes(stream, WINDOW_BYTES / 2);
  await settle();
  const [grant] = stage.heard;
  assert.deepEqual([grant?.says, grant?.data], [SAYS.grant, grantOf(WINDOW_BYTES / 2)]);
});

Deno.test("a relay that sends more than it may is ended", async () => {
  await using stage = new Stage();
  const stream = await stage.open(1);
  for (let sent = 0; sent <= WINDOW_BYTES; sent += 32 * 1024) {
    stage.say(1, SAYS.data, new Uint8Array(32 * 1024));
  }
  await stage.link.ended;
  assert.ok(stage.isClosed);
  await readBytes(stream, WINDOW_BYTES);
  await assert.rejects(stream.read(new Uint8Array(1)), Deno.errors.ConnectionReset);
});

Deno.test("a relay that grants without reading is sent no more than a little", async () => {
  await using stage = new Stage({ listens: false });
  const stream = await stage.open(1);
  let written = 0;
  const writing = (async () => {
    const data = new Uint8Array(64 * 1024);
    for (;;) written += await stream.write(data);
  })();
  for (let count = 0; count < 100; count++) {
    stage.say(1, SAYS.grant, grantOf(WINDOW_BYTES));
    await settle();
  }
  assert.ok(written < 8 * WINDOW_BYTES, `${written} bytes wait for a relay that does not read`);
  stage.link.close();
  await assert.rejects(writing, Deno.errors.ConnectionReset);
});

Deno.test("a connection that sends what nobody reads when much of that is here is broken", async () => {
  await using stage = new Stage();
  const first = await stage.open(1);
  const piece = new Uint8Array(32 * 1024);
  const fill = (connection: number) => {
    for (let sent = 0; sent < WINDOW_BYTES; sent += piece.length) {
      stage.say(connection, SAYS.data, piece);
    }
  };
  fill(1);
  for (let connection = 2; connection <= 512; connection++) {
    await stage.open(connection);
    fill(connection);
  }
  const last = await stage.open(513);
  stage.say(513, SAYS.data, piece);
  await settle();
  await assert.rejects(last.read(piece.slice()), Deno.errors.ConnectionReset);
  assert.deepEqual(stage.said(513), [SAYS.gone]);
  assert.equal((await readBytes(first, WINDOW_BYTES)).length, WINDOW_BYTES);
  const next = await stage.open(514);
  stage.say(514, SAYS.data, Uint8Array.of(7));
  assert.deepEqual([...await readBytes(next, 1)], [7]);
});

for (
  const { title, said } of [
    { title: "opens one twice", said: [[1, SAYS.open], [1, SAYS.open]] },
    { title: "grants what is no number", said: [[1, SAYS.open], [1, SAYS.grant]] },
    { title: "goes on after the end", said: [[1, SAYS.open], [1, SAYS.end], [1, SAYS.data, 1]] },
  ] as const
) {
  Deno.test(`a relay that ${title} is ended`, async () => {
    await using stage = new Stage();
    for (const [connection, says, bytes = 0] of said) {
      stage.say(connection, says, new Uint8Array(bytes));
    }
    await stage.link.ended;
    assert.ok(stage.isClosed);
  });
}

Deno.test("words about connections that are gone already are nothing", async () => {
  await using stage = new Stage();
  const stream = await stage.open(1);
  stream.close();
  stage.say(1, SAYS.data, new Uint8Array(100));
  stage.say(1, SAYS.gone);
  const other = await stage.open(2);
  stage.say(2, SAYS.data, Uint8Array.of(7));
  assert.deepEqual([...await readBytes(other, 1)], [7]);
  assert.deepEqual(stage.said(1), [SAYS.gone]);
});

Deno.test("what came before a connection broke is still read", async () => {
  await using stage = new Stage();
  const stream = await stage.open(1);
  stage.say(1, SAYS.data, Uint8Array.of(1, 2, 3));
  stage.say(1, SAYS.gone);
  await settle();
  assert.deepEqual([...await readBytes(stream, 3)], [1, 2, 3]);
  await assert.rejects(stream.read(new Uint8Array(1)), Deno.errors.ConnectionReset);
  await assert.rejects(stream.write(new Uint8Array(1)), Deno.errors.ConnectionReset);
});

Deno.test("a write that waits ends when its stream is closed, or the relay ends", async () => {
  await using stage = new Stage();
  const [closed, broken] = [await stage.open(1), await stage.open(2)];
  const writes = [closed, broken].map((stream) =>
    writeAll(stream, new Uint8Array(WINDOW_BYTES + 1)).then(() => undefined, (error) => error)
  );
  await settle();
  closed.close();
  stage.link.close();
  const [first, second] = await Promise.all(writes);
  assert.ok(first instanceof Deno.errors.BrokenPipe);
  assert.ok(second instanceof Deno.errors.ConnectionReset);
});

Deno.test("a connection whose both sides have ended is over without another word", async () => {
  await using stage = new Stage();
  const stream = await stage.open(1);
  stage.say(1, SAYS.end);
  assert.equal(await stream.read(new Uint8Array(1)), null);
  await stream.closeWrite();
  stream.close();
  await settle();
  assert.deepEqual(stage.said(1), [SAYS.end]);
});

Deno.test("connect() asks for a connection, which is there when the relay says so", async () => {
  await using stage = new Stage({ serves: false });
  const connecting = stage.link.connect({ port: 80, hosts: ["127.0.0.1", "::1"] });
  const [asked] = stage.heard;
  assert.ok(asked !== undefined);
  assert.deepEqual([asked.says, text(asked.data)], [SAYS.connect, "80 127.0.0.1 ::1"]);
  stage.say(asked.connection, SAYS.open);
  stage.say(asked.connection, SAYS.data, Uint8Array.of(5));
  const stream = await connecting;
  assert.ok(stream !== undefined);
  assert.deepEqual([...await readBytes(stream, 1)], [5]);
});

Deno.test("connect() knows that nothing listens, that the relay has ended, that it is aborted", async () => {
  await using stage = new Stage({ serves: false });
  const target = { port: 80, hosts: ["127.0.0.1"] };
  const connecting = stage.link.connect(target);
  stage.say(stage.heard[0]?.connection ?? 0, SAYS.gone);
  assert.equal(await connecting, undefined);
  const abort = new AbortController();
  const aborted = stage.link.connect(target, { signal: abort.signal });
  const { connection = 0 } = stage.heard.at(-1) ?? {};
  abort.abort(new Error("enough"));
  await assert.rejects(aborted, /enough/);
  await settle();
  assert.deepEqual(stage.said(connection), [SAYS.connect, SAYS.gone]);
  // It may have been made meanwhile: then it is nobody's.
  stage.say(connection, SAYS.open);
  stage.say(connection, SAYS.data, Uint8Array.of(5));
  await settle();
  assert.ok(!stage.isClosed);
  const last = stage.link.connect(target);
  stage.link.close();
  await assert.rejects(last, Deno.errors.ConnectionReset);
  await assert.rejects(stage.link.connect(target), Deno.errors.ConnectionReset);
});

Deno.test("a relay that was not told to listen and opens a connection is ended", async () => {
  await using stage = new Stage({ serves: false });
  stage.say(1, SAYS.open);
  await stage.link.ended;
  assert.ok(stage.isClosed);
});

Deno.test("ready says what the relay said, or that it ended before", async () => {
  await using good = new Stage();
  good.say(0, SAYS.ready, new TextEncoder().encode("taken"));
  assert.equal(await good.link.ready, "taken");
  await using bad = new Stage();
  bad.link.close();
  assert.equal(await bad.link.ready, undefined);
});

function text(data: Uint8Array): string {
  return new TextDecoder().decode(data);
}

async function readBytes(stream: ByteStream, length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length;) {
    const count = await stream.read(bytes.subarray(at));
    if (count === null) return bytes.subarray(0, at);
    at += count;
  }
  return bytes;
}

async function writeAll(stream: ByteStream, data: Uint8Array): Promise<void> {
  for (let sent = 0; sent < data.length;) sent += await stream.write(data.subarray(sent));
}

/** Lets everything happen that needs nobody. */
function settle(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve));
}
