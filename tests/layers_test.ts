import assert from "node:assert/strict";
import { relative } from "node:path";

/** Which folders a folder may import from, besides itself and libraries. */
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  core: [],
  runtimes: ["core"],
  plugins: ["core"],
  proxy: ["core"],
  "main.ts": ["core", "runtimes", "plugins", "proxy", "deno.json"],
};

/** Read by tests alone so far, each with its reason. */
const NOT_REACHED_YET: readonly string[] = [];

interface Module {
  readonly specifier: string;
  readonly imports: readonly string[];
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

function parseGraph(value: unknown): readonly Module[] {
  assert(isRecord(value) && Array.isArray(value.modules));
  return value.modules.filter(isRecord).map(({ specifier, dependencies }) => ({
    specifier: String(specifier),
    imports: (Array.isArray(dependencies) ? dependencies.filter(isRecord) : []).flatMap(
      ({ code, type }) =>
        [code, type].filter(isRecord).map((resolved) => String(resolved.specifier)),
    ),
  }));
}

async function readGraph(): Promise<readonly Module[]> {
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json", "main.ts"],
    stderr: "null",
  }).output();
  return parseGraph(JSON.parse(new TextDecoder().decode(stdout)));
}

/** First path segment below the project, or `undefined` for libraries. */
function room(specifier: string): string | undefined {
  if (!specifier.startsWith("file://")) return undefined;
  return relative(Deno.cwd(), new URL(specifier).pathname).split("/")[0];
}

const graph = await readGraph();

Deno.test("layers: every import points the allowed way", () => {
  const wrong = graph.flatMap(({ specifier, imports }) => {
    const from = room(specifier);
    if (from === undefined) return [];
    return imports.flatMap((target) => {
      const to = room(target);
      const fine = to === undefined || to === from || ALLOWED[from]?.includes(to);
      return fine ? [] : [`${relative(Deno.cwd(), new URL(specifier).pathname)} imports ${target}`];
    });
  });
  assert.deepEqual(wrong, []);
});

Deno.test("layers: every source file is reached from main.ts", async () => {
  const reached = new Set(graph.map(({ specifier }) => specifier));
  const dead: string[] = [];
  for (const folder of ["core", "runtimes", "plugins", "proxy"]) {
    for await (const file of sourceFiles(folder)) {
      if (!reached.has(new URL(`file://${Deno.cwd()}/${file}`).href)) dead.push(file);
    }
  }
  assert.deepEqual(dead.sort(), NOT_REACHED_YET);
});

Deno.test("layers: core does not ask which runtime it is", async () => {
  const asking: string[] = [];
  for await (const file of sourceFiles("core")) {
    const text = await Deno.readTextFile(file);
    if (/\.id\s*[!=]==\s*"(docker|local|apple)"/.test(text)) asking.push(file);
  }
  assert.deepEqual(asking, []);
});

async function* sourceFiles(folder: string): AsyncGenerator<string> {
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    const path = `${folder}/${name}`;
    if (isDirectory) yield* sourceFiles(path);
    else if (name.endsWith(".ts") && !name.endsWith("_test.ts")) yield path;
  }
}
