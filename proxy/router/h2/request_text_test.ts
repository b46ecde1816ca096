import assert from "node:assert/strict";
import { type FieldMap, requestText, trailerText } from "./request_text.ts";

const GET = {
  ":method": "GET",
  ":scheme": "https",
  ":authority": "web.shop.localhost:8080",
  ":path": "/a?b=c",
};

Deno.test("a head becomes the text of one, the host first", () => {
  assert.deepEqual(requestText({ ...GET, accept: "*/*", te: "trailers" }, { hasBody: false }), {
    kind: "head",
    framing: "none",
    text: "GET /a?b=c HTTP/1.1\r\nhost: web.shop.localhost:8080\r\naccept: */*\r\n\r\n",
  });
});

Deno.test("crumbs of a cookie become one header, other lists stay lists", () => {
  const fields = { ...GET, cookie: ["a=1", "b=2"], "x-list": ["1", "2"] };
  const made = requestText(fields, { hasBody: false });
  assert(made.kind === "head");
  assert.match(made.text, /\r\ncookie: a=1; b=2\r\nx-list: 1\r\nx-list: 2\r\n\r\n$/);
});

Deno.test("a body has the length that was said, or is chunked", () => {
  const unknown = requestText({ ...GET, ":method": "POST" }, { hasBody: true });
  assert(unknown.kind === "head" && unknown.framing === "chunked");
  assert.match(unknown.text, /\r\ntransfer-encoding: chunked\r\n\r\n$/);
  const known = requestText({ ...GET, "content-length": "5" }, { hasBody: true });
  assert(known.kind === "head" && known.framing === "length");
  assert.doesNotMatch(known.text, /transfer-encoding/);
});

const MALFORMED: Readonly<Record<string, FieldMap>> = {
  "a line end in a value": { ...GET, "x-a": "1\r\nx-b: 2" },
  "a line feed in a value": { ...GET, "x-a": "1\nx-b: 2" },
  "a NUL in a value": { ...GET, "x-a": "\0" },
  "a value that begins with white space": { ...GET, "x-a": " 1" },
  "a character beyond Latin-1": { ...GET, "x-a": "\u{10a}" },
  "a line end in a name": { ...GET, "x\r\ny": "1" },
  "an upper-case name": { ...GET, "X-A": "1" },
  "a colon in a name": { ...GET, "x:a": "1" },
  "an empty name": { ...GET, "": "1" },
  "a line end in the path": { ...GET, ":path": "/ HTTP/1.1\r\nx: y\r\n" },
  "white space in the path": { ...GET, ":path": "/a b" },
  "no path": { ...GET, ":path": "" },
  "a path of another form": { ...GET, ":path": "http://web.shop.localhost/" },
  "* for GET": { ...GET, ":path": "*" },
  "white space in the method": { ...GET, ":method": "GET /evil" },
  "CONNECT": { ...GET, ":method": "CONNECT" },
  "extended CONNECT": { ...GET, ":method": "CONNECT", ":protocol": "websocket" },
  "an unknown pseudo-header": { ...GET, ":protocol": "websocket" },
  "a pseudo-header of responses": { ...GET, ":status": "200" },
  "two methods": { ...GET, ":method": ["GET", "POST"] },
  "another scheme": { ...GET, ":scheme": "ftp" },
  "no scheme": { ...GET, ":scheme": undefined },
  "no host": { ...GET, ":authority": undefined },
  "a host with a line end": { ...GET, ":authority": "a\r\nx: y" },
  "two hosts": { ...GET, host: "api.shop.localhost:8080" },
  "Connection": { ...GET, connection: "close" },
  "Transfer-Encoding": { ...GET, "transfer-encoding": "chunked" },
  "Upgrade": { ...GET, upgrade: "websocket" },
  "Keep-Alive": { ...GET, "keep-alive": "5" },
  "TE with more than trailers": { ...GET, te: "gzip" },
  "an odd length": { ...GET, "content-length": "+5" },
  "two lengths": { ...GET, "content-length": ["5", "5"] },
};

for (const [name, fields] of Object.entries(MALFORMED)) {
  Deno.test(`a request is malformed: ${name}`, () => {
    assert.equal(requestText(fields, { hasBody: true }).kind, "malformed");
  });
}

Deno.test("a length without a body is malformed", () => {
  assert.equal(
    requestText({ ...GET, "content-length": "5" }, { hasBody: false }).kind,
    "malformed",
  );
});

Deno.test("a host that is said twice is one", () => {
  const made = requestText({ ...GET, host: "WEB.shop.localhost:8080" }, { hasBody: false });
  assert(made.kind === "head");
  assert.equal(made.text.match(/^host:/gim)?.length, 1);
});

Deno.test("trailers that frame, route or hide others are left out", () => {
  const fields = {
    "x-sum": "1",
    "content-length": "5",
    host: "a",
    "x-a": "1\r\nx-b: 2",
    ":path": "/",
  };
  assert.equal(trailerText(fields), "0\r\nx-sum: 1\r\n\r\n");
});
