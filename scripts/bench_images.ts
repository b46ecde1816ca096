/**
 * `deno task bench images`: from dependencies to a tag, the image check of a run, and builds
 * through moat against `docker build` of the same Dockerfile.
 *
 * @module
 */

import { resolve } from "node:path";
import { contributionsOf } from "../core/image/contributions_of.ts";
import { classicDockerfile } from "../core/image/dockerfile_text.ts";
import { imagePlan } from "../core/image/image_plan.ts";
import { readInit } from "../core/image/init.ts";
import { resolveDependencies } from "../core/image/resolve_dependencies.ts";
import type { Plugin } from "../core/plugin/contract.ts";
import { Registry } from "../core/plugin/registry.ts";
import type { ImagePlan } from "../core/run/plan.ts";
import { DEPENDENCIES } from "../plugins/dependencies/mod.ts";
import { printRatios, type Subject, timeInTurn } from "./bench_tools.ts";

const REGISTRY = new Registry<Plugin>(DEPENDENCIES);
/** Of Debian alone, so that every machine with an engine can build it. */
const BUILT = ["git", "jq"];
const ROUNDS = 200;

/** Prints the tables; the second one only where an engine answers. */
export async function benchImages(): Promise<void> {
  benchPlanToTag();
  const moat = resolve("dist/moat");
  const directory = await Deno.makeTempDir({ prefix: "moat-bench-" });
  try {
    await Deno.stat(moat);
    await benchBuilds(moat, directory);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

function benchPlanToTag(): void {
  const usable = DEPENDENCIES.filter(({ notYet, category, expands }) =>
    notYet === undefined && category !== "dynamic" && expands === undefined
  );
  const ids = usable.filter(({ argument }) => argument === undefined).map(({ id }) => id);
  const texts = [...ids.slice(0, 36), "npm:a", "pip:b", "uv:c", "cargo:d"];
  const times: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const started = performance.now();
    planOf(texts);
    times.push(performance.now() - started);
  }
  const first = times[0] ?? NaN;
  const median = times.toSorted((a, b) => a - b)[ROUNDS >> 1] ?? NaN;
  const line = (name: string, ms: number) => console.log(`${name.padEnd(44)} ${ms.toFixed(2)} ms`);
  line(`plan to tag, ${texts.length} dependencies, the first time`, first);
  line(`plan to tag, ${texts.length} dependencies, median`, median);
}

function planOf(texts: readonly string[]): ImagePlan {
  const arch = Deno.build.arch === "aarch64" ? "arm64" : "amd64";
  const entries = resolveDependencies(texts, REGISTRY);
  const contributions = contributionsOf(entries, REGISTRY, { arch, suite: "bookworm" });
  return imagePlan({ contributions, arch, init: readInit() });
}

async function benchBuilds(moat: string, directory: string): Promise<void> {
  const plan = planOf(BUILT);
  if (plan.kind !== "build") throw new TypeError("The image of the measurement is not built");
  const context = `${directory}/context`;
  for (const [path, { content }] of Object.entries(plan.files)) {
    const folder = `${context}/${path}`.replace(/\/[^/]*$/, "");
    await Deno.mkdir(folder, { recursive: true });
    await Deno.writeTextFile(`${context}/${path}`, content);
  }
  await Deno.writeTextFile(`${context}/Dockerfile`, classicDockerfile(plan.dockerfile));
  const [plain, built] = await Promise.all([
    project(`${directory}/plain`, []),
    project(`${directory}/built`, BUILT),
  ]);
  const env = { MOAT_HOME: `${directory}/home`, NO_COLOR: "1" };
  const run = [moat, "run", "--runtime", "docker", "--isolation", "none"];
  const tag = "moat-bench:classic";
  const runs: readonly Subject[] = [
    { name: "moat run -- true, a base image", argv: [...run, "--", "true"], env, cwd: plain },
    {
      name: "moat run -- true, an image that is there",
      argv: [...run, "--", "true"],
      env,
      cwd: built,
      against: "moat run -- true, a base image",
    },
  ];
  printRatios(runs, await timeInTurn(runs, { rounds: 11 }));
  const builds: readonly Subject[] = [
    {
      name: "docker build, nothing cached",
      argv: ["docker", "build", "--quiet", "--no-cache", "--tag", tag, context],
      env: { DOCKER_BUILDKIT: "0" },
    },
    {
      name: "moat run --rebuild -- true",
      argv: [...run, "--rebuild", "--", "true"],
      env,
      cwd: built,
      against: "docker build, nothing cached",
    },
  ];
  try {
    printRatios(builds, await timeInTurn(builds, { rounds: 1, warmups: 0 }));
  } finally {
    await new Deno.Command("docker", { args: ["image", "rm", "--force", tag], stdout: "null" })
      .output();
  }
}

async function project(path: string, dependencies: readonly string[]): Promise<string> {
  await Deno.mkdir(path);
  await Deno.writeTextFile(`${path}/moat.yaml`, `dependencies: ${JSON.stringify(dependencies)}\n`);
  return path;
}
