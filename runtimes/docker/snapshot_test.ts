import assert from "node:assert/strict";
import { createHomeId, createRunId, runIdFromLabels, runLabels } from "../../core/ids.ts";
import { startFakeEngine } from "../../tests/helpers/fake_engine.ts";
import { docker } from "./plugin.ts";

const HOME = createHomeId();
const LABELS = runLabels(HOME, createRunId(), "service");

/** Asks an engine that refuses what `refused` matches, and returns what was asked, one line each. */
async function snapshot(refused: RegExp): Promise<{ asked: string[]; error: unknown }> {
  const asked: string[] = [];
  await using engine = await startFakeEngine("runc");
  engine.answer = (method, path, body) => {
    asked.push(`${method} ${path} ${body}`);
    if (refused.test(path)) return Response.json({ message: "no space" }, { status: 500 });
    if (path === "/containers/server/json") {
      return Response.json({ Config: { Image: "postgres:17", Labels: LABELS } });
    }
    if (method === "DELETE") return new Response(null, { status: 204 });
    return method === "GET" ? new Response("tar") : Response.json({ Id: "1" }, { status: 201 });
  };
  await using runtime = await docker.open(
    { os: "linux", arch: "amd64", env: {}, stateDir: "", home: HOME },
    engine.target,
  );
  const image = { ref: "moat/data:1", labels: { "moat.image": "1" }, directory: "/data/x" };
  try {
    await runtime.companions?.snapshot?.("server", image);
    return { asked, error: undefined };
  } catch (error) {
    return { asked, error };
  }
}

Deno.test("a snapshot's image passes for no run's, what carries the directory does", async () => {
  const { asked, error } = await snapshot(/^$/);
  assert.equal(error, undefined);
  const sentTo = (path: string): unknown => {
    const line = asked.find((text) => text.startsWith(`POST ${path} `)) ?? "";
    return JSON.parse(line.slice(`POST ${path} `.length));
  };
  const [carrier, image] = [sentTo("/containers/create"), sentTo("/commit")];
  assert.ok(runIdFromLabels(labelsOf(carrier), HOME) !== undefined);
  // As engines do it.
  const labels = { ...labelsOf(carrier), ...labelsOf(image) };
  assert.equal(runIdFromLabels(labels, HOME), undefined);
  assert.equal(labels["moat.image"], "1");
  assert.match(asked.at(-1) ?? "", /^DELETE \/containers\/server-kept /);
});

for (const step of [/\/create$/, /server-kept\/archive$/, /\/commit$/]) {
  Deno.test(`a snapshot that fails at ${step.source} leaves no container`, async () => {
    const { asked, error } = await snapshot(step);
    assert.match(String(error), /Cannot keep container "server" as image "moat\/data:1": no space/);
    assert.match(asked.at(-1) ?? "", /^DELETE \/containers\/server-kept /);
  });
}

function labelsOf(described: unknown): Record<string, string> {
  assert.ok(typeof described === "object" && described !== null && "Labels" in described);
  return Object.fromEntries(Object.entries(described.Labels ?? {}));
}
