import assert from "node:assert/strict";
import { parseAuthority, parseProxyRequest } from "./proxy_request.ts";

Deno.test("parseProxyRequest() reads CONNECT", () => {
  const head = "CONNECT example.org:443 HTTP/1.1\r\nHost: example.org:443\r\n\r\n";
  assert.deepEqual(parseProxyRequest(head), { kind: "tunnel", host: "example.org", port: 443 });
  const six = parseProxyRequest("CONNECT [2001:db8::1]:8443 HTTP/1.1\r\n\r\n");
  assert.deepEqual(six, { kind: "tunnel", host: "2001:db8::1", port: 8443 });
});

Deno.test("parseProxyRequest() makes a request for the server out of one for a proxy", () => {
  const request = parseProxyRequest(
    "POST http://u:p@example.org:8080/a?b=c HTTP/1.1\r\nHost: other\r\nAccept: */*\r\n" +
      "Proxy-Authorization: Basic x\r\nProxy-Connection: keep-alive\r\n" +
      "Connection: keep-alive, X-Hop\r\nX-Hop: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
  );
  const headers =
    "Host: example.org:8080\r\nAccept: */*\r\nTransfer-Encoding: chunked\r\nConnection: close";
  assert.deepEqual(request, {
    kind: "forward",
    host: "example.org",
    port: 8080,
    head: `POST /a?b=c HTTP/1.1\r\n${headers}\r\n\r\n`,
    absoluteHead: `POST http://example.org:8080/a?b=c HTTP/1.1\r\n${headers}\r\n\r\n`,
  });
});

Deno.test("parseProxyRequest() keeps an upgrade", () => {
  const request = parseProxyRequest(
    "GET http://example.org HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
  );
  assert.equal(request.kind, "forward");
  const head = "GET / HTTP/1.1\r\nHost: example.org\r\nUpgrade: websocket\r\n" +
    "Connection: Upgrade\r\n\r\n";
  assert.equal("head" in request && request.head, head);
});

const INVALID = [
  "GET / HTTP/1.1\r\nHost: example.org\r\n\r\n",
  "GET https://example.org/ HTTP/1.1\r\n\r\n",
  "GET ftp://example.org/ HTTP/1.1\r\n\r\n",
  "GET http:/// HTTP/1.1\r\n\r\n",
  "GET http://example.org:0/ HTTP/1.1\r\n\r\n",
  "GET http://exa mple/ HTTP/1.1\r\n\r\n",
  "GET http://example.org/ HTTP/2\r\n\r\n",
  "CONNECT example.org HTTP/1.1\r\n\r\n",
  "CONNECT example.org:99999 HTTP/1.1\r\n\r\n",
  "CONNECT :443 HTTP/1.1\r\n\r\n",
  "CONNECT a:b:443 HTTP/1.1\r\n\r\n",
  "CONNECT a@b:443 HTTP/1.1\r\n\r\n",
  "GET http://example.org/ HTTP/1.1\r\nA: b\nInjected: c\r\n\r\n",
  "\r\n\r\n",
  "\x16\x03\x01\r\n\r\n",
];

for (const head of INVALID) {
  Deno.test(`parseProxyRequest() does not take ${JSON.stringify(head)}`, () => {
    assert.equal(parseProxyRequest(head).kind, "invalid");
  });
}

Deno.test("parseAuthority() splits host and port", () => {
  assert.deepEqual(parseAuthority("a.b"), { host: "a.b" });
  assert.deepEqual(parseAuthority("[::1]"), { host: "::1" });
  assert.deepEqual(parseAuthority("a:1"), { host: "a", port: 1 });
  assert.equal(parseAuthority("::1"), undefined);
  assert.equal(parseAuthority(""), undefined);
});
