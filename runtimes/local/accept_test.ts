import assert from "node:assert/strict";
import { createHomeId, runLabels } from "../../core/ids.ts";
import type { ContainerSpec } from "../../core/plugin/runtime.ts";
import { acceptContract, type AcceptSubject } from "../../tests/contracts/accept_contract.ts";
import { baseCompanion } from "../../tests/contracts/companion_contract.ts";
import { program } from "../../tests/contracts/programs.ts";
import { baseSpec } from "../../tests/contracts/runtime_contract.ts";
import { startAcceptor } from "../../tests/helpers/acceptor.ts";
import {
  createLocalSubject,
  LOCAL_BACKENDS,
  type LocalSubject,
} from "../../tests/helpers/local_subject.ts";
import { requires } from "../../tests/helpers/machine.ts";
import { readText, writeAll } from "../../tests/helpers/stream_pair.ts";

for (const { backend, needs } of LOCAL_BACKENDS) {
  const make = () => createLocalSubject({ backend, spec: baseSpec, home: createHomeId() });

  acceptContract(`local, ${backend}`, {
    ...requires(...needs),
    make: async () => withNetwork(await make(), backend),
  });

  const test = (name: string, check: (subject: LocalSubject) => Promise<void>) =>
    Deno.test({
      ...requires(...needs),
      name: `${backend}: ${name}`,
      async fn() {
        await using subject = await make();
        await check(subject);
      },
    });

  test("accept() accepts on a low port, and beside a service", async (subject) => {
    const { runtime, home } = subject;
    const base = subject.spec();
    const service = baseCompanion(home, base.runId, "server");
    assert.ok(runtime.companions !== undefined && runtime.accept !== undefined);
    await runtime.companions.create(service);
    await runtime.companions.start(service);
    const labels = runLabels(home, base.runId, "run");
    const run: ContainerSpec = {
      ...base,
      labels,
      network: { kind: "own", name: base.name },
      command: program("idle"),
      detached: true,
    };
    await runtime.create(run);
    await runtime.start(run);
    await using _port = await runtime.accept(run.name, 80, {
      async serve(stream) {
        await writeAll(stream, new TextEncoder().encode(`heard ${await readText(stream)}`));
        stream.close();
      },
    });
    const answers = await Promise.all(
      [run, service].map(({ name }) =>
        runIn(subject, { ...base, name }, program("request", "127.0.0.1", 80, "it"))
      ),
    );
    assert.deepEqual(answers, ["heard it", "heard it"]);
  });
}

acceptContract("local, root for another owner", {
  ...requires("linux", "root"),
  make: async () =>
    withNetwork(
      await createLocalSubject({
        backend: "unshare",
        home: createHomeId(),
        spec: (home) => ({ ...baseSpec(home), uid: 23456, gid: 23457 }),
      }),
      "unshare",
    ),
});

/** The same; its runs have a network of their own. */
function withNetwork(subject: LocalSubject, backend: "bubblewrap" | "unshare"): AcceptSubject {
  const { home, stateDir } = subject;
  return {
    ...subject,
    spec(changes = {}) {
      const { name } = subject.spec(changes);
      return subject.spec({ name, network: { kind: "own", name }, ...changes });
    },
    acceptElsewhere: (name, port) =>
      startAcceptor({ kind: "local", where: backend, stateDir, home, name, port }),
  };
}

/** The output of a command that ends with 0. */
async function runIn(
  { runtime }: LocalSubject,
  { name, uid, gid }: Pick<ContainerSpec, "name" | "uid" | "gid">,
  command: readonly string[],
): Promise<string> {
  const spec = { command, env: {}, workdir: "/", uid, gid, tty: false, stdin: false };
  const exec = await runtime.exec(name, spec);
  await using attachment = exec.attachment;
  const decoder = new TextDecoder();
  let output = "";
  for await (const { data } of attachment.output) output += decoder.decode(data, { stream: true });
  assert.equal((await exec.wait()).code, 0, output);
  return output;
}
