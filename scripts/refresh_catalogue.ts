/**
 * Refreshes the catalogue's pins: the newest version of each recent line of every package that
 * catalogue/sources.json names, with its checksum, the command that told it, and the day.
 *
 * Asks npm, Go and pip, as set up on this machine; what cannot be asked keeps its pins, and is
 * named. Usage: deno run -A scripts/refresh_catalogue.ts [npm|python|go] [package…]
 *
 * @module
 */

import sources from "../plugins/dependencies/catalogue/sources.json" with { type: "json" };
import type { Pin } from "../core/plugin/contribution.ts";

/** Versions that the pinned tools must work with: the defaults of the languages. */
const NODE = [22, 20, 0];
const GO = [1, 25, 0];
const LINES = 3;
const FOLDER = new URL("../plugins/dependencies/catalogue/", import.meta.url);

type Pins = Record<string, readonly Pin[]>;
type Ecosystem = keyof typeof sources;

interface Source {
  readonly include?: readonly string[];
}

interface Candidate {
  readonly version: string;
  pin(): Promise<Pin | undefined>;
}

async function main(args: readonly string[]): Promise<number> {
  const [only, ...packages] = args;
  const ecosystems = { npm: npmCandidates, python: pythonCandidates, go: goCandidates };
  let failures = 0;
  for (const [name, candidates] of Object.entries(ecosystems)) {
    if (!isEcosystem(name) || (only !== undefined && only !== name)) continue;
    const file = new URL(`${name}.json`, FOLDER);
    const pins = await readPins(file);
    const entries: [string, Source][] = Object.entries(sources[name]);
    for (const [subject, source] of entries) {
      if (packages.length > 0 && !packages.includes(subject)) continue;
      try {
        const found = await pinsOf(await candidates(subject), source);
        if (found.length > 0) pins[subject] = found;
        console.error(`${name} ${subject}: ${found.map(({ version }) => version).join(", ")}`);
      } catch (error) {
        failures++;
        console.error(`${name} ${subject}: ${error instanceof Error ? error.message : error}`);
      }
      const sorted = Object.fromEntries(Object.entries(pins).sort(([a], [b]) => a < b ? -1 : 1));
      await Deno.writeTextFile(file, `${JSON.stringify(sorted, null, 2)}\n`);
    }
  }
  return failures === 0 ? 0 : 1;
}

/** The newest usable version of each of the newest lines, and those asked for by name. */
async function pinsOf(candidates: readonly Candidate[], { include = [] }: Source): Promise<Pin[]> {
  const pins: Pin[] = [];
  const lines = new Set<string>();
  let looked = 0;
  for (const { version, pin } of candidates) {
    const line = lineOf(version);
    const wanted = lines.size < LINES && !lines.has(line) && looked < 60;
    if (!wanted && !include.includes(version)) continue;
    looked++;
    const found = await pin();
    if (found === undefined) continue;
    lines.add(line);
    pins.push(found);
  }
  return pins;
}

function lineOf(version: string): string {
  const [major = "", minor = ""] = version.split(".");
  return major === "0" ? `0.${minor}` : major;
}

async function npmCandidates(name: string): Promise<readonly Candidate[]> {
  const versions = stringList(
    JSON.parse(await output("npm", ["view", name, "versions", "--json"])),
  );
  return newestFirst(versions).map((version) => ({
    version,
    async pin() {
      const spec = `${name}@${version}`;
      const args = ["view", spec, "dist.integrity", "engines.node", "deprecated", "--json"];
      const answer: unknown = JSON.parse(await output("npm", args));
      const integrity = textAt(answer, "dist.integrity");
      const engines = textAt(answer, "engines.node");
      if (integrity === undefined || textAt(answer, "deprecated") !== undefined) return undefined;
      if (engines !== undefined && !admits(engines, NODE)) return undefined;
      return { version, integrity, source: `npm view ${spec} dist.integrity`, date: today() };
    },
  }));
}

async function goCandidates(name: string): Promise<readonly Candidate[]> {
  const answer = await output("go", ["list", "-m", "-versions", name]);
  return newestFirst(answer.trim().split(" ").slice(1)).map((tag) => ({
    version: tag.slice(1),
    async pin() {
      const spec = `${name}@${tag}`;
      const module: unknown = JSON.parse(await output("go", ["mod", "download", "-json", spec]));
      const integrity = textAt(module, "Sum");
      const file = textAt(module, "GoMod");
      if (integrity === undefined || file === undefined) return undefined;
      const needed = /^go ([0-9.]+)/m.exec(await Deno.readTextFile(file))?.[1] ?? "1.0";
      if (compareNumbers(numbers(needed), [GO[0] ?? 0, GO[1] ?? 0, 999]) > 0) return undefined;
      return {
        version: tag.slice(1),
        integrity,
        source: `go mod download -json ${spec}`,
        date: today(),
      };
    },
  }));
}

async function pythonCandidates(name: string): Promise<readonly Candidate[]> {
  const answer = await output("pip", ["index", "versions", name]);
  const versions = /^Available versions: (.*)$/m.exec(answer)?.[1]?.split(", ") ?? [];
  return newestFirst(versions).map((version) => ({
    version,
    async pin() {
      const [amd64, arm64] = await Promise.all([
        wheelSum(name, version, "manylinux2014_x86_64"),
        wheelSum(name, version, "manylinux2014_aarch64"),
      ]);
      return {
        version,
        sha256: { amd64, arm64 },
        source: `pip download --no-deps --only-binary :all: ${name}==${version}`,
        date: today(),
      };
    },
  }));
}

async function wheelSum(name: string, version: string, platform: string): Promise<string> {
  const directory = await Deno.makeTempDir();
  try {
    const options = ["--no-deps", "--only-binary", ":all:", "--python-version", "3.11", "--quiet"];
    const place = ["--platform", platform, "--dest", directory];
    await output("pip", ["download", ...options, ...place, `${name}==${version}`]);
    const [file] = [...Deno.readDirSync(directory)];
    if (file === undefined) throw new Error(`no wheel of ${name} ${version} for ${platform}`);
    const data = await Deno.readFile(`${directory}/${file.name}`);
    const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", data));
    return [...hash].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

async function output(program: string, args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await new Deno.Command(program, {
    args: [...args],
    env: { GOTOOLCHAIN: "local", GOFLAGS: "-mod=mod" },
    cwd: Deno.env.get("TMPDIR") ?? "/tmp",
    stdin: "null",
  }).output();
  const text = new TextDecoder().decode(stdout);
  // `go mod download` of a module for a newer Go fails and still prints what was asked for.
  if (code === 0 || (program === "go" && text.startsWith("{"))) return text;
  const last = new TextDecoder().decode(stderr).trim().split("\n").slice(-2).join(" ");
  throw new Error(`${program} ${args.join(" ")} ended with ${code}: ${last}`);
}

/** Whether a range of npm, such as `>=20.19 <23 || ^24.1.0`, admits a version. */
function admits(range: string, version: readonly number[]): boolean {
  return range.split("||").some((part) =>
    [...part.matchAll(/(>=|<=|>|<|\^|~|=)?\s*v?([0-9]+(?:\.[0-9x*]+)*)/g)].every(
      ([, sign, text]) => {
        const bound = numbers(text ?? "");
        const order = compareNumbers(version, bound);
        switch (sign) {
          case ">=":
            return order >= 0;
          case ">":
            return order > 0;
          case "<=":
            return order <= 0;
          case "<":
            return order < 0;
          case "~":
          case "^":
            return order >= 0 && version[0] === bound[0];
          default:
            return bound.every((part, index) => part === version[index]);
        }
      },
    )
  );
}

function newestFirst(versions: readonly string[]): readonly string[] {
  return versions.filter((version) => /^v?[0-9]+(\.[0-9]+){1,3}$/.test(version))
    .toSorted((a, b) => compareNumbers(numbers(b), numbers(a)));
}

function numbers(version: string): readonly number[] {
  return version.replace(/^v/, "").split(".").map(Number).filter((part) => !Number.isNaN(part));
}

function compareNumbers(a: readonly number[], b: readonly number[]): number {
  for (let index = 0; index < Math.max(a.length, b.length); index++) {
    const difference = (a[index] ?? 0) - (b[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

function isEcosystem(name: string): name is Ecosystem {
  return name in sources;
}

function textAt(answer: unknown, key: string): string | undefined {
  if (typeof answer === "string" && key === "dist.integrity") return answer;
  if (typeof answer !== "object" || answer === null) return undefined;
  const found: unknown = Reflect.get(answer, key);
  return typeof found === "string" ? found : undefined;
}

function stringList(answer: unknown): readonly string[] {
  const list = Array.isArray(answer) ? answer : [answer];
  return list.filter((one) => typeof one === "string");
}

async function readPins(file: URL): Promise<Pins> {
  try {
    const content: Pins = JSON.parse(await Deno.readTextFile(file));
    return content;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return {};
    throw error;
  }
}

function today(): string {
  return new Date().toISOString().slice(0, 10);
}

if (import.meta.main) Deno.exit(await main(Deno.args));
