/**
 * What goes wrong between a client and an endpoint, as cases of a row.
 *
 * @module
 */

import assert from "node:assert/strict";
import { toText } from "../raw_http.ts";
import { until } from "../until.ts";
import { assertCut } from "./http1_corpus.ts";
import type { Http1Way } from "./http1_way.ts";
import { type EndpointConnection, type Lane, OK } from "./lane.ts";
import { LARGE, readLarge, writeLarge } from "./large.ts";
import type { Case } from "./play_cases.ts";

type Fault = (lane: Lane, way: Http1Way) => Promise<void>;

/** All of them. */
export function http1Faults(way: Http1Way): readonly Case[] {
  return Object.entries(FAULTS).map(([name, play]) => ({
    name: `fault: ${name}`,
    play: (lane) => play(lane, way),
  }));
}

const FAULTS: Readonly<Record<string, Fault>> = {
  "an endpoint killed within a length": (lane, way) =>
    killWithin("Content-Length: 100000\r\n", "x".repeat(5000), { lane, way }),
  "an endpoint killed within a chunk": (lane, way) =>
    killWithin("Transfer-Encoding: chunked\r\n", `8000\r\n${"x".repeat(5000)}`, { lane, way }),
  "an endpoint killed between chunks": (lane, way) =>
    killWithin("Transfer-Encoding: chunked\r\n", "5\r\nhello\r\n", { lane, way }),
  "an endpoint killed within a body until the end": (lane, way) =>
    killWithin("", "x".repeat(5000), { lane, way }),
  "an endpoint killed before it answers": killBeforeAnswer,
  "an endpoint that closes a kept connection": closeKept,
  "an endpoint that closes a kept connection when asked again": closeWhenAskedAgain,
  "a request that is not safe is not sent twice": neverTwice,
  "an endpoint that answers before it has the request": answerEarly,
  "a client that ends its output behind its request": endOutput,
  "a client that ends its output within its request": endOutputWithin,
  "a client that goes away within its request": goAwayWithin,
  "a client that goes away within the response": goAwayWithinResponse,
  "a client that sends byte by byte": sendByByte,
  "a client that does not read for a while": readLater,
  "an endpoint that does not read for a while": endpointReadsLater,
  "an upgraded connection whose client ends its output": upgradeThenEnd,
};

function get(lane: Lane, path = "/"): string {
  return `GET ${path} HTTP/1.1\r\nHost: ${lane.host}\r\n\r\n`;
}

async function assertServes(lane: Lane, way: Http1Way): Promise<void> {
  using other = await way.connect(lane);
  await other.write(get(lane, "/other"));
  assert.match((await other.readMessage())?.head ?? "", /^HTTP\/1\.1 200 OK\r\n/);
}

async function killWithin(
  framing: string,
  body: string,
  { lane, way }: { readonly lane: Lane; readonly way: Http1Way },
): Promise<void> {
  const begun = Promise.withResolvers<void>();
  lane.answer = async (connection, { head }) => {
    if (head.startsWith("GET /other ")) return void await connection.write(OK);
    await connection.write(`HTTP/1.1 200 OK\r\n${framing}\r\n${body}`);
    await begun.promise;
    connection.connection.reset();
  };
  using client = await way.connect(lane);
  await client.write(get(lane));
  await assertCut(client, begun.resolve);
  await assertServes(lane, way);
}

async function killBeforeAnswer(lane: Lane, way: Http1Way): Promise<void> {
  lane.answer = (connection) => Promise.resolve(connection.connection.reset());
  using client = await way.connect(lane);
  await client.write(get(lane));
  assert.match((await client.readMessage())?.head ?? "", /^HTTP\/1\.1 502 Bad Gateway\r\n/);
}

async function closeKept(lane: Lane, way: Http1Way): Promise<void> {
  lane.answer = async (connection) => {
    await connection.write(OK);
    return "close";
  };
  using client = await way.connect(lane);
  for (let turn = 1; turn <= 5; turn++) {
    await client.write(get(lane, `/${turn}`));
    assert.match(
      (await client.readMessage())?.head ?? "",
      /^HTTP\/1\.1 200 OK\r\n/,
      `turn ${turn}`,
    );
  }
}

/** Answers each connection's first request; `again` says what the next one comes to. */
function answerFirst(lane: Lane): void {
  const answered = new WeakSet<EndpointConnection>();
  lane.answer = async (connection) => {
    if (answered.has(connection)) return "close";
    answered.add(connection);
    await connection.write(OK);
  };
}

async function closeWhenAskedAgain(lane: Lane, way: Http1Way): Promise<void> {
  answerFirst(lane);
  using client = await way.connect(lane);
  for (let turn = 1; turn <= 3; turn++) {
    await client.write(get(lane, `/${turn}`));
    assert.match(
      (await client.readMessage())?.head ?? "",
      /^HTTP\/1\.1 200 OK\r\n/,
      `turn ${turn}`,
    );
  }
}

async function neverTwice(lane: Lane, way: Http1Way): Promise<void> {
  answerFirst(lane);
  using client = await way.connect(lane);
  await client.write(get(lane));
  await client.readMessage();
  await client.write(`POST /once HTTP/1.1\r\nHost: ${lane.host}\r\nContent-Length: 2\r\n\r\nhi`);
  assert.match((await client.readMessage())?.head ?? "", /^HTTP\/1\.1 502 Bad Gateway\r\n/);
  const posts = lane.seen.filter(({ head }) => head.startsWith("POST "));
  assert.equal(posts.length, 1, "requests that the endpoint saw");
}

async function answerEarly(lane: Lane, way: Http1Way): Promise<void> {
  lane.takeOver = async (connection) => {
    await connection.write(
      "HTTP/1.1 413 Content Too Large\r\nConnection: close\r\nContent-Length: 3\r\n\r\nno!",
    );
    await connection.connection.closeWrite();
  };
  using client = await way.connect(lane);
  await client.write(`PUT / HTTP/1.1\r\nHost: ${lane.host}\r\nContent-Length: 100000\r\n\r\nabc`);
  const answer = await client.readMessage();
  assert.match(answer?.head ?? "", /^HTTP\/1\.1 413 Content Too Large\r\n/);
  assert.equal(toText(answer?.body ?? new Uint8Array()), "no!");
}

async function endOutput(lane: Lane, way: Http1Way): Promise<void> {
  lane.answer = async (connection) => {
    await connection.write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello");
    await connection.write("world");
  };
  using client = await way.connect(lane);
  await client.write(get(lane));
  await client.connection.closeWrite();
  const answer = await client.readMessage();
  assert.equal(toText(answer?.body ?? new Uint8Array()), "helloworld");
  assert.equal(await client.readToEnd(), "");
}

/** Begins an upload; resolves when the endpoint has some of it. `ended`: the endpoint was told. */
async function beginUpload(lane: Lane, way: Http1Way) {
  const [begun, ended] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  lane.takeOver = async (connection) => {
    await connection.readBytes(50);
    begun.resolve();
    await connection.readToEnd();
    ended.resolve();
  };
  const client = await way.connect(lane);
  await client.write(
    `PUT / HTTP/1.1\r\nHost: ${lane.host}\r\nContent-Length: 100\r\n\r\n${"x".repeat(50)}`,
  );
  await begun.promise;
  return { client, ended: ended.promise };
}

async function endOutputWithin(lane: Lane, way: Http1Way): Promise<void> {
  const upload = await beginUpload(lane, way);
  using client = upload.client;
  await client.connection.closeWrite();
  await upload.ended;
  assert.doesNotMatch(await client.readToEnd(), /^HTTP\/1\.1 [123]/);
  assert.deepEqual(lane.seen, []);
  await assertServes(lane, way);
}

async function goAwayWithin(lane: Lane, way: Http1Way): Promise<void> {
  const { client, ended } = await beginUpload(lane, way);
  client.close();
  await ended;
  assert.deepEqual(lane.seen, []);
  await assertServes(lane, way);
}

async function goAwayWithinResponse(lane: Lane, way: Http1Way): Promise<void> {
  const ended = Promise.withResolvers<void>();
  lane.answer = async (connection, { head }) => {
    if (head.startsWith("GET /other ")) return void await connection.write(OK);
    await connection.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
    connection.readToEnd().then(() => ended.resolve());
    // A client that only ended its output would still take it.
    await sendUntil(connection, ended.promise);
    return "close";
  };
  const client = await way.connect(lane);
  await client.write(get(lane));
  await client.readHead();
  client.close();
  await ended.promise;
  await assertServes(lane, way);
}

/** Sends chunks until that is so. */
async function sendUntil(connection: EndpointConnection, over: Promise<void>): Promise<void> {
  let isOver = false;
  over.then(() => isOver = true);
  await until("the end of the connection", async () => {
    if (!isOver) await connection.write("5\r\nhello\r\n");
    return isOver;
  });
}

async function sendByByte(lane: Lane, way: Http1Way): Promise<void> {
  using client = await way.connect(lane);
  const request = `POST /slow HTTP/1.1\r\nHost: ${lane.host}\r\n` +
    "Transfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n";
  for (const byte of request) await client.write(byte);
  assert.match((await client.readMessage())?.head ?? "", /^HTTP\/1\.1 200 OK\r\n/);
  assert.deepEqual(lane.seen.map(({ body, trailers }) => [toText(body), trailers]), [
    ["hello", "X-Sum: 1\r\n"],
  ]);
}

async function readLater(lane: Lane, way: Http1Way): Promise<void> {
  lane.answer = async (connection, { head }) => {
    if (head.startsWith("GET /other ")) return void await connection.write(OK);
    await connection.write(`HTTP/1.1 200 OK\r\nContent-Length: ${LARGE}\r\n\r\n`);
    await writeLarge(connection);
  };
  using client = await way.connect(lane);
  await way.pause(client);
  await client.write(get(lane));
  await assertServes(lane, way);
  await way.resume(client);
  await client.readHead();
  await readLarge(client);
}

async function endpointReadsLater(lane: Lane, way: Http1Way): Promise<void> {
  const [begun, proceed] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  lane.takeOver = async (connection) => {
    await connection.connection.pause();
    begun.resolve();
    await proceed.promise;
    await connection.connection.resume();
    await readLarge(connection);
    await connection.write(OK);
  };
  using client = await way.connect(lane);
  await client.write(`PUT / HTTP/1.1\r\nHost: ${lane.host}\r\nContent-Length: ${LARGE}\r\n\r\n`);
  const writing = writeLarge(client);
  await begun.promise;
  await assertServes(lane, way);
  proceed.resolve();
  await writing;
  assert.match((await client.readMessage())?.head ?? "", /^HTTP\/1\.1 200 OK\r\n/);
}

async function upgradeThenEnd(lane: Lane, way: Http1Way): Promise<void> {
  lane.answer = async (connection) => {
    await connection.write(
      "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n",
    );
    await connection.write((await connection.readToEnd()).toUpperCase());
    return "close";
  };
  using client = await way.connect(lane);
  await client.write(
    `GET / HTTP/1.1\r\nHost: ${lane.host}\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\nhello `,
  );
  assert.match(await client.readHead() ?? "", /^HTTP\/1\.1 101 Switching Protocols\r\n/);
  await client.write("world");
  await client.connection.closeWrite();
  assert.equal(await client.readToEnd(), "HELLO WORLD");
}
