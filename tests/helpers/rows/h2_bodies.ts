/**
 * Random bodies over HTTP/2 as cases of a row: the same bytes on the other side, both ways.
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
  METHODS,
  piecesOf,
  randomBody,
} from "../random_bodies.ts";
import type { H2Session, H2Way } from "./h2_way.ts";
import type { Lane } from "./lane.ts";
import type { Case } from "./play_cases.ts";

/** Exchanges of one case, on one connection. */
const ROUNDS = 3;

/** So many cases, each with a seed of its own from `seed` on. */
export function h2Bodies(
  way: H2Way,
  { seed, count }: { readonly seed: number; readonly count: number },
): readonly Case[] {
  return Array.from({ length: count }, (_, index) => ({
    name: `bodies of seed ${seed + index}`,
    play: (lane) => playExchanges(new Chance(seed + index), lane, way),
  }));
}

async function playExchanges(chance: Chance, lane: Lane, way: H2Way): Promise<void> {
  await using session = way.openSession(lane);
  for (let round = 0; round < ROUNDS; round++) await exchange(chance, lane, { session, round });
}

async function exchange(
  chance: Chance,
  lane: Lane,
  { session, round }: { readonly session: H2Session; readonly round: number },
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
  const trailers = fieldsOf(sent.trailer);
  const answer = await session.ask({
    ":method": method,
    ":path": `/${round}`,
    "content-encoding": encoding,
    ...(sent.shape === "length" ? { "content-length": sent.bytes.length } : {}),
  }, { body: piecesOf(sent.bytes, chance), ...(trailers === undefined ? {} : { trailers }) });
  assert.deepEqual(
    [answer.status, answer.isWhole],
    [200, true],
    new TextDecoder().decode(answer.body),
  );
  assert.equal(answer.fields["content-encoding"], encoding);
  assert.equal(await digestOf(answer.body), await digestOf(back.bytes), "what came back");
  assert.deepEqual(
    Object.fromEntries(Object.entries(answer.trailers)),
    fieldsOf(back.trailer) ?? {},
  );
  assert.equal(lane.seen.length, round + 1);
  const request = lane.seen.at(-1);
  assert(request !== undefined);
  assert(request.head.startsWith(`${method} /${round} HTTP/1.1\r\n`), request.head);
  assert.equal(await digestOf(request.body), await digestOf(sent.bytes), "what the endpoint saw");
  assert.equal(
    request.trailers.toLowerCase(),
    `${sent.trailer ?? ""}\r\n`.toLowerCase().trimStart(),
  );
}

function fieldsOf(line: string | undefined): Record<string, string> | undefined {
  const [name, value] = line?.split(": ") ?? [];
  return name === undefined || value === undefined ? undefined : { [name.toLowerCase()]: value };
}
