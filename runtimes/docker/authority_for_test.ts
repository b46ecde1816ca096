import assert from "node:assert/strict";
import { startFakeEngine } from "../../tests/helpers/fake_engine.ts";
import { authorityFor } from "./authority_for.ts";
import { connectTo } from "./connect_engine.ts";
import { Engine } from "./engine.ts";

const AUTHORITY = {
  certificate: "",
  file: "/ca.crt",
  env: { NODE_EXTRA_CA_CERTS: "/ca.crt", SSL_CERT_FILE: "/all.crt" },
};

Deno.test("authorityFor() leaves out what the image sets itself", async () => {
  await using fake = await startFakeEngine("runc");
  const Env = ["PATH=/bin", "NODE_EXTRA_CA_CERTS=/company.pem"];
  fake.answer = (_, path) =>
    path === "/images/company%2Fnode/json" || path === "/images/company/node/json"
      ? Response.json({ Id: "1", Config: { Env } })
      : undefined;
  using engine = new Engine(connectTo({ url: fake.target }));
  const found = await authorityFor(engine, { authority: AUTHORITY, image: "company/node" }, {});
  assert.deepEqual(found?.env, { SSL_CERT_FILE: "/all.crt" });
});

Deno.test("authorityFor() asks nothing without an authority", async () => {
  await using fake = await startFakeEngine("runc");
  let asked = 0;
  fake.answer = () => {
    asked++;
    return undefined;
  };
  using engine = new Engine(connectTo({ url: fake.target }));
  assert.equal(await authorityFor(engine, { image: "node" }, {}), undefined);
  assert.equal(asked, 0);
});
