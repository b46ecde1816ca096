/**
 * The runtime of examples/plugins/podman, on an engine of its own: storage in a temporary directory,
 * filled with one image of Docker's.
 *
 * @module
 */

import { join } from "node:path";
import { createHomeId, engineName, runLabels } from "../../core/ids.ts";
import { createExecutableRuntime } from "../../core/plugin/executable/executable_runtime_plugin.ts";
import { readManifest } from "../../core/plugin/read_manifest.ts";
import { baseCompanion, type CompanionSubject } from "../contracts/companion_contract.ts";
import { baseSpec, type RuntimeSubject } from "../contracts/runtime_contract.ts";
import { createSomeNetwork } from "./docker_subject.ts";

/** The example's directory. */
export const PODMAN_PLUGIN = join(import.meta.dirname ?? ".", "../../examples/plugins/podman");

const IMAGE = "debian:bookworm-slim";

/** A Podman with its own storage; disposing removes everything that it holds. */
export interface PodmanEngine extends AsyncDisposable {
  /** What makes podman use it. */
  readonly env: Readonly<Record<string, string>>;
}

/** Makes it. */
export async function makePodman(): Promise<PodmanEngine> {
  const directory = await Deno.makeTempDir({ prefix: "moat-podman-" });
  const env = {
    CONTAINERS_CONF: join(directory, "containers.conf"),
    CONTAINERS_STORAGE_CONF: join(directory, "storage.conf"),
  };
  // A machine without CAP_SYS_RESOURCE cannot raise limits; crun does not know mixed control groups.
  await Deno.writeTextFile(
    env.CONTAINERS_CONF,
    '[containers]\ndefault_ulimits = ["nofile=1024:1024", "nproc=4096:4096"]\n' +
      '[engine]\nruntime = "runc"\n',
  );
  await Deno.writeTextFile(
    env.CONTAINERS_STORAGE_CONF,
    `[storage]\ndriver = "overlay"\ngraphroot = "${directory}/root"\nrunroot = "${directory}/run"\n`,
  );
  const engine = {
    env,
    async [Symbol.asyncDispose]() {
      await podman(env, "rm", "--all", "--force", "--time", "0");
      await podman(env, "rmi", "--all", "--force");
      await Deno.remove(directory, { recursive: true });
    },
  };
  const archive = join(directory, "image.tar");
  await run("docker", ["save", "--output", archive, IMAGE], {});
  await podman(env, "load", "--quiet", "--input", archive);
  return engine;
}

/** Opens the example's runtime on it. */
export async function makePodmanSubject({ env }: PodmanEngine): Promise<RuntimeSubject> {
  const home = createHomeId();
  const manifest = await readManifest(join(PODMAN_PLUGIN, "moat-plugin.yaml"));
  if (manifest?.kind !== "runtime") throw new TypeError("The example is no runtime");
  const plugin = createExecutableRuntime(manifest, {
    directory: PODMAN_PLUGIN,
    digest: `sha256:${"0".repeat(64)}`,
    verify: () => Promise.resolve(),
  });
  const environment = {
    os: "linux",
    arch: "amd64",
    env: { ...Deno.env.toObject(), ...env },
    stateDir: "",
    home,
  } as const;
  const runtime = await plugin.open(environment, "podman");
  return {
    runtime,
    home,
    spec: (changes = {}) => ({
      ...baseSpec(home),
      image: IMAGE,
      isolation: "container",
      workdir: "/workspace",
      network: { kind: "none" },
      ...changes,
    }),
    async [Symbol.asyncDispose]() {
      for (const resource of await runtime.list(home)) await runtime.remove(resource);
      await runtime[Symbol.asyncDispose]();
    },
  };
}

/** Opens the example's runtime on it and makes the network of a run. */
export async function makePodmanCompanions(engine: PodmanEngine): Promise<CompanionSubject> {
  const { runtime, home, spec, ...subject } = await makePodmanSubject(engine);
  const run = spec();
  const { networks } = runtime;
  if (networks === undefined) throw new TypeError("podman has networks");
  const name = engineName(run.runId);
  const labels = runLabels(home, run.runId, "network");
  const addressAt = await createSomeNetwork(networks, { name, labels });
  let last = 2;
  return {
    ...subject,
    runtime,
    home,
    user: { uid: 0, gid: 0 },
    run: (changes = {}) => ({
      ...run,
      network: { kind: "own", name, address: addressAt(2) },
      ...changes,
    }),
    companion: (companion, changes = {}) => ({
      ...baseCompanion(home, run.runId, companion),
      image: IMAGE,
      isolation: "container",
      network: { name, address: addressAt(++last) },
      ...changes,
    }),
  };
}

async function podman(env: Readonly<Record<string, string>>, ...args: string[]): Promise<void> {
  await run("podman", args, env);
}

async function run(
  program: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<void> {
  const { success, stderr } = await new Deno.Command(program, {
    args: [...args],
    env,
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).output();
  if (!success) throw new Error(`${program} ${args[0]}: ${new TextDecoder().decode(stderr)}`);
}
