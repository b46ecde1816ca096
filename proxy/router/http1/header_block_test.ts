import assert from "node:assert/strict";
import { REQUEST_CASES } from "../../../tests/fixtures/http1/requests.ts";
import { toBytes, toText } from "../../../tests/helpers/raw_http.ts";
import { ChunkedDecoder } from "./chunked.ts";
import { HeaderBlock } from "./header_block.ts";
import { LIMITS } from "./limits.ts";
import { Refusal } from "./refusal.ts";
import { ParsedRequest } from "./request_head.ts";

/** Heads that a test can afford to cut everywhere. */
const SHORT = REQUEST_CASES.filter(({ send }) => send.length < 2000);

/** What a request's head says, or why it is refused; the bytes come in pieces that end at `cuts`. */
function readHead(send: string, cuts: readonly number[]): string {
  const bytes = toBytes(send);
  const block = new HeaderBlock(LIMITS);
  block.reset("head");
  try {
    for (const end of [...cuts, bytes.length]) {
      if (!block.scan(bytes, 0, end)) continue;
      const { method, target, host, headers, framing } = new ParsedRequest(block, "http");
      return JSON.stringify({ method, target, host, headers, framing, length: block.length });
    }
    return "incomplete";
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return `${error.status} ${error.message}`;
  }
}

Deno.test("a head says the same wherever it is cut", () => {
  for (const { name, send } of SHORT) {
    const whole = readHead(send, []);
    for (let cut = 0; cut < send.length; cut++) {
      assert.equal(readHead(send, [cut]), whole, `${name}, cut at ${cut}`);
    }
    const everywhere = Array.from({ length: send.length }, (_, at) => at);
    assert.equal(readHead(send, everywhere), whole, `${name}, byte by byte`);
  }
});

Deno.test("a head is read where it stands, and what is behind it is left alone", () => {
  const send = "GET /x HTTP/1.1\r\nHost: a\r\n\r\n";
  const bytes = toBytes(`before${send}behind`);
  const block = new HeaderBlock(LIMITS);
  block.reset("head");
  assert(block.scan(bytes, 6, bytes.length));
  assert.equal(block.length, send.length);
  block.detach();
  bytes.fill(0);
  const request = new ParsedRequest(block, "http");
  assert.equal(request.target, "/x");
  assert.equal(request.header("host"), "a");
});

Deno.test("a request after another in the same block says only what is its own", () => {
  const block = new HeaderBlock(LIMITS);
  let previous: ParsedRequest | undefined;
  for (
    const [method, target, host, accept] of [
      ["GET", "/a", "web.long.localhost", "text/html"],
      ["GET", "/b", "web.long.localhost", undefined],
      ["GETS", "/", "api.long.localhost", "*/*"],
      ["GE", "/longer/than/the/others/are", "web.long.localhost:8080", "a"],
    ] as const
  ) {
    const lines = accept === undefined ? "" : `ACCEPT: ${accept}\r\nX-Accept: no\r\n`;
    const bytes = toBytes(`${method} ${target} HTTP/1.1\r\n${lines}Host: ${host}\r\n\r\n`);
    block.reset("head");
    assert(block.scan(bytes, 0, bytes.length));
    const request = new ParsedRequest(block, "http", previous);
    block.detach();
    bytes.fill(0);
    assert.deepEqual([request.method, request.target, request.host], [method, target, host]);
    assert.equal(request.header("accept"), accept);
    assert.equal(request.header("host"), host);
    previous = request;
  }
});

Deno.test("every byte that is no token character is refused in a header name", () => {
  for (let byte = 0; byte < 256; byte++) {
    const char = String.fromCharCode(byte);
    const isToken = /^[!#$%&'*+.^_`|~0-9A-Za-z-]$/.test(char);
    // A colon ends the name: what is behind it is a value.
    const isFine = isToken || char === ":";
    const result = readHead(`GET / HTTP/1.1\r\nHost: a\r\nX${char}Y: 1\r\n\r\n`, []);
    assert.equal(result.startsWith("{"), isFine, `byte ${byte}: ${result}`);
  }
});

Deno.test("every control character but tab is refused in a header value", () => {
  for (let byte = 0; byte < 256; byte++) {
    const isFine = byte === 9 || (byte >= 32 && byte !== 127);
    const result = readHead(
      `GET / HTTP/1.1\r\nHost: a\r\nX: 1${String.fromCharCode(byte)}2\r\n\r\n`,
      [],
    );
    assert.equal(result.startsWith("{"), isFine, `byte ${byte}: ${result}`);
  }
});

Deno.test("a limit of header bytes holds however they come", () => {
  const limits = { ...LIMITS, headBytes: 100 };
  const bytes = toBytes(`GET / HTTP/1.1\r\nHost: a\r\nX: ${"v".repeat(200)}\r\n\r\n`);
  for (const step of [1, 50, bytes.length]) {
    const block = new HeaderBlock(limits);
    block.reset("head");
    assert.throws(() => {
      for (let end = step; end <= bytes.length; end += step) block.scan(bytes, 0, end);
    }, { status: 431 });
  }
});

Deno.test("chunks are the same payload wherever they are cut", () => {
  const coded = "5;x=1\r\nhello\r\n0a\r\n0123456789\r\n1\r\n!\r\n000\r\n";
  for (let step = 1; step <= coded.length; step++) {
    const decoder = new ChunkedDecoder();
    let payload = "";
    for (let at = 0; at < coded.length; at += step) {
      const piece = toBytes(coded.slice(at, at + step));
      assert.equal(decoder.decode(piece, 0, piece.length), piece.length);
      payload += toText(piece.subarray(0, decoder.payloadEnd));
    }
    assert.equal(payload, "hello0123456789!");
    assert(decoder.isDone);
  }
});

Deno.test("what is behind the last chunk is not taken", () => {
  const bytes = toBytes("1\r\na\r\n0\r\nGET / HTTP/1.1\r\n");
  const decoder = new ChunkedDecoder();
  assert.equal(
    toText(bytes.subarray(decoder.decode(bytes, 0, bytes.length))),
    "GET / HTTP/1.1\r\n",
  );
});
