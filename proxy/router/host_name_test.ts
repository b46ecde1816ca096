import assert from "node:assert/strict";
import { type HostName, parseHostName } from "./host_name.ts";

const INDEX: HostName = { kind: "index" };
const SHOP: HostName = { kind: "run", run: "shop" };
const WEB: HostName = { kind: "endpoint", run: "shop", endpoint: "web" };
const FOREIGN: HostName = { kind: "foreign" };

const CASES: readonly (readonly [string, HostName])[] = [
  ["localhost", INDEX],
  ["localhost:8080", INDEX],
  ["LocalHost.:8080", INDEX],
  ["shop.localhost:8080", SHOP],
  ["SHOP.LOCALHOST", SHOP],
  ["shop.localhost.", SHOP],
  ["web.shop.localhost:8080", WEB],
  ["Web.Shop.localhost.:80", WEB],
  ["web.shop.localhost:", WEB],
  ["a.web.shop.localhost", { kind: "unknown", name: "a.web.shop.localhost" }],
  ["-web.shop.localhost", { kind: "unknown", name: "-web.shop.localhost" }],
  [".localhost", { kind: "unknown", name: ".localhost" }],
  ["web..localhost", { kind: "unknown", name: "web..localhost" }],
  ["127.0.0.1:8080", FOREIGN],
  ["[::1]:8080", FOREIGN],
  ["[::1]", FOREIGN],
  ["::1", FOREIGN],
  ["example.com", FOREIGN],
  ["shop.localhost.example.com", FOREIGN],
  ["notlocalhost", FOREIGN],
  ["shop.localhost:8080:1", FOREIGN],
  ["shop.localhost..", { kind: "foreign" }],
  ["user@shop.localhost", { kind: "unknown", name: "user@shop.localhost" }],
  ["", FOREIGN],
];

for (const [host, expected] of CASES) {
  Deno.test(`parseHostName() reads "${host}" as ${expected.kind}`, () => {
    assert.deepEqual(parseHostName(host), expected);
  });
}
