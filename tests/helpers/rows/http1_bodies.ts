/**
 * Random bodies as cases of a row: the same bytes on the other side, both ways.
 *
 * @module
 */

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
  randomBody,
} from "../random_bodies.ts";
import { type RawConnection, toBytes } from "../raw_http.ts";
import type { Http1Way } from "./http1_way.ts";
import type { Lane } from "./lane.ts";
import type { Case } from "./play_cases.ts";

/** Exchanges of one case, on one connection unless a response ends it. */
const ROUNDS = 3;

/** So many cases, each with a seed of its own behind `seed`. */
export function http1Bodies(
  way: Http1Way,
  { seed, count }: { readonly seed: number; readonly count: number },
): readonly Case[] {
  return Array.from({ length: count }, (_, index) => ({
    name: `bodies of seed ${seed + index}`,
    play: (lane) => playExchanges(new Chance(seed + index), lane, way),
  }));
}

async function playExchanges(chance: Chance, lane: Lane, way: Http1Way): Promise<void> {
  using client = await way.connect(lane);
  for (let round = 0; round < ROUNDS; round++) await exchange(chance, lane, { client, round });
}

async function exchange(
  chance: Chance,
  lane: Lane,
  { client, round }: { readonly client: RawConnection; readonly round: number },
): Promise<void> {
  const [method, encoding] = [chance.of(METHODS), chance.of(ENCODINGS)];
  const sent = randomBody(chance, ["length", "chunks"]);
  const back = randomBody(chance, ["length", "chunks", "until-close"]);
  // Both sides send at the same time: each has its own, so that a seed always gives the same.
  const there = new Chance(chance.below(2 ** 31));
  lane.answer = async (connection) => {
    const head = `HTTP/1.1 200 OK\r\nContent-Encoding: ${encoding}\r\n${framingLine(back)}\r\n`;
    await connection.write(head);
    for (const piece of piecesOf(encodeBody(back, there), there)) await connection.write(piece);
    return back.shape === "until-close" ? "close" : undefined;
  };
  const head = `${method} /${round} HTTP/1.1\r\nHost: ${lane.host}\r\n` +
    `Content-Encoding: ${encoding}\r\n${framingLine(sent)}\r\n`;
  const [answer] = await Promise.all([
    client.readMessage(),
    writePieces(client, joinBytes([toBytes(head), encodeBody(sent, chance)]), chance),
  ]);
  assert(answer !== undefined);
  assert.match(answer.head, /^HTTP\/1\.1 200 /);
  assert(answer.head.includes(`\r\nContent-Encoding: ${encoding}\r\n`), answer.head);
  assert.equal(await digestOf(answer.body), await digestOf(back.bytes), "what came back");
  assert.equal(answer.trailers, back.trailer === undefined ? "" : `${back.trailer}\r\n`);
  assert.equal(lane.seen.length, round + 1);
  const request = lane.seen.at(-1);
  assert(request !== undefined);
  assert(request.head.startsWith(`${method} /${round} HTTP/1.1\r\n`), request.head);
  assert.equal(await digestOf(request.body), await digestOf(sent.bytes), "what the endpoint saw");
  assert.equal(request.trailers, sent.trailer === undefined ? "" : `${sent.trailer}\r\n`);
}

async function writePieces(client: RawConnection, bytes: Uint8Array, chance: Chance) {
  for (const piece of piecesOf(bytes, chance)) await client.write(piece);
}
