/**
 * `deno task bench plugins`: what plugins from elsewhere cost at the start, and code of theirs.
 *
 * @module
 */

import { join, resolve } from "node:path";
import { PluginProcess } from "../core/plugin/code/plugin_process.ts";
import { skeletonOf } from "../core/plugin/skeleton.ts";
import { captureContext } from "../tests/helpers/captured_context.ts";
import { packPlugin } from "../tests/helpers/npm_registry.ts";
import { median, printRatios, type Subject, timeInTurn } from "./bench_tools.ts";

const NONE = "moat plan, no plugin from elsewhere";
const KEPT = "moat plan, a code plugin whose answer is kept";

const CODE_MANIFEST = `schema: 1
kind: dependency
id: code
version: "1.0.0"
summary: A module
category: tool
commands: [sh]
entry: plugin.js
contract: 1
`;

/** Prints the table. @throws Error when dist/moat is not there */
export async function benchPlugins(): Promise<void> {
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
  const env = { MOAT_HOME: join(directory, "home"), NO_COLOR: "1" };
  const plan = [moat, "plan", "--runtime", "local"];
  const projects = await Promise.all([0, 10, 100].map(async (count) => {
    const cwd = join(directory, `with-${count}`);
    await writeProject(cwd, count);
    await succeed([moat, "plugin", "install", "--yes"], { cwd, env });
    return { count, cwd };
  }));
  const starts = projects.map(({ count, cwd }): Subject => ({
    name: count === 0 ? NONE : `moat plan, ${count} plugins of moat.lock, none used`,
    argv: plan,
    cwd,
    env,
    ...(count === 0 ? {} : { against: NONE }),
  }));
  printRatios(starts, await timeInTurn(starts, { rounds: 11 }));

  const archive = await writeArchive(directory);
  const fresh = join(directory, "fresh");
  const add: Subject = {
    name: "moat plugin add of a .tgz, a project and a home of its own",
    argv: [
      "/bin/sh",
      "-ec",
      'rm -rf "$1"; mkdir -p "$1/project"; cd "$1/project"; ' +
      'MOAT_HOME=$1/home exec "$2" plugin add "$3" --yes',
      "sh",
      fresh,
      moat,
      archive,
    ],
    env,
  };
  printRatios([add], await timeInTurn([add], { rounds: 11 }));

  const code = join(directory, "code");
  await Deno.mkdir(join(code, "plugin"), { recursive: true });
  await Deno.writeTextFile(join(code, "plugin/moat-plugin.yaml"), CODE_MANIFEST);
  await Deno.writeTextFile(
    join(code, "plugin/plugin.js"),
    "export function contribute() { return { apt: ['hello'] }; }\n",
  );
  await succeed([moat, "plugin", "add", "./plugin", "--yes"], { cwd: code, env });
  const answers = join(env.MOAT_HOME, "store/plugin-answers");
  const calls: readonly Subject[] = [
    { name: KEPT, argv: plan, cwd: code, env },
    {
      name: "moat plan, a code plugin that is asked",
      argv: ["/bin/sh", "-c", 'rm -rf "$0"; exec "$@"', answers, ...plan],
      cwd: code,
      env,
      against: KEPT,
    },
  ];
  printRatios(calls, await timeInTurn(calls, { rounds: 11 }));
  await measureCalls(moat, { directory: join(code, "plugin"), cwd: code, env });
}

/** Processes of a plugin: their start, the first answer, later ones; medians. */
async function measureCalls(
  moat: string,
  { directory, cwd, env }: {
    readonly directory: string;
    readonly cwd: string;
    readonly env: Readonly<Record<string, string>>;
  },
): Promise<void> {
  const { context } = captureContext({ env: { ...Deno.env.toObject(), ...env }, cwd });
  const manifest = { id: "code", entry: "plugin.js" };
  const entry = { text: "code", id: "code" };
  const target = { arch: "amd64", suite: "bookworm", present: ["code"] } as const;
  const starts: number[] = [];
  const firsts: number[] = [];
  const later: number[] = [];
  for (let round = 0; round < 11; round++) {
    const started = performance.now();
    await using plugin = await PluginProcess.start({ manifest, directory }, {
      ...context,
      self: [moat],
    });
    starts.push(performance.now() - started);
    for (let call = 0; call < 21; call++) {
      const before = performance.now();
      await plugin.ask(entry, target);
      (call === 0 ? firsts : later).push(performance.now() - before);
    }
  }
  for (
    const [name, ms] of [
      ["a plugin's process: sandbox, moat, module", median(starts)],
      ["its first answer", median(firsts)],
      ["later answers", median(later)],
    ] as const
  ) console.log(`${name.padEnd(44)} ${ms.toFixed(2).padStart(8)} ms`);
}

/** A project that uses so many plugins of its own. */
async function writeProject(directory: string, count: number): Promise<void> {
  await Deno.mkdir(directory, { recursive: true });
  const ids = Array.from({ length: count }, (_, index) => `tool-${index}`);
  for (const id of ids) {
    await Deno.mkdir(join(directory, id));
    for (const [file, text] of Object.entries(skeletonOf(id, "dependency"))) {
      await Deno.writeTextFile(join(directory, id, file), text);
    }
  }
  const list = ids.map((id) => `\n  - ./${id}`).join("");
  await Deno.writeTextFile(
    join(directory, "moat.yaml"),
    count === 0 ? "name: bench\n" : `plugins:${list}\n`,
  );
}

async function writeArchive(directory: string): Promise<string> {
  const plugin = join(directory, "packed");
  await Deno.mkdir(plugin);
  for (const [file, text] of Object.entries(skeletonOf("packed", "dependency"))) {
    await Deno.writeTextFile(join(plugin, file), text);
  }
  const archive = join(directory, "packed.tgz");
  await Deno.writeFile(archive, await packPlugin(plugin, { name: "packed", version: "1.0.0" }));
  return archive;
}

async function succeed(
  [program = "", ...args]: readonly string[],
  options: { readonly cwd: string; readonly env: Readonly<Record<string, string>> },
): Promise<void> {
  const { success, stderr } = await new Deno.Command(program, {
    args,
    ...options,
    env: { ...options.env },
  }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
}
