/**
 * The corpus of HTTP/2 requests, and the responses of HTTP/1.1 seen through HTTP/2, as cases of a row.
 *
 * @module
 */

import assert from "node:assert/strict";
import { H2_REQUEST_CASES, type H2RequestCase } from "../../fixtures/http2/requests.ts";
import { RESPONSE_CASES, type ResponseCase } from "../../fixtures/http1/responses.ts";
import { type RawMessage, toText } from "../raw_http.ts";
import { joinBytes } from "../random_bodies.ts";
import { prefaceBytes, readOutcome, requestBytes } from "./h2_frames.ts";
import type { H2Way } from "./h2_way.ts";
import { requestsUntilNext } from "./http1_corpus.ts";
import type { Lane } from "./lane.ts";
import type { Case } from "./play_cases.ts";

/** Fields of a response that HTTP/2 does not have. */
const CONNECTION_FIELDS: ReadonlySet<string> = new Set([
  "connection",
  "keep-alive",
  "transfer-encoding",
  "upgrade",
]);

/** All requests, and those responses that a client of HTTP/2 can get. */
export function h2Corpus(way: H2Way): readonly Case[] {
  return [
    ...H2_REQUEST_CASES.map((example) => ({
      name: `h2 request: ${example.name} is ${example.expect}`,
      play: (lane: Lane) => playRequest(fit(example, lane, way), lane, way),
    })),
    ...RESPONSE_CASES.filter(({ version }) => version !== "1.0").map((example) => ({
      name: `h2 response: ${example.name} is ${example.expect}`,
      play: (lane: Lane) => playResponse(example, lane, way),
    })),
  ];
}

function fit(example: H2RequestCase, { host }: Lane, { scheme }: H2Way): H2RequestCase {
  const fitted = (text: string) =>
    text.replaceAll("a.localhost", host).replaceAll("SCHEME", scheme);
  const { data, body, has = [] } = example;
  const [before, after] = [data?.join("").length, data?.map(fitted).join("").length];
  return {
    ...example,
    fields: example.fields.map(([name, value]) => [
      name,
      // A length that was right stays right.
      name === "content-length" && value === String(before) ? String(after) : fitted(value),
    ]),
    has: has.map(fitted),
    ...(data === undefined ? {} : { data: data.map(fitted) }),
    ...(body === undefined ? {} : { body: fitted(body) }),
  };
}

async function playRequest(example: H2RequestCase, lane: Lane, way: H2Way): Promise<void> {
  using client = await way.connect(lane);
  await client.write(joinBytes([prefaceBytes(), requestBytes(example)])).catch(() => {});
  const outcome = await readOutcome(client);
  const isForwarded = outcome.kind === "answered" && outcome.status === 200;
  if (!isForwarded && example.expect !== "forwarded") {
    if (outcome.kind === "answered") assert.match(String(outcome.status), /^[45]\d\d$/);
    const seen = await requestsUntilNext(lane, way.http1);
    if (example.expect === "refused") assert.deepEqual(seen.map(({ head }) => head), []);
    assert(seen.length <= 1, "requests at the endpoint");
    for (const message of seen) assertLacks(example, message);
    return;
  }
  assert.notEqual(example.expect, "refused", JSON.stringify(outcome));
  assert.deepEqual(outcome, { kind: "answered", status: 200 });
  const [seen, ...others] = await requestsUntilNext(lane, way.http1);
  assert(seen !== undefined);
  assert.deepEqual(others, [], "requests at the endpoint");
  assertLacks(example, seen);
  const head = seen.head.toLowerCase();
  for (const part of example.has ?? []) {
    assert(head.includes(part.toLowerCase()), `${part} in ${seen.head}`);
  }
  const { body, seenTrailers } = example;
  if (body !== undefined) assert.equal(toText(seen.body), body);
  if (seenTrailers !== undefined) assert.equal(seen.trailers, seenTrailers);
}

function assertLacks({ lacks = [] }: H2RequestCase, { head, trailers }: RawMessage): void {
  const text = (head + trailers).toLowerCase();
  for (const part of lacks) assert(!text.includes(part.toLowerCase()), `${part} in ${text}`);
}

async function playResponse(example: ResponseCase, lane: Lane, way: H2Way): Promise<void> {
  const { method = "GET" } = example;
  const sawHead = Promise.withResolvers<void>();
  lane.answer = async (connection) => {
    await connection.write(example.send);
    if (example.then === undefined) return "close";
    await sawHead.promise;
    await connection.write(example.then);
    return "close";
  };
  await using session = way.openSession(lane);
  const asked = session.ask({ ":method": method }, { onHead: () => sawHead.resolve() });
  if (example.expect === "cut") {
    const { status, isWhole } = await asked;
    return assert.deepEqual({ status, isWhole }, { status: 200, isWhole: false });
  }
  const answer = await asked;
  // Node.js, and what is like it, sends no such status in HTTP/2.
  if (Number(example.status) > 599) return assert.equal(answer.isWhole, false);
  const isEarly = example.status === 103;
  const status = example.expect === "bad" ? 502 : isEarly ? 200 : example.status ?? 200;
  assert.deepEqual([answer.status, answer.isWhole], [status, true]);
  if (example.expect === "bad") return;
  const fields = isEarly ? answer.interim[0] ?? {} : answer.fields;
  for (const [name, value] of (example.has ?? []).flatMap(linesOf)) {
    if (!CONNECTION_FIELDS.has(name)) {
      assert(`${fields[name]}`.includes(value), `${name}: ${value}`);
    }
  }
  for (const name of CONNECTION_FIELDS) assert.equal(fields[name], undefined, name);
  if (example.body !== undefined) assert.equal(toText(answer.body), example.body);
  for (const [name, value] of linesOf(example.trailers ?? "")) {
    assert.equal(answer.trailers[name], value);
  }
}

/** Header lines in text: lower-case names, trimmed values. */
function linesOf(text: string): readonly (readonly [string, string])[] {
  return text.split("\r\n").flatMap((line) => {
    const match = /^([!-9;-~]+):(.*)$/s.exec(line);
    return match === null ? [] : [[match[1]?.toLowerCase() ?? "", match[2]?.trim() ?? ""] as const];
  });
}
