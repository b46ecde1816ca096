/**
 * What goes wrong between a client of HTTP/2 and an endpoint, as cases of a row.
 *
 * @module
 */

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { constants } from "node:http2";
import type { Field } from "../../fixtures/http2/requests.ts";
import { joinBytes } from "../random_bodies.ts";
import { toText } from "../raw_http.ts";
import { cancelBytes, prefaceBytes, readOutcome, requestBytes } from "./h2_frames.ts";
import { type H2Session, type H2Way, readAnswer, write } from "./h2_way.ts";
import { type EndpointConnection, type Lane, OK } from "./lane.ts";
import { LARGE, largePieces, readLarge, writeLarge } from "./large.ts";
import type { Case } from "./play_cases.ts";

type Fault = (lane: Lane, session: H2Session) => Promise<void>;
type RawFault = (lane: Lane, way: H2Way) => Promise<void>;

/** All of them; after each, the router serves another request. */
export function h2Faults(way: H2Way): readonly Case[] {
  const faults = Object.entries(FAULTS).map(([name, play]) => ({
    name: `h2 fault: ${name}`,
    play: async (lane: Lane) => {
      await using session = way.openSession(lane);
      await play(lane, session);
      lane.begin();
      await assertServes(session);
    },
  }));
  const rawFaults = Object.entries(RAW_FAULTS).map(([name, play]) => ({
    name: `h2 fault: ${name}`,
    play: async (lane: Lane) => {
      await play(lane, way);
      await using session = way.openSession(lane);
      await assertServes(session);
    },
  }));
  return [...faults, ...rawFaults];
}

/** By hand: what the runtime's client sends then is not only what it was told to. */
const RAW_FAULTS: Readonly<Record<string, RawFault>> = {
  "a client that resets within its request": resetWithin,
  "a client that goes away within its request": goAwayWithin,
};

const FAULTS: Readonly<Record<string, Fault>> = {
  "an endpoint killed within a length": (lane, session) =>
    killWithin("Content-Length: 100000\r\n", "x".repeat(5000), { lane, session }),
  "an endpoint killed within a chunk": (lane, session) =>
    killWithin("Transfer-Encoding: chunked\r\n", `8000\r\n${"x".repeat(5000)}`, { lane, session }),
  "an endpoint killed between chunks": (lane, session) =>
    killWithin("Transfer-Encoding: chunked\r\n", "5\r\nhello\r\n", { lane, session }),
  "an endpoint killed within a body until the end": (lane, session) =>
    killWithin("", "x".repeat(5000), { lane, session }),
  "an endpoint killed before it answers": killBeforeAnswer,
  "an endpoint that closes a kept connection": closeKept,
  "an endpoint that closes a kept connection when asked again": closeWhenAskedAgain,
  "a request that is not safe is not sent twice": neverTwice,
  "an endpoint that answers before it has the request": answerEarly,
  "a client that resets within the response": resetWithinResponse,
  "a client that does not read for a while": readLater,
  "an endpoint that does not read for a while": endpointReadsLater,
  "forty requests at once": manyAtOnce,
};

async function assertServes(session: H2Session): Promise<void> {
  const { status, body } = await session.ask({ ":path": "/other" });
  assert.deepEqual([status, toText(body)], [200, "ok"]);
}

/** Answers other requests than that of the fault. */
async function isOther(connection: EndpointConnection, head: string): Promise<boolean> {
  if (!head.startsWith("GET /other ")) return false;
  await connection.write(OK);
  return true;
}

async function killWithin(
  framing: string,
  body: string,
  { lane, session }: { readonly lane: Lane; readonly session: H2Session },
): Promise<void> {
  const begun = Promise.withResolvers<void>();
  lane.answer = async (connection) => {
    await connection.write(`HTTP/1.1 200 OK\r\n${framing}\r\n${body}`);
    await begun.promise;
    connection.connection.reset();
  };
  const answer = await session.ask({}, { onHead: () => begun.resolve() });
  assert.deepEqual([answer.status, answer.isWhole], [200, false]);
}

async function killBeforeAnswer(lane: Lane, session: H2Session): Promise<void> {
  lane.answer = (connection) => Promise.resolve(connection.connection.reset());
  const { status, isWhole } = await session.ask();
  assert.deepEqual([status, isWhole], [502, true]);
}

async function closeKept(lane: Lane, session: H2Session): Promise<void> {
  lane.answer = async (connection) => {
    await connection.write(OK);
    return "close";
  };
  for (let turn = 1; turn <= 5; turn++) {
    assert.equal((await session.ask({ ":path": `/${turn}` })).status, 200, `turn ${turn}`);
  }
}

function answerFirst(lane: Lane): void {
  const answered = new WeakSet<EndpointConnection>();
  lane.answer = async (connection) => {
    if (answered.has(connection)) return "close";
    answered.add(connection);
    await connection.write(OK);
  };
}

async function closeWhenAskedAgain(lane: Lane, session: H2Session): Promise<void> {
  answerFirst(lane);
  for (let turn = 1; turn <= 3; turn++) {
    assert.equal((await session.ask({ ":path": `/${turn}` })).status, 200, `turn ${turn}`);
  }
}

async function neverTwice(lane: Lane, session: H2Session): Promise<void> {
  answerFirst(lane);
  await session.ask();
  const { status } = await session.ask({ ":method": "POST" }, { body: [new Uint8Array(2)] });
  assert.equal(status, 502);
  const posts = lane.seen.filter(({ head }) => head.startsWith("POST "));
  assert.equal(posts.length, 1, "requests that the endpoint saw");
}

async function answerEarly(lane: Lane, session: H2Session): Promise<void> {
  lane.takeOver = async (connection) => {
    await connection.write(
      "HTTP/1.1 413 Content Too Large\r\nConnection: close\r\nContent-Length: 3\r\n\r\nno!",
    );
    await connection.connection.closeWrite();
    await connection.readToEnd();
  };
  const stream = session.request({ ":method": "PUT" }, { endStream: false });
  const headOf = Promise.withResolvers<number>();
  const answering = readAnswer(stream, (status) => headOf.resolve(status));
  await write(stream, new Uint8Array(3));
  assert.equal(await headOf.promise, 413);
  stream.end();
  assert.equal(toText((await answering).body), "no!");
}

/** Begins an upload; resolves when the endpoint has some of it. `ended`: the endpoint was told. */
async function beginUpload(lane: Lane, way: H2Way) {
  const [begun, ended] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  lane.takeOver = async (connection) => {
    await connection.readBytes(50);
    begun.resolve();
    await connection.readToEnd();
    ended.resolve();
  };
  const client = await way.connect(lane);
  const fields = [...fieldsOf(lane, way, "PUT"), ["content-length", "100"] as const];
  const upload = requestBytes({ fields, data: ["x".repeat(50)], isOpen: true });
  await client.write(joinBytes([prefaceBytes(), upload]));
  await begun.promise;
  return { client, ended: ended.promise };
}

function fieldsOf(lane: Lane, { scheme }: H2Way, method: string): readonly Field[] {
  return [[":method", method], [":scheme", scheme], [":path", "/"], [":authority", lane.host]];
}

async function resetWithin(lane: Lane, way: H2Way): Promise<void> {
  const upload = await beginUpload(lane, way);
  using client = upload.client;
  await client.write(cancelBytes(1));
  await upload.ended;
  assert.deepEqual(lane.seen, []);
  await client.write(requestBytes({ stream: 3, fields: fieldsOf(lane, way, "GET") }));
  assert.deepEqual(await readOutcome(client, 3), { kind: "answered", status: 200 });
}

async function goAwayWithin(lane: Lane, way: H2Way): Promise<void> {
  const { client, ended } = await beginUpload(lane, way);
  client.close();
  await ended;
  assert.deepEqual(lane.seen, []);
}

async function resetWithinResponse(lane: Lane, session: H2Session): Promise<void> {
  const [begun, ended] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  lane.answer = async (connection) => {
    await connection.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
    await connection.readToEnd();
    ended.resolve();
    return "close";
  };
  const stream = session.request({}, { endStream: true });
  const answering = readAnswer(stream, () => begun.resolve());
  await begun.promise;
  stream.close(constants.NGHTTP2_CANCEL);
  await ended.promise;
  await answering;
}

async function readLater(lane: Lane, session: H2Session): Promise<void> {
  lane.answer = async (connection, { head }) => {
    if (await isOther(connection, head)) return;
    await connection.write(`HTTP/1.1 200 OK\r\nContent-Length: ${LARGE}\r\n\r\n`);
    await writeLarge(connection);
  };
  const stream = session.request({}, { endStream: true });
  const headOf = Promise.withResolvers<number>();
  stream.on("response", (headers) => headOf.resolve(Number(headers[":status"])));
  assert.equal(await headOf.promise, 200);
  // Nobody has taken anything of its body.
  await assertServes(session);
  const { body } = await readAnswer(stream);
  let at = 0;
  for (const piece of largePieces()) {
    assert.equal(Buffer.compare(body.subarray(at, at + piece.length), piece), 0, `behind ${at}`);
    at += piece.length;
  }
  assert.equal(body.length, LARGE);
}

async function endpointReadsLater(lane: Lane, session: H2Session): Promise<void> {
  const [begun, proceed] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  lane.takeOver = async (connection) => {
    await connection.connection.pause();
    begun.resolve();
    await proceed.promise;
    await connection.connection.resume();
    await readLarge(connection);
    await connection.write(OK);
  };
  const asked = session.ask({ ":method": "PUT", "content-length": LARGE }, { body: largePieces() });
  await begun.promise;
  await assertServes(session);
  proceed.resolve();
  assert.equal((await asked).status, 200);
}

async function manyAtOnce(lane: Lane, session: H2Session): Promise<void> {
  const [all, others] = [Promise.withResolvers<void>(), 40];
  let waiting = 0;
  lane.answer = async (connection, { head }) => {
    if (++waiting === others) all.resolve();
    await all.promise;
    const path = head.split(" ")[1] ?? "";
    await connection.write(`HTTP/1.1 200 OK\r\nContent-Length: ${path.length}\r\n\r\n${path}`);
  };
  const paths = Array.from({ length: others }, (_, index) => `/${index}`);
  const answers = await Promise.all(paths.map((path) => session.ask({ ":path": path })));
  assert.deepEqual(answers.map(({ body }) => toText(body)), paths);
}
