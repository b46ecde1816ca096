import assert from "node:assert/strict";
import { baseSpec } from "../../../tests/contracts/runtime_contract.ts";
import { wireContainer, wireExec } from "./wire_spec.ts";

const spec = {
  ...baseSpec("h0"),
  command: ["echo", "a b"],
  env: { GREETING: "hello" },
  secretEnv: { PASSWORD: "s3cret" },
  preRun: "true",
  workdir: "/workspace",
};

Deno.test("on an image the init is the first process, and secrets are in a file of the user's", () => {
  const wire = wireContainer({
    ...spec,
    image: "debian",
    mounts: [{ kind: "tmpfs", source: "", target: "/workspace/cache", readOnly: false }],
  });
  assert.deepEqual([wire.command, wire.user, wire.workdir], [
    ["echo", "a b"],
    { uid: 0, gid: 0 },
    "/",
  ]);
  assert.equal(wire.entrypoint?.[0], "/bin/sh");
  const { GREETING, MOAT_PRE_RUN, MOAT_WORKDIR, MOAT_OWN } = wire.env;
  assert.deepEqual([GREETING, MOAT_PRE_RUN, MOAT_WORKDIR, MOAT_OWN], [
    "hello",
    "true",
    "/workspace",
    "/workspace/cache",
  ]);
  const { files: [file], ...rest } = wire;
  assert.deepEqual([file?.mode, file?.uid, file?.content.includes("s3cret")], [0o600, 1000, true]);
  assert(!JSON.stringify(rest).includes("s3cret"));
});

Deno.test("without images the hook is words before the command, and nothing of the init is there", async () => {
  const wire = wireContainer(spec);
  assert.deepEqual(wire.env, { GREETING: "hello", PASSWORD: "s3cret" });
  assert.deepEqual([wire.user, wire.files], [{ uid: 1000, gid: 1000 }, []]);
  for (const [preRun, expected] of [["echo hook", [0, "a b\n"]], ["exit 3", [3, ""]]] as const) {
    const { entrypoint, command } = wireContainer({ ...spec, preRun });
    const [program = "", ...args] = [...entrypoint ?? [], ...command];
    const { code, stdout } = await new Deno.Command(program, { args, stdin: "null" }).output();
    assert.deepEqual([code, new TextDecoder().decode(stdout)], expected);
  }
});

Deno.test("a further command gets no variable of the init, and its own before the run's secrets", () => {
  const exec = {
    command: ["id"],
    env: { A: "1" },
    workdir: "/",
    uid: 5,
    gid: 6,
    tty: false,
    stdin: true,
  };
  assert.deepEqual(wireExec("run", exec, { hasImages: false }).command, ["id"]);
  const { command, env, user } = wireExec("run", exec, { hasImages: true });
  assert.match(command[2] ?? "", /^unset MOAT_INIT /);
  assert.deepEqual([command.slice(-1), env, user], [
    ["id"],
    { A: "1", MOAT_KEEP: "A" },
    { uid: 5, gid: 6 },
  ]);
});
