import assert from "node:assert/strict";
import type { Runtime } from "../../core/plugin/runtime.ts";
import { companionContract } from "../../tests/contracts/companion_contract.ts";
import { program } from "../../tests/contracts/programs.ts";
import { dockerIsolations, makeDockerCompanions } from "../../tests/helpers/docker_subject.ts";
import { requires, testEngines } from "../../tests/helpers/machine.ts";
import { until } from "../../tests/helpers/until.ts";
import { connectTo } from "./connect_engine.ts";
import { Engine } from "./engine.ts";

const { ignore } = requires("docker");
for (const target of testEngines()) {
  for (const isolation of dockerIsolations()) {
    companionContract(`docker ${isolation} ${target}`, {
      make: () => makeDockerCompanions(target, isolation),
      ignore,
    });
  }
}

for (const target of testEngines()) {
  Deno.test({
    name: `docker ${target}: a companion's files have owners, its own volumes go with it`,
    ignore,
    fn: async () => {
      await using subject = await makeDockerCompanions(target, "container");
      const { runtime } = subject;
      const spec = subject.companion("server", {
        command: ["sh", "-c", "stat -c '%u:%g %a' /run/given/a; exec sleep 1000"],
        files: [{ path: "/run/given/a", content: "s3cret", mode: 0o640, uid: 999, gid: 1234567 }],
        mounts: [{ kind: "volume", source: "", target: "/data", readOnly: false }],
        env: { PLAIN: "yes" },
      });
      await runtime.companions?.create(spec);
      await runtime.companions?.start(spec);
      await firstOutput(runtime, spec.name, "999:1234567 640\n");
      const described = await describe(target, `/containers/${spec.name}/json`);
      assert.doesNotMatch(described, /s3cret/);
      const volume = /"Name":"([0-9a-f]{64})"/.exec(described)?.[1];
      assert.ok(volume !== undefined, described);
      assert.match(await describe(target, `/volumes/${volume}`), /"Mountpoint"/);
      await runtime.remove({ kind: "container", name: spec.name });
      assert.match(await describe(target, `/volumes/${volume}`), /no such volume/i);
    },
  });

  Deno.test({
    name: `docker ${target}: secret variables are in nothing that the engine tells`,
    ignore,
    fn: async () => {
      await using subject = await makeDockerCompanions(target, "container");
      const { runtime } = subject;
      const run = subject.run({
        command: ["sh", "-c", "stat -c '%u:%g %a' /.moat-env; exec sleep 1000"],
        secretEnv: { PASSWORD: "s3cret" },
        uid: 1234,
        gid: 4321,
        detached: true,
      });
      await runtime.create(run);
      await runtime.start(run);
      await firstOutput(runtime, run.name, "1234:4321 600\n");
      const { uid, gid } = run;
      const ids = { env: {}, workdir: "/", tty: false, stdin: false };
      const own = await runtime.exec(run.name, { ...ids, uid, gid, command: PRINT });
      const other = await runtime.exec(run.name, { ...ids, uid: 99, gid: 99, command: PRINT });
      assert.equal((await own.wait()).code, 0);
      assert.equal((await other.wait()).code, 1);
      const described = await describe(target, `/containers/${run.name}/json`);
      assert.doesNotMatch(described, /s3cret/);
      assert.match(described, /MOAT_INIT/);
      for (const { attachment } of [own, other]) await attachment[Symbol.asyncDispose]();
    },
  });

  Deno.test({
    name:
      `docker ${target}: all connections from within share a relay, and without perl it says so`,
    ignore,
    fn: async () => {
      await using subject = await makeDockerCompanions(target, "container");
      const { runtime } = subject;
      const run = subject.run({
        command: program("echoServer", 7001, "127.0.0.1"),
        detached: true,
      });
      await runtime.create(run);
      await runtime.start(run);
      await firstOutput(runtime, run.name, "ready\n");
      const dial = async () => await runtime.dial?.(run.name, 7001);
      const count = (command: string, wanted: number) =>
        inside(runtime, run.name, `[ $(cat /proc/[0-9]*/comm | grep -c ${command}) = ${wanted} ]`);
      const streams = [...await Promise.all([dial(), dial()]), await dial()];
      assert.ok(await count("moat-relay", 1));
      // The server has a child for each connection.
      assert.ok(await count("perl", 4));
      for (const stream of streams) stream?.close();
      await until("the connections have ended", () => count("perl", 1));
      await assert.rejects(async () => await runtime.dial?.(run.name, 7009), /nothing listens/);
      const relay = "$(grep -l moat-relay /proc/[0-9]*/comm | cut -d/ -f3)";
      assert.ok(await inside(runtime, run.name, `kill ${relay}`));
      await until("the relay has ended", () => count("moat-relay", 0));
      (await dial())?.close();
      assert.ok(await inside(runtime, run.name, `kill ${relay}; rm /usr/bin/perl`));
      await until("the relay has ended", () => count("moat-relay", 0));
      await assert.rejects(dial(), /has no perl/);
    },
  });
}

const PRINT = ["sh", "-c", 'test "$PASSWORD" = s3cret'];

/** Whether a script that root runs inside succeeds. */
async function inside(runtime: Runtime, name: string, script: string): Promise<boolean> {
  const { attachment, wait } = await runtime.exec(name, {
    command: ["sh", "-c", script],
    env: {},
    workdir: "/",
    uid: 0,
    gid: 0,
    tty: false,
    stdin: false,
  });
  const { code } = await wait();
  await attachment[Symbol.asyncDispose]();
  return code === 0;
}

/** What the engine says, as text. */
async function describe(target: string, path: string): Promise<string> {
  using engine = new Engine(connectTo({ url: target }));
  const { value } = await engine.call({ method: "GET", path, doing: "look", accept: [404] });
  return JSON.stringify(value);
}

async function firstOutput(runtime: Runtime, name: string, text: string): Promise<void> {
  for await (const { data } of runtime.logs(name, { follow: true })) {
    assert.equal(new TextDecoder().decode(data), text);
    return;
  }
  assert.fail(`"${name}" said nothing`);
}
