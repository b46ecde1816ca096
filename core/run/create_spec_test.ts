import assert from "node:assert/strict";
import { testPlan } from "../../tests/helpers/test_home.ts";
import { createSpec } from "./create_spec.ts";
import type { RunPlan } from "./plan.ts";

const OPTIONS = { homeId: "00112233aabbccdd", secrets: new Map([["K", "value"]]) };

Deno.test("createSpec() labels the container as this home's and this run's", () => {
  const plan = testPlan();
  assert.deepEqual(createSpec(plan, OPTIONS).labels, {
    "moat.home": OPTIONS.homeId,
    "moat.run-id": plan.id,
    "moat.role": "run",
  });
});

Deno.test("createSpec() fills in secrets, and throws for what nothing fills in", () => {
  const base = testPlan();
  const withEnv = (env: RunPlan["container"]["env"]): RunPlan => ({
    ...base,
    container: { ...base.container, env },
  });
  const plan = withEnv({ A: { kind: "text", text: "a" }, B: { kind: "secret", key: "K" } });
  assert.deepEqual(createSpec(plan, OPTIONS).env, { A: "a", B: "value" });
  const missing = withEnv({ B: { kind: "secret", key: "other" } });
  assert.throws(() => createSpec(missing, OPTIONS), TypeError);
});

Deno.test("createSpec() puts the router's real port into the run's own URLs", () => {
  const base = testPlan();
  const reference = "http://shop.localhost:{router.port}";
  const env = { MOAT_URL: { kind: "later", reference } } as const;
  const plan = { ...base, container: { ...base.container, env } };
  assert.deepEqual(createSpec(plan, { ...OPTIONS, routerPort: 8081 }).env, {
    MOAT_URL: "http://shop.localhost:8081",
  });
  assert.throws(() => createSpec(plan, OPTIONS), TypeError);
});

Deno.test("createSpec() keeps standard input open unless nobody can ever be attached", () => {
  const base = testPlan();
  const stdin = (detached: boolean, tty: boolean) =>
    createSpec({ ...base, detached, container: { ...base.container, tty } }, OPTIONS).stdin;
  assert.deepEqual([stdin(false, false), stdin(true, true), stdin(true, false)], [
    true,
    true,
    false,
  ]);
});

Deno.test("createSpec() takes the image that was built, else the base", () => {
  const image = {
    kind: "build",
    tag: "moat/run:1",
    base: "b",
    dockerfile: "",
    files: {},
    digest: "",
    rebuild: false,
  } as const;
  assert.equal(createSpec(testPlan({ image }), OPTIONS).image, "moat/run:1");
  assert.equal(createSpec(testPlan({ image: { kind: "base", ref: "b" } }), OPTIONS).image, "b");
  assert.equal(createSpec(testPlan(), OPTIONS).image, undefined);
});

Deno.test("createSpec() lets a run with rules wait for the router, and its hook keep its lines", () => {
  const base = testPlan({ reach: [{ run: "api" }] });
  const plan = { ...base, container: { ...base.container, preRun: "npm ci\nfalse" } };
  const router = { routerPort: 8080, routerNames: ["api.localhost"] };
  const { preRun = "", hosts } = createSpec(plan, { ...OPTIONS, ...router });
  assert.match(preRun, /^.*0100007F:1F90 0A.*; npm ci\nfalse$/);
  assert.deepEqual(hosts, [{ name: "api.localhost", address: "127.0.0.1" }]);
  const { reach: _, ...without } = plan;
  assert.equal(createSpec(without, { ...OPTIONS, ...router }).preRun, "npm ci\nfalse");
  assert.equal(createSpec(plan, { ...OPTIONS, routerPort: 8080 }).preRun, "npm ci\nfalse");
});
