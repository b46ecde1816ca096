import assert from "node:assert/strict";
import { bypassesProxy, readHostProxies } from "./host_proxy.ts";

Deno.test("readHostProxies() reads both proxies, lower case first", () => {
  const proxies = readHostProxies({
    HTTPS_PROXY: "http://upper:1",
    https_proxy: "https://lower.example",
    HTTP_PROXY: "plain.example:3128",
    no_proxy: "localhost, .corp example.org",
  });
  assert.deepEqual(proxies, {
    https: { host: "lower.example", port: 443, tls: true },
    http: { host: "plain.example", port: 3128, tls: false },
    bypass: ["localhost", ".corp", "example.org"],
    notices: [],
  });
});

Deno.test("readHostProxies() keeps credentials out of everything but the header", () => {
  const { https, notices } = readHostProxies({ HTTPS_PROXY: "http://me:s%40cret@[::1]:3128" });
  assert.deepEqual(https, {
    host: "::1",
    port: 3128,
    tls: false,
    authorization: `Basic ${btoa("me:s@cret")}`,
  });
  assert.deepEqual(notices, []);
});

Deno.test("readHostProxies() names the variable that it cannot follow, not its value", () => {
  const { http, https, notices } = readHostProxies({ ALL_PROXY: "socks5://me:secret@host" });
  assert.deepEqual([http, https], [undefined, undefined]);
  assert.equal(notices.length, 1);
  assert.match(notices[0] ?? "", /^ALL_PROXY /);
  assert.doesNotMatch(notices[0] ?? "", /secret/);
});

Deno.test("readHostProxies() is empty without variables", () => {
  assert.deepEqual(readHostProxies({ HTTP_PROXY: "" }), { bypass: [], notices: [] });
});

Deno.test("bypassesProxy() knows hosts, domains and everything", () => {
  const bypass = ["example.org", ".corp", "*.dev", "10.0.0.1:80"];
  const yes = ["example.org", "a.example.org", "x.CORP", "corp", "a.dev", "10.0.0.1"];
  for (const host of yes) assert.equal(bypassesProxy(host, bypass), true, host);
  for (const host of ["notexample.org", "org", "10.0.0.2"]) {
    assert.equal(bypassesProxy(host, bypass), false, host);
  }
  assert.equal(bypassesProxy("anything", ["*"]), true);
});
