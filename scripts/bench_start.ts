/**
 * `deno task bench start`: what starting costs, each against its peer.
 *
 * @module
 */

import { resolve } from "node:path";
import { Store } from "../core/store/store.ts";
import { storedRuns } from "../tests/helpers/stored_runs.ts";
import { resolvePaths } from "../core/store/paths.ts";
import { printRatios, type Subject, timeInTurn } from "./bench_tools.ts";

const IMAGE = "debian:bookworm-slim";

/** Prints the table. @throws Error when dist/moat is not there */
export async function benchStart(): Promise<void> {
  const moat = resolve("dist/moat");
  await Deno.stat(moat);
  const directory = await Deno.makeTempDir({ prefix: "moat-bench-" });
  try {
    await measure(moat, directory);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

async function measure(moat: string, directory: string): Promise<void> {
  const empty = await compileEmpty(directory);
  const project = `${directory}/project`;
  await Deno.mkdir(project);
  const env = { MOAT_HOME: `${directory}/home`, NO_COLOR: "1" };
  const full = { MOAT_HOME: `${directory}/full`, NO_COLOR: "1" };
  fillStore(full.MOAT_HOME);
  const light: readonly Subject[] = [
    { name: "an empty compiled program", argv: [empty] },
    {
      name: "moat --version",
      argv: [moat, "--version"],
      env,
      against: "an empty compiled program",
    },
    {
      name: "moat list -a, 1,000 stored runs",
      argv: [moat, "list", "-a"],
      env: full,
      against: "an empty compiled program",
    },
    {
      name: "moat list, 1,000 stored runs",
      argv: [moat, "list"],
      env: full,
      against: "an empty compiled program",
    },
  ];
  printRatios(light, await timeInTurn(light, { rounds: 31 }));
  const local: readonly Subject[] = [
    ...(await succeeds(["bwrap", "--version"])
      ? [{ name: "bwrap … true", argv: bwrapTrue(project) }]
      : []),
    { name: "unshare … true", argv: ["unshare", "-Urmpf", "--mount-proc", "true"] },
    {
      name: "moat run -- true, local",
      argv: [moat, "run", "--runtime", "local", "--", "true"],
      env,
      cwd: project,
      against: "bwrap … true",
    },
  ];
  printRatios(local, await timeInTurn(local, { rounds: 21 }));
  if (!await succeeds(["docker", "version"])) {
    console.log("docker: skipped, no engine answers");
    return;
  }
  for (const oci of ["runc", "runsc"]) await measureDocker({ moat, project, env, oci });
  await succeeds([moat, "clean", "--force"], env);
}

async function measureDocker(
  { moat, project, env, oci }: {
    readonly moat: string;
    readonly project: string;
    readonly env: Readonly<Record<string, string>>;
    readonly oci: string;
  },
): Promise<void> {
  const choice = oci === "runsc" ? ["--runtime", "runsc"] : [];
  const bare = `docker run --rm … true, ${oci}`;
  const inARow = `network create, run, network rm, ${oci}`;
  const network = `moat-bench-${crypto.randomUUID().slice(0, 8)}`;
  const subjects: readonly Subject[] = [
    { name: bare, argv: ["docker", "run", "--rm", ...choice, IMAGE, "true"] },
    {
      name: inARow,
      argv: [
        "sh",
        "-ec",
        'docker network create "$1"; n=$1; shift; docker run --rm --network "$n" "$@"; docker network rm "$n"',
        "sh",
        network,
        ...choice,
        IMAGE,
        "true",
      ],
      against: bare,
    },
  ];
  const own = {
    argv: [
      moat,
      "run",
      "--runtime",
      "docker",
      "--isolation",
      oci === "runsc" ? "gvisor" : "none",
      "--",
      "true",
    ],
    env,
    cwd: project,
  };
  const all = [
    ...subjects,
    { ...own, name: `moat run -- true, docker, ${oci}`, against: inARow },
    // The same command once more, to print the second ratio from samples of its own.
    { ...own, name: `moat run -- true, docker, ${oci} (again)`, against: bare },
  ];
  printRatios(all, await timeInTurn(all, { rounds: 9, warmups: 1 }));
}

function fillStore(home: string): void {
  using store = Store.open(resolvePaths({ MOAT_HOME: home }));
  for (const record of storedRuns(1000)) store.insertRun(record);
}

async function compileEmpty(directory: string): Promise<string> {
  await Deno.writeTextFile(`${directory}/empty.ts`, "export {};\n");
  const output = `${directory}/empty`;
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "compile",
      "--quiet",
      "--allow-all",
      "--no-config",
      "--output",
      output,
      `${directory}/empty.ts`,
    ],
  }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  return output;
}

function bwrapTrue(project: string): readonly string[] {
  const binds = ["/usr", "/bin", "/lib", "/lib64"].flatMap((path) => ["--ro-bind-try", path, path]);
  return [
    "bwrap",
    ...binds,
    "--unshare-all",
    "--proc",
    "/proc",
    "--dev",
    "/dev",
    "--tmpfs",
    "/tmp",
    "--bind",
    project,
    "/workspace",
    "true",
  ];
}

async function succeeds(
  [program = "", ...args]: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<boolean> {
  try {
    return (await new Deno.Command(program, {
      args,
      env: { ...env },
      stdout: "null",
      stderr: "null",
    })
      .output()).success;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
