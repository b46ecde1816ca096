import assert from "node:assert/strict";
import { createHomeId } from "../../core/ids.ts";
import { MoatError } from "../../core/errors.ts";
import { baseCompanion } from "../../tests/contracts/companion_contract.ts";
import { baseSpec } from "../../tests/contracts/runtime_contract.ts";
import { startFakeEngine } from "../../tests/helpers/fake_engine.ts";
import { docker } from "./plugin.ts";

const HOME = createHomeId();
const RUN = { ...baseSpec(HOME), image: "debian", isolation: "gvisor", detached: true } as const;
const COMPANION = {
  ...baseCompanion(HOME, RUN.runId, "server"),
  image: "debian",
  isolation: "gvisor",
} as const;

/** As engines of 20.10 and of 29 say it, at creation and at the start. */
const REFUSALS = [
  { step: "create", status: 400, message: "Unknown runtime specified runsc" },
  { step: "create", status: 400, message: "unknown or invalid runtime name: runsc" },
  {
    step: "start",
    status: 500,
    message:
      "failed to create task for container: failed to create shim task: OCI runtime create " +
      "failed: unable to retrieve OCI runtime error (open log.json: no such file or directory): " +
      "fork/exec /usr/bin/runsc: no such file or directory: unknown",
  },
  {
    step: "start",
    status: 500,
    message: 'failed to start shim: exec: "runsc": executable file not found in $PATH: unknown',
  },
] as const;

for (const { step, status, message } of REFUSALS) {
  Deno.test(`an engine that lost gVisor after the plan is told from others: ${message}`, async () => {
    await using engine = await startFakeEngine("runc", "runsc");
    const removed: string[] = [];
    engine.answer = (method, path) => {
      if (method === "DELETE") {
        removed.push(path);
        return new Response(null, { status: 204 });
      }
      if (path.endsWith(`/${step}`)) return Response.json({ message }, { status });
      return path.endsWith("/create") ? Response.json({ Id: "1" }, { status: 201 }) : undefined;
    };
    await using runtime = await docker.open(
      { os: "linux", arch: "amd64", env: {}, stateDir: "", home: HOME },
      engine.target,
    );
    const { companions } = runtime;
    assert.ok(companions !== undefined);
    const attempts = step === "create"
      ? [() => runtime.create(RUN), () => companions.create(COMPANION)]
      : [() => runtime.start(RUN), () => companions.start(COMPANION)];
    for (const attempt of attempts) {
      await assert.rejects(async () => void await attempt(), (error) => {
        assert.ok(error instanceof MoatError);
        assert.match(error.message, /had gVisor \(runsc\) when .* planned, and has it no longer/);
        return true;
      });
    }
    const expected = step === "create"
      ? [`/containers/${RUN.name}`, `/containers/${COMPANION.name}`]
      : [];
    assert.deepEqual(removed.toSorted(), expected.toSorted());
  });
}
