/**
 * The corpus of requests and responses over real sockets: what is forwarded, what is refused, and
 * that nothing ambiguous reaches the other side.
 *
 * @module
 */

import assert from "node:assert/strict";
import { REQUEST_CASES, type RequestCase } from "../fixtures/http1/requests.ts";
import { RESPONSE_CASES, type ResponseCase } from "../fixtures/http1/responses.ts";
import { type RawConnection, type RawMessage, Rig, toText } from "../helpers/raw_http.ts";

/** A case that goes wrong ends soon, and says so by the missing answer. */
const LIMITS = { clientIdleMs: 3000, headMs: 3000 } as const;

Deno.test("the corpus has 200 cases and more, all with names of their own", () => {
  const names = [
    ...REQUEST_CASES.map(({ name }) => `request: ${name}`),
    ...RESPONSE_CASES.map(({ name }) => `response: ${name}`),
  ];
  assert(names.length >= 200, `${names.length} cases`);
  assert.deepEqual(names.filter((name, index) => names.indexOf(name) !== index), []);
});

for (const example of REQUEST_CASES) {
  Deno.test(`request: ${example.name} is ${example.expect}`, () => checkRequest(example));
}

for (const example of RESPONSE_CASES) {
  Deno.test(`response: ${example.name} is ${example.expect}`, () => checkResponse(example));
}

async function checkRequest(example: RequestCase): Promise<void> {
  const seen: RawMessage[] = [];
  await using rig = new Rig({
    limits: LIMITS,
    serve: async (connection) => {
      for (;;) {
        const message = await connection.readMessage().catch(() => undefined);
        if (message === undefined) return;
        seen.push(message);
        await connection.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
      }
    },
  });
  const client = await rig.connect();
  await client.write(example.send).catch(() => {});
  if (example.expect === "refused") {
    const answer = await client.readToEnd();
    const status = example.status ?? 400;
    assert.match(answer, new RegExp(`^HTTP/1\\.1 ${status} .*\r\nConnection: close\r\n`, "s"));
    assert.equal(answer.match(/^HTTP\/1\.1 /gm)?.length, 1, "one answer");
    assert.deepEqual(seen.map(({ head }) => head), [], "what the endpoint saw");
    return;
  }
  const { count = 1 } = example;
  for (let turn = 0; turn < count; turn++) {
    const answer = await client.readMessage();
    assert.match(answer?.head ?? "", /^HTTP\/1\.1 200 OK\r\n/);
  }
  await client.connection.closeWrite();
  await client.readToEnd();
  assert.equal(seen.length, count, "requests at the endpoint");
  const [first] = seen;
  assert(first !== undefined);
  assert.doesNotMatch(first.head, /[^\r]\n|\r[^\n]|\0/);
  for (const part of example.has ?? []) {
    assert(first.head.includes(part), `${part} in ${first.head}`);
  }
  for (const part of example.lacks ?? []) {
    assert(!first.head.toLowerCase().includes(part.toLowerCase()), `${part} in ${first.head}`);
  }
  if (example.body !== undefined) assert.equal(toText(first.body), example.body);
}

async function checkResponse(example: ResponseCase): Promise<void> {
  const { method = "GET", version = "1.1" } = example;
  const sawHead = Promise.withResolvers<void>();
  await using rig = new Rig({
    limits: LIMITS,
    serve: async (connection) => {
      await connection.readMessage();
      await connection.write(example.send);
      if (example.then === undefined) return;
      await sawHead.promise;
      await connection.write(example.then);
    },
  });
  const client = await rig.connect();
  await client.write(`${method} / HTTP/${version}\r\nHost: a.localhost\r\n\r\n`);
  if (example.expect === "cut") return await checkCut(client, sawHead.resolve);
  const hasBody = method !== "HEAD" && ![103, 204, 304].includes(example.status ?? 200);
  const answer = await client.readMessage({ hasBody, untilEnd: version === "1.0" });
  assert(answer !== undefined);
  if (example.expect === "bad") {
    assert.match(answer.head, /^HTTP\/1\.1 502 Bad Gateway\r\n/);
    return;
  }
  assert.match(answer.head, new RegExp(`^HTTP/1\\.1 ${example.status ?? 200} `));
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
async function checkCut(client: RawConnection, onHead: () => void): Promise<void> {
  const head = await client.readHead() ?? "";
  assert.match(head, /^HTTP\/1\.1 200 OK\r\n/);
  onHead();
  const body = await client.readToEnd();
  if (/chunked/.test(head)) assert.doesNotMatch(body, /(^|\r\n)0\r\n\r\n$/);
  else assert(body.length < Number(/content-length: ([0-9]+)/i.exec(head)?.[1]));
}
