import assert from "node:assert/strict";
import { engineFacts } from "./probe_engine.ts";

const AT = { target: "unix:///x.sock", arch: "amd64", apiVersion: "1.51" } as const;
const PLAIN = { ServerVersion: "29.0.0", Architecture: "aarch64", Runtimes: { runc: {} } };
const WITH_GVISOR = { ...PLAIN, Runtimes: { runc: {}, runsc: {} } };

Deno.test("engineFacts() gives gVisor where the engine has runsc", () => {
  const facts = engineFacts(WITH_GVISOR, { ...AT, os: "linux" });
  assert.deepEqual(facts.isolations, ["gvisor", "container"]);
  assert.equal(facts.defaultIsolation, "gvisor");
  assert.equal(facts.defaultIsolationMissing, undefined);
  assert.equal(facts.description, "Docker Engine 29.0.0 (API 1.51)");
  assert.equal(facts.arch, "arm64");
});

Deno.test("engineFacts() knows that an engine may have gVisor as its default", () => {
  const facts = engineFacts({ ...WITH_GVISOR, DefaultRuntime: "runsc" }, { ...AT, os: "linux" });
  assert.deepEqual(facts.isolations, ["gvisor"]);
});

Deno.test("engineFacts() says how to get gVisor, and how to go without", () => {
  const missing = engineFacts(PLAIN, { ...AT, os: "linux" }).defaultIsolationMissing;
  assert.match(missing?.reason ?? "", /runsc/);
  for (const way of ["runsc install", "--isolation none", "sandbox: none", "MOAT_NO_SANDBOX=1"]) {
    assert.ok(missing?.hint.includes(way), way);
  }
});

Deno.test("engineFacts() does not ask for gVisor on macOS", () => {
  const facts = engineFacts(PLAIN, { ...AT, os: "darwin" });
  assert.deepEqual([facts.defaultIsolation, facts.defaultIsolationMissing], [
    "container",
    undefined,
  ]);
});

for (const option of ["name=rootless", "name=userns"]) {
  Deno.test(`engineFacts() sees that ids are shifted by ${option}`, () => {
    const info = { ...PLAIN, SecurityOptions: ["name=seccomp,profile=builtin", option] };
    assert.equal(engineFacts(info, { ...AT, os: "linux" }).shiftedIds, true);
    assert.equal(engineFacts(PLAIN, { ...AT, os: "linux" }).shiftedIds, false);
  });
}

Deno.test("engineFacts() survives an answer that says nothing", () => {
  const facts = engineFacts(undefined, { ...AT, os: "linux" });
  assert.deepEqual([facts.arch, facts.isolations], ["amd64", ["container"]]);
});
