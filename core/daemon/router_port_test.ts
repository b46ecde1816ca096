import assert from "node:assert/strict";
import { UsageError } from "../errors.ts";
import { portsToTry, wishedPort } from "./router_port.ts";

Deno.test("wishedPort() prefers the flag to the variable to config.yaml", () => {
  const env = { MOAT_PROXY_PORT: "9002" };
  const homeConfig = { proxyPort: 9003 };
  assert.equal(wishedPort({ flag: 9001, env, homeConfig })?.port, 9001);
  assert.deepEqual(wishedPort({ env, homeConfig }), { port: 9002, origin: "MOAT_PROXY_PORT" });
  assert.equal(wishedPort({ env: {}, homeConfig })?.port, 9003);
  assert.equal(wishedPort({ env: { MOAT_PROXY_PORT: "" }, homeConfig: {} }), undefined);
});

for (const text of ["0", "65536", "http", "80a", "-1", "1e3"]) {
  Deno.test(`wishedPort() refuses MOAT_PROXY_PORT=${text}`, () => {
    assert.throws(() => wishedPort({ env: { MOAT_PROXY_PORT: text }, homeConfig: {} }), UsageError);
  });
}

Deno.test("portsToTry() moves from the default only", () => {
  assert.deepEqual(portsToTry(9001), [9001]);
  const [first, second] = portsToTry(undefined);
  assert.deepEqual([first, second, portsToTry(undefined).at(-1)], [8080, 8081, 0]);
});
