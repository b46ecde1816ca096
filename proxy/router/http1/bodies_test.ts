import assert from "node:assert/strict";
import { type RawConnection, Rig, toText } from "../../../tests/helpers/raw_http.ts";

const ROUNDS = 100;
const LENGTHS = [
  0,
  1,
  2,
  17,
  1000,
  4095,
  4096,
  4097,
  16_383,
  16_385,
  65_535,
  65_536,
  65_537,
  300_000,
];
const METHODS = ["POST", "PUT", "PATCH", "DELETE", "GET", "BREW"];
const ENCODINGS = ["identity", "gzip", "deflate", "br", "zstd", "x-own"];

/** A generator that gives the same numbers for the same seed: mulberry32. */
class Chance {
  #state: number;

  constructor(seed: number) {
    this.#state = seed;
  }

  below(limit: number): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit;
  }

  of<T>(items: readonly T[]): T {
    const item = items[this.below(items.length)];
    if (item === undefined) throw new RangeError("Nothing to choose from");
    return item;
  }

  bytes(count: number): Uint8Array {
    // Half of them look like the protocol, to trip whoever looks for it in bodies.
    const text = "\r\n0\r\n\r\nGET / HTTP/1.1\r\nContent-Length: 5\r\n";
    return Uint8Array.from(
      { length: count },
      (_, at) => (at >> 6) % 2 === 0 ? this.below(256) : text.charCodeAt(at % text.length),
    );
  }
}

type Shape = "length" | "chunks" | "until-close";

interface Body {
  readonly bytes: Uint8Array;
  readonly shape: Shape;
  readonly trailer: string | undefined;
}

function randomBody(chance: Chance, shapes: readonly Shape[]): Body {
  const shape = chance.of(shapes);
  return {
    bytes: chance.bytes(chance.of(LENGTHS)),
    shape,
    trailer: shape === "chunks" && chance.below(2) === 0
      ? `X-Sum: ${chance.below(1000)}`
      : undefined,
  };
}

function headersOf({ bytes, shape }: Body): string {
  if (shape === "length") return `Content-Length: ${bytes.length}\r\n`;
  return shape === "chunks" ? "Transfer-Encoding: chunked\r\n" : "";
}

function encode({ bytes, shape, trailer }: Body, chance: Chance): Uint8Array {
  if (shape !== "chunks") return bytes;
  const encoder = new TextEncoder();
  const out: Uint8Array[] = [];
  for (let at = 0; at < bytes.length;) {
    const size = Math.min(bytes.length - at, 1 + chance.below(chance.of([3, 500, 9000, 200_000])));
    const digits = size.toString(16).padStart(1 + chance.below(4), "0");
    const extension = chance.below(4) === 0 ? ';a="b"' : "";
    out.push(
      encoder.encode(`${digits}${extension}\r\n`),
      bytes.subarray(at, at + size),
      encoder.encode("\r\n"),
    );
    at += size;
  }
  out.push(encoder.encode(`0\r\n${trailer === undefined ? "" : `${trailer}\r\n`}\r\n`));
  return join(out);
}

function join(pieces: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    joined.set(piece, at);
    at += piece.length;
  }
  return joined;
}

/** Writes in pieces of any size, small ones too as long as there are not too many. */
async function writeInPieces(connection: RawConnection, bytes: Uint8Array, chance: Chance) {
  for (let at = 0; at < bytes.length;) {
    const size = 1 +
      chance.below(chance.of([bytes.length, 70_000, 5000, bytes.length < 1500 ? 7 : 3000]));
    await connection.write(bytes.subarray(at, at + size));
    at += size;
  }
}

function digestOf(bytes: Uint8Array): Promise<string> {
  return crypto.subtle.digest("SHA-256", bytes.slice()).then((hash) =>
    toText(new Uint8Array(hash))
  );
}

Deno.test("bodies are the same bytes on the other side, whatever carries them", async () => {
  const seed = Date.now() & 0xffff_ffff;
  const chance = new Chance(seed);
  let answer: { readonly body: Body; readonly encoding: string } | undefined;
  const seen: { readonly head: string; readonly digest: string; readonly trailers: string }[] = [];
  await using rig = new Rig({
    serve: async (connection) => {
      for (;;) {
        const request = await connection.readMessage();
        if (request === undefined || answer === undefined) return;
        const { head, trailers } = request;
        seen.push({ head, trailers, digest: await digestOf(request.body) });
        const { body, encoding } = answer;
        await connection.write(
          `HTTP/1.1 200 OK\r\nContent-Encoding: ${encoding}\r\n${headersOf(body)}\r\n`,
        );
        await writeInPieces(connection, encode(body, chance), chance);
        if (body.shape === "until-close") return;
      }
    },
  });
  let client = await rig.connect();
  for (let round = 0; round < ROUNDS; round++) {
    const where = `seed ${seed}, round ${round}`;
    const method = chance.of(METHODS);
    const sent = randomBody(chance, ["length", "chunks"]);
    const encoding = chance.of(ENCODINGS);
    answer = { body: randomBody(chance, ["length", "chunks", "until-close"]), encoding };
    if (chance.below(5) === 0) {
      client.close();
      client = await rig.connect();
    }
    const head =
      `${method} /${round} HTTP/1.1\r\nHost: a.localhost\r\nContent-Encoding: ${encoding}\r\n` +
      `${headersOf(sent)}\r\n`;
    const bytes = join([new TextEncoder().encode(head), encode(sent, chance)]);
    const [got] = await Promise.all([
      client.readMessage(),
      writeInPieces(client, bytes, chance),
    ]);
    assert(got !== undefined, where);
    assert.match(got.head, /^HTTP\/1\.1 200 /, where);
    assert.match(got.head, new RegExp(`\r\nContent-Encoding: ${encoding}\r\n`), where);
    assert.equal(await digestOf(got.body), await digestOf(answer.body.bytes), where);
    const request = seen.at(-1);
    assert.equal(seen.length, round + 1, where);
    assert.match(request?.head ?? "", new RegExp(`^${method} /${round} `), where);
    assert.equal(request?.digest, await digestOf(sent.bytes), where);
    assert.equal(request?.trailers, sent.trailer === undefined ? "" : `${sent.trailer}\r\n`, where);
    const { trailer } = answer.body;
    assert.equal(got.trailers, trailer === undefined ? "" : `${trailer}\r\n`, where);
  }
  assert.deepEqual(rig.failures, [], `seed ${seed}`);
});
