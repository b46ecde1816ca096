import assert from "node:assert/strict";
import { createHomeId, createRunId } from "../../core/ids.ts";
import type { CompanionSpec } from "../../core/plugin/runtime.ts";
import { baseCompanion } from "../../tests/contracts/companion_contract.ts";
import { companionBody } from "./companion_body.ts";
import { valueAt } from "./json.ts";

function body(changes: Partial<CompanionSpec>): unknown {
  const { command: _, ...base } = baseCompanion(createHomeId(), createRunId(), "server");
  return companionBody({ ...base, image: "postgres:17", ...changes });
}

Deno.test("companionBody() leaves to the image what the spec does not say", () => {
  const described = body({});
  for (const key of ["Entrypoint", "Cmd", "User", "WorkingDir", "StopSignal", "NetworkingConfig"]) {
    assert.equal(valueAt(described, key), undefined, key);
  }
  assert.equal(valueAt(described, "HostConfig", "Runtime"), undefined);
  assert.deepEqual(valueAt(described, "Healthcheck"), { Test: ["NONE"] });
  assert.equal(valueAt(described, "HostConfig", "LogConfig", "Type"), "local");
});

Deno.test("companionBody() says what the spec says", () => {
  const described = body({
    entrypoint: ["/serve"],
    command: ["--all"],
    isolation: "gvisor",
    privileged: true,
    network: { name: "moat-x", address: "10.0.0.3" },
    hosts: [{ name: "peer", address: "10.0.0.2" }],
    limits: { memoryBytes: 1024, cpus: 1.5 },
  });
  assert.deepEqual(
    [valueAt(described, "Entrypoint"), valueAt(described, "Cmd")],
    [["/serve"], ["--all"]],
  );
  const host = (key: string) => valueAt(described, "HostConfig", key);
  assert.deepEqual(
    ["Runtime", "Privileged", "NetworkMode", "ExtraHosts", "Memory", "NanoCpus"].map(host),
    ["runsc", true, "moat-x", ["peer:10.0.0.2"], 1024, 1_500_000_000],
  );
  assert.deepEqual(
    valueAt(described, "NetworkingConfig", "EndpointsConfig", "moat-x", "IPAMConfig"),
    { IPv4Address: "10.0.0.3" },
  );
});

Deno.test("companionBody() has no content of files", () => {
  const file = { path: "/run/password", content: "s3cret", mode: 0o600 };
  assert.doesNotMatch(JSON.stringify(body({ files: [file] })), /s3cret/);
});
