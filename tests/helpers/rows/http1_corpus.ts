/**
 * The corpus of HTTP/1.1 as cases of a row: the same bytes, to the hosts of a real run.
 *
 * @module
 */

import assert from "node:assert/strict";
import { REQUEST_CASES, type RequestCase } from "../../fixtures/http1/requests.ts";
import { RESPONSE_CASES, type ResponseCase } from "../../fixtures/http1/responses.ts";
import { type RawConnection, type RawMessage, toText } from "../raw_http.ts";
import type { Http1Way } from "./http1_way.ts";
import type { Lane } from "./lane.ts";
import type { Case } from "./play_cases.ts";

/** What is not the beginning of HTTP/1.1 has servers of its own behind the router's port. */
const OTHER_PROTOCOLS: ReadonlySet<string> = new Set(["TLS", "the preface of HTTP/2"]);

/** All requests and responses. */
export function http1Corpus(way: Http1Way): readonly Case[] {
  return [
    ...REQUEST_CASES.map((example) => ({
      name: `request: ${example.name} is ${example.expect}`,
      play: (lane: Lane) => playRequest(fit(example, lane, way), lane, way),
    })),
    ...RESPONSE_CASES.map((example) => ({
      name: `response: ${example.name} is ${example.expect}`,
      play: (lane: Lane) => playResponse(example, lane, way),
    })),
  ];
}

/** The case for the host of a lane, and for the scheme of the way in. */
function fit(example: RequestCase, { host }: Lane, { scheme }: Http1Way): RequestCase {
  const ours = (text: string) =>
    text.replace(/a\.localhost/gi, (name) => name.startsWith("A") ? host.toUpperCase() : host);
  const schemed = (text: string) =>
    scheme === "http" ? text : text.replace(/\b(https?)(?=:\/\/)/gi, otherScheme)
      .replace("X-Forwarded-Proto: http", "X-Forwarded-Proto: https");
  const fitted = (text: string) => schemed(ours(text));
  const { body, has = [] } = example;
  // The one body that names the host is longer for a longer host.
  const length = (text: string) => `Content-Length: ${text.length}\r\n`;
  const send = body === undefined
    ? fitted(example.send)
    : fitted(example.send).replace(length(body), length(fitted(body)));
  return {
    ...example,
    send,
    has: has.map(fitted),
    ...(body === undefined ? {} : { body: fitted(body) }),
  };
}

function otherScheme(scheme: string): string {
  return scheme.length === 4 ? "https" : "http";
}

async function playRequest(example: RequestCase, lane: Lane, way: Http1Way): Promise<void> {
  using client = await way.connect(lane);
  await client.write(example.send).catch(() => {});
  const isOther = way.scheme === "http" && OTHER_PROTOCOLS.has(example.name);
  if (isOther) await client.connection.closeWrite().catch(() => {});
  if (isOther || example.expect === "refused") {
    const answer = await client.readToEnd();
    if (!isOther) assertRefused(answer, example.status ?? 400);
    return await assertNothingSeen(lane, way);
  }
  if (!example.send.toLowerCase().includes(lane.host)) {
    const answer = await client.readMessage();
    assert.match(answer?.head ?? "", /^HTTP\/1\.1 (?:200|404|421) [^]*\r\nServer: moat/i);
    return await assertNothingSeen(lane, way);
  }
  const { count = 1 } = example;
  for (let turn = 0; turn < count; turn++) {
    const answer = await client.readMessage();
    assert.match(answer?.head ?? "", /^HTTP\/1\.1 200 OK\r\n/);
  }
  await client.connection.closeWrite();
  assert.equal(await client.readToEnd(), "", "behind the last answer");
  assert.equal(lane.seen.length, count, "requests at the endpoint");
  assertSeen(example, lane);
}

/** The router's own answer, one, and the end. */
function assertRefused(answer: string, status: number): void {
  assert.match(answer, new RegExp(`^HTTP/1\\.1 ${status} .*\r\nConnection: close\r\n`, "s"));
  assert.equal(answer.match(/^HTTP\/1\.1 /gm)?.length, 1, "one answer");
}

/** What came to the lane's endpoint before the next request of somebody else. */
export async function requestsUntilNext(lane: Lane, way: Http1Way): Promise<readonly RawMessage[]> {
  using next = await way.connect(lane);
  await next.write(`GET /next HTTP/1.1\r\nHost: ${lane.host}\r\n\r\n`);
  assert.match((await next.readMessage())?.head ?? "", /^HTTP\/1\.1 200 OK\r\n/);
  const last = lane.seen.findIndex(({ head }) => head.startsWith("GET /next HTTP/1.1\r\n"));
  assert.equal(last, lane.seen.length - 1, "what the endpoint saw last");
  return lane.seen.slice(0, last);
}

async function assertNothingSeen(lane: Lane, way: Http1Way): Promise<void> {
  const seen = await requestsUntilNext(lane, way);
  assert.deepEqual(seen.map(({ head }) => head), [], "what the endpoint saw");
}

function assertSeen(example: RequestCase, { seen: [first] }: Lane): void {
  assert(first !== undefined);
  for (const part of example.has ?? []) {
    assert(first.head.includes(part), `${part} in ${first.head}`);
  }
  const head = first.head.toLowerCase();
  for (const part of example.lacks ?? []) {
    assert(!head.includes(part.toLowerCase()), `${part} in ${first.head}`);
  }
  if (example.body !== undefined) assert.equal(toText(first.body), example.body);
}

async function playResponse(example: ResponseCase, lane: Lane, way: Http1Way): Promise<void> {
  const { method = "GET", version = "1.1" } = example;
  const sawHead = Promise.withResolvers<void>();
  lane.answer = async (connection) => {
    await connection.write(example.send);
    if (example.then === undefined) return "close";
    await sawHead.promise;
    await connection.write(example.then);
    return "close";
  };
  using client = await way.connect(lane);
  await client.write(`${method} / HTTP/${version}\r\nHost: ${lane.host}\r\n\r\n`);
  if (example.expect === "cut") return await assertCut(client, sawHead.resolve);
  const hasBody = method !== "HEAD" && ![103, 204, 304].includes(example.status ?? 200);
  const answer = await client.readMessage({ hasBody, untilEnd: version === "1.0" });
  assert(answer !== undefined);
  const status = example.expect === "bad" ? 502 : example.status ?? 200;
  assert.match(answer.head, new RegExp(`^HTTP/1\\.1 ${status} `));
  if (example.expect === "bad") return;
  assert.doesNotMatch(answer.head, /[^\r]\n|\r[^\n]|\0/);
  for (const part of example.has ?? []) {
    assert(answer.head.includes(part), `${part} in ${answer.head}`);
  }
  for (const part of example.lacks ?? []) {
    assert(!answer.head.toLowerCase().includes(part.toLowerCase()), `${part} in ${answer.head}`);
  }
  if (example.body !== undefined) assert.equal(toText(answer.body), example.body);
  if (example.trailers !== undefined) assert.equal(answer.trailers, example.trailers);
}

/** It begins as sent, ends with the connection, and cannot be taken for complete. */
export async function assertCut(client: RawConnection, onHead = () => {}): Promise<void> {
  const head = await client.readHead() ?? "";
  assert.match(head, /^HTTP\/1\.1 200 OK\r\n/);
  onHead();
  const body = await client.readToEnd();
  if (/chunked/.test(head)) assert.doesNotMatch(body, /(^|\r\n)0\r\n\r\n$/);
  else assert(body.length < Number(/content-length: ([0-9]+)/i.exec(head)?.[1]));
}
