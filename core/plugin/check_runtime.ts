/**
 * The contract of runtimes as checks that an executable from elsewhere is put through: the protocol
 * everywhere, and where its engine is, the life of a few containers.
 *
 * @module
 */

import { type Context, runtimeEnvironment } from "../context.ts";
import { createHomeId, createRunId, engineName, runLabels } from "../ids.ts";
import { DEFAULT_BASE } from "../image/image_plan.ts";
import { check, type PluginCheck } from "./check_plugin.ts";
import type { RuntimeProbe } from "./contract.ts";
import { createExecutableRuntime } from "./executable/executable_runtime_plugin.ts";
import { RefusedCall } from "./executable/runtime_call.ts";
import { RuntimeConnection } from "./executable/runtime_connection.ts";
import { lookAlike } from "./look_alike.ts";
import type { RuntimeManifest } from "./manifest_kinds.ts";
import type { Attachment, ContainerSpec, Runtime, RuntimeFacts } from "./runtime.ts";

/** What the checks need. */
export interface CheckRuntimeOptions {
  /** The plugin's files. */
  readonly directory: string;
  readonly context: Context;
}

/** Runs all checks of one runtime. Never throws for what it does; removes what it made. */
export async function checkRuntime(
  manifest: RuntimeManifest,
  { directory, context }: CheckRuntimeOptions,
): Promise<readonly PluginCheck[]> {
  const home = createHomeId();
  const environment = runtimeEnvironment(context, { runtime: manifest.id, home });
  const plugin = createExecutableRuntime(manifest, {
    directory,
    digest: `sha256:${"0".repeat(64)}`,
    verify: () => Promise.resolve(),
  });
  let probe: RuntimeProbe | undefined;
  const checks = [
    await check("has a name that is nobody else's", () => {
      const names = context.registry.list("runtime").map(({ id }) => id);
      const other = names.includes(manifest.id) ? manifest.id : lookAlike(manifest.id, names);
      if (other !== undefined) throw new Error(`it looks like "${other}", which is part of moat`);
    }),
    await check("speaks the protocol, and refuses what it does not know", async () => {
      await requireProtocol(manifest, { directory, context });
    }),
    await check("says what is there, or why not", async () => {
      probe = await plugin.probe(environment, { signal: context.signal });
      if (probe.kind === "unavailable" && probe.hint.trim() === "") {
        throw new Error("it does not say what to do");
      }
    }),
  ];
  if (probe?.kind === "unavailable") {
    return [...checks, { title: `its engine is not here, so nothing was run: ${probe.reason}` }];
  }
  if (probe === undefined) return checks;
  const { facts } = probe;
  let opened: Runtime | undefined;
  const opening = await check("opens its engine, with the abilities that it said", async () => {
    opened = await plugin.open(environment, facts.target);
    requireAbilities(opened, facts);
  });
  if (opened === undefined) return [...checks, opening];
  await using runtime = opened;
  try {
    return [...checks, opening, ...await checkLife(runtime, { facts, home })];
  } finally {
    for (const resource of await runtime.list(home).catch(() => [])) {
      await runtime.remove(resource).catch(() => {});
    }
  }
}

async function requireProtocol(
  { id, entry, permissions: { env: variables = [] } = {} }: RuntimeManifest,
  { directory, context: { env } }: CheckRuntimeOptions,
): Promise<void> {
  const program = `${directory}/${entry}`;
  await using connection = await RuntimeConnection.start({ id, program, variables, env });
  const unknown = connection.call("no-such-call", { params: {}, timeoutMs: 10_000 });
  try {
    await unknown.result;
  } catch (error) {
    if (error instanceof RefusedCall) return;
    throw error;
  }
  throw new Error('it has a result for the call "no-such-call"');
}

function requireAbilities(runtime: Runtime, { abilities, target }: RuntimeFacts): void {
  const has: Partial<Record<RuntimeFacts["abilities"][number], unknown>> = {
    images: runtime.images,
    networks: runtime.networks,
    volumes: runtime.volumes,
    dial: runtime.dial,
    privileged: runtime.privileged,
    reattach: runtime.reattach,
    services: runtime.companions,
  };
  for (const [name, ability] of Object.entries(has)) {
    const isSaid = abilities.some((said) => said === name);
    if (isSaid === (ability !== undefined)) continue;
    throw new Error(`probe and open do not agree about the ability "${name}"`);
  }
  if (runtime.target !== target) throw new Error("it opens another target than it said");
}

/** Containers from beginning to end. */
async function checkLife(
  runtime: Runtime,
  { facts, home }: { readonly facts: RuntimeFacts; readonly home: string },
): Promise<readonly PluginCheck[]> {
  const { images } = runtime;
  const prepared = await check(`has the image ${DEFAULT_BASE}, or pulls it`, async () => {
    if (images === undefined || await images.exists(DEFAULT_BASE)) return;
    await images.pull(DEFAULT_BASE);
    if (!await images.exists(DEFAULT_BASE)) throw new Error("it is not there after it was pulled");
  });
  const all = images === undefined ? [] : [prepared];
  if (prepared.problem !== undefined) return all;
  for (const [title, attempt] of Object.entries(LIFE)) {
    const spec = (changes: Partial<ContainerSpec>): ContainerSpec => ({
      ...baseSpec(facts, home),
      ...changes,
    });
    all.push(await check(title, () => attempt(runtime, { spec, home })));
  }
  return all;
}

/** What a case is given besides the runtime. */
interface Subject {
  readonly home: string;
  spec(changes: Partial<ContainerSpec>): ContainerSpec;
}

const LIFE: Readonly<Record<string, (runtime: Runtime, subject: Subject) => Promise<void>>> = {
  "runs a command: output, both streams, exit code": async (runtime, { spec }) => {
    const run = spec({
      command: ["sh", "-c", 'printf "%s" "$1"; echo e >&2; exit 7', "x", "a  b"],
    });
    await runtime.create(run);
    const { stdout, stderr } = await attached(runtime, run);
    const { code } = await runtime.wait(run.name);
    expectSame([stdout, stderr, code], ["a  b", "e\n", 7]);
    await runtime.remove({ kind: "container", name: run.name });
  },
  "hands standard input over, with its end": async (runtime, { spec }) => {
    const run = spec({ command: ["cat"], stdin: true });
    await runtime.create(run);
    const { stdout } = await attached(runtime, run, "one\ntwo");
    expectSame([stdout, (await runtime.wait(run.name)).code], ["one\ntwo", 0]);
    await runtime.remove({ kind: "container", name: run.name });
  },
  "tells created, running and exited; lists and stops": async (runtime, { spec, home }) => {
    const run = spec({ command: ["sleep", "1000"], detached: true });
    await runtime.create(run);
    const states = [(await runtime.inspect(run.name))?.status];
    await runtime.start(run);
    states.push((await runtime.inspect(run.name))?.status);
    const listed = (await runtime.list(home)).find(({ name }) => name === run.name);
    await runtime.stop(run.name, { graceMs: 1000 });
    await runtime.wait(run.name);
    const last = await runtime.inspect(run.name);
    expectSame([...states, last?.status], ["created", "running", "exited"]);
    expectSame([listed?.runId, listed?.role, listed?.running], [run.runId, "run", true]);
    expectSame(last?.isolation, run.isolation);
    await runtime.remove({ kind: "container", name: run.name });
  },
  "keeps the output of a detached command": async (runtime, { spec }) => {
    const run = spec({ command: ["sh", "-c", "echo one; echo two"], detached: true });
    await runtime.create(run);
    await runtime.start(run);
    await runtime.wait(run.name);
    const text = (data: Uint8Array) => new TextDecoder().decode(data);
    const all = await Array.fromAsync(runtime.logs(run.name, { follow: true }));
    expectSame(all.map(({ data }) => text(data)).join(""), "one\ntwo\n");
    const after = all[0]?.cursor ?? "";
    const rest = await Array.fromAsync(runtime.logs(run.name, { follow: false, after }));
    expectSame(rest.length, all.length - 1);
    await runtime.remove({ kind: "container", name: run.name });
  },
  "runs a further command, and sends it signals": async (runtime, { spec }) => {
    const run = spec({ command: ["sleep", "1000"], detached: true });
    await runtime.create(run);
    await runtime.start(run);
    const script = 'trap "exit 8" TERM; echo "$A"; while :; do sleep 0.1; done';
    const { uid, gid } = run;
    const exec = await runtime.exec(run.name, {
      command: ["sh", "-c", script],
      env: { A: "ready" },
      workdir: "/",
      uid,
      gid,
      tty: false,
      stdin: false,
    });
    for await (const { data } of exec.attachment.output) {
      if (new TextDecoder().decode(data).includes("ready")) break;
    }
    await exec.kill("SIGTERM");
    expectSame((await exec.wait()).code, 8);
    await exec.attachment[Symbol.asyncDispose]();
    await runtime.remove({ kind: "container", name: run.name });
  },
  "knows nothing of what is not there, and says so without an error": async (runtime, { spec }) => {
    const { name } = spec({});
    expectSame(await runtime.inspect(name), undefined);
    await runtime.stop(name);
    await runtime.kill(name, "SIGTERM");
    await runtime.remove({ kind: "container", name });
  },
  "refuses a name in use, and removes what is removed": async (runtime, { spec, home }) => {
    const run = spec({});
    await runtime.create(run);
    let isTaken = false;
    await runtime.create(run).then(() => isTaken = true, () => {});
    if (isTaken) throw new Error("it makes two containers of one name");
    if (await runtime.inspect(run.name) === undefined) throw new Error("its holder is gone");
    await runtime.remove({ kind: "container", name: run.name });
    expectSame((await runtime.list(home)).filter(({ name }) => name === run.name), []);
  },
};

async function attached(
  runtime: Runtime,
  spec: ContainerSpec,
  input?: string,
): Promise<Record<string, string>> {
  const attachment: Attachment | undefined = await runtime.start(spec);
  if (attachment === undefined) throw new Error("start() does not attach");
  await using _ = attachment;
  if (input !== undefined) {
    await attachment.write(new TextEncoder().encode(input));
    await attachment.closeInput();
  }
  const texts: Record<string, string> = { stdout: "", stderr: "" };
  for await (const { stream, data } of attachment.output) {
    texts[stream] = `${texts[stream] ?? ""}${new TextDecoder().decode(data)}`;
  }
  return texts;
}

function baseSpec(facts: RuntimeFacts, home: string): ContainerSpec {
  const runId = createRunId();
  const isCaller = facts.usesHostTools;
  return {
    name: engineName(runId),
    runId,
    labels: runLabels(home, runId, "run"),
    image: facts.abilities.includes("images") ? DEFAULT_BASE : undefined,
    isolation: facts.defaultIsolation,
    command: ["true"],
    workdir: "/tmp",
    env: {},
    hostname: "plugin-test",
    mounts: [],
    network: { kind: "none" },
    dns: [],
    hosts: [],
    uid: isCaller ? Deno.uid() ?? 0 : 0,
    gid: isCaller ? Deno.gid() ?? 0 : 0,
    toolPaths: [],
    groups: [],
    privileged: false,
    limits: {},
    tty: false,
    stdin: false,
    detached: false,
  };
}

function expectSame(actual: unknown, expected: unknown): void {
  const [one, other] = [JSON.stringify(actual), JSON.stringify(expected)];
  if (one !== other) throw new Error(`it gives ${one}, not ${other}`);
}
