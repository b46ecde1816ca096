import assert from "node:assert/strict";
import { openAuthority } from "../../proxy/mod.ts";
import { createTestHome } from "../../tests/helpers/test_home.ts";
import { ROUTER_PORT_FACT, Store } from "../store/store.ts";
import { checkRouter, checkRouterTrust } from "./check_router.ts";

Deno.test("checkRouter() finds the port free, or says what asks for one that is taken", async () => {
  await using home = await createTestHome();
  const { paths } = home;
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const env = { MOAT_PROXY_PORT: String(listener.addr.port) };
  const [taken] = await checkRouter({ paths, env });
  assert.equal(taken?.state, "problem");
  assert.match(taken?.text ?? "", /MOAT_PROXY_PORT/);
  listener.close();
  const [free] = await checkRouter({ paths, env });
  assert.equal(free?.state, "ok");
});

Deno.test("checkRouter() sees a router whose daemon does not answer", async () => {
  await using home = await createTestHome();
  const { paths } = home;
  {
    using store = Store.open(paths);
    store.setFact(ROUTER_PORT_FACT, "8080");
  }
  const [check] = await checkRouter({ paths, env: {} });
  assert.equal(check?.state, "warning");
  assert.equal(check?.fix, "moat proxy start");
});

Deno.test("checkRouter() reports a MOAT_PROXY_PORT that is no port", async () => {
  await using home = await createTestHome();
  const [check] = await checkRouter({ paths: home.paths, env: { MOAT_PROXY_PORT: "http" } });
  assert.equal(check?.state, "problem");
  assert.match(check?.text ?? "", /MOAT_PROXY_PORT "http"/);
});

Deno.test("checkRouterTrust() has a line once there is an authority, which no system trusts yet", async () => {
  await using home = await createTestHome();
  const context = { paths: home.paths, os: "linux" } as const;
  assert.deepEqual(await checkRouterTrust(context), []);
  await openAuthority(home.paths.store);
  const [check] = await checkRouterTrust(context);
  assert.equal(check?.state, "ok");
  assert.match(check?.text ?? "", /does not trust .* until moat proxy trust$/);
});
