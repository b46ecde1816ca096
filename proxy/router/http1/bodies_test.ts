import assert from "node:assert/strict";
import {
  Chance,
  digestOf,
  encodeBody,
  ENCODINGS,
  framingLine,
  joinBytes,
  METHODS,
  piecesOf,
  type RandomBody,
  randomBody,
} from "../../../tests/helpers/random_bodies.ts";
import { type RawConnection, Rig, toBytes } from "../../../tests/helpers/raw_http.ts";

const ROUNDS = 100;

async function writeInPieces(connection: RawConnection, bytes: Uint8Array, chance: Chance) {
  for (const piece of piecesOf(bytes, chance)) await connection.write(piece);
}

Deno.test("bodies are the same bytes on the other side, whatever carries them", async () => {
  const seed = Date.now() & 0xffff_ffff;
  const chance = new Chance(seed);
  let answer: { readonly body: RandomBody; readonly encoding: string } | undefined;
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
          `HTTP/1.1 200 OK\r\nContent-Encoding: ${encoding}\r\n${framingLine(body)}\r\n`,
        );
        await writeInPieces(connection, encodeBody(body, chance), chance);
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
      `${framingLine(sent)}\r\n`;
    const bytes = joinBytes([toBytes(head), encodeBody(sent, chance)]);
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
