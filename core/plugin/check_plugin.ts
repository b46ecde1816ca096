/**
 * The contract of dependency plugins as checks that any plugin can be put through: what
 * `moat plugin test` runs, and what the first-party ones pass as well.
 *
 * @module
 */

import { imagePlan } from "../image/image_plan.ts";
import { resolveDependencies } from "../image/resolve_dependencies.ts";
import { readInit } from "../image/init.ts";
import { describeError } from "../errors.ts";
import type { DependencyPlugin, DependencyQuestion, Plugin } from "./contract.ts";
import type { Contribution, DependencyEntry, HostFinding, HostProbe } from "./contribution.ts";
import { contributionsOf } from "../image/contributions_of.ts";
import { lookAlike } from "./look_alike.ts";
import { isOwnName } from "./own_name.ts";
import { Registry } from "./registry.ts";

/** One check; `problem` is there when it failed. */
export interface PluginCheck {
  readonly title: string;
  readonly problem?: string;
}

const ARCHITECTURES = ["amd64", "arm64"] as const;
const SUITES = ["bookworm", "trixie"] as const;

/** Runs all checks of one plugin among `others`. Never throws for what the plugin does. */
export async function checkPlugin(
  plugin: DependencyPlugin,
  others: Registry<Plugin>,
): Promise<readonly PluginCheck[]> {
  const registry = withPlugin(others, plugin);
  const checks: PluginCheck[] = [
    await check("has a name and a summary", () => requireDescription(plugin)),
    await check("has a name that is nobody else's", () => requireOwnName(plugin, others)),
    await check("requires and stands for entries that exist", () => {
      resolveDependencies([...plugin.requires ?? [], ...plugin.expands ?? []], registry);
    }),
    await check("names a base image or none", () => requireBase(plugin, registry)),
    ...await checkFind(plugin, registry),
  ];
  if (plugin.ask === undefined) return [...checks, ...await checkEntries(plugin, registry)];
  return [...checks, ...await checkAnswers(plugin, { ask: plugin.ask, registry })];
}

/** The other dependencies, and the plugin in place of one that has its name. */
function withPlugin(others: Registry<Plugin>, plugin: DependencyPlugin): Registry<Plugin> {
  return new Registry<Plugin>([
    ...others.list("dependency").filter(({ id }) => id !== plugin.id),
    plugin,
  ]);
}

/** Asks the plugin all that the checks will, and checks the answers. */
async function checkAnswers(
  plugin: DependencyPlugin,
  { ask, registry }: {
    readonly ask: NonNullable<DependencyPlugin["ask"]>;
    readonly registry: Registry<Plugin>;
  },
): Promise<readonly PluginCheck[]> {
  const questions: DependencyQuestion[] = [];
  // Without answers the checks say which questions there are.
  await checkEntries(
    { ...plugin, contribute: (entry, target) => (questions.push({ entry, target }), {}) },
    registry,
  );
  let answers: readonly Contribution[] = [];
  const asked = await check("answers each question, the same whenever it is asked", async () => {
    answers = await ask(questions);
    if (answers.length !== questions.length) {
      throw new Error(`it gives ${answers.length} answers to ${questions.length} questions`);
    }
    const again = await ask(questions.toReversed());
    if (JSON.stringify(again.toReversed()) !== JSON.stringify(answers)) {
      throw new Error("it answers the same question in two ways");
    }
  });
  if (asked.problem !== undefined) return [asked];
  let used = 0;
  const answered = { ...plugin, contribute: () => answers[used++] ?? {} };
  return [asked, ...await checkEntries(answered, registry)];
}

/** What the plugin contributes for each of its entries, everywhere. */
async function checkEntries(
  plugin: DependencyPlugin,
  others: Registry<Plugin>,
): Promise<readonly PluginCheck[]> {
  const registry = withPlugin(others, plugin);
  const checks: PluginCheck[] = [];
  for (const text of entriesToTry(plugin)) {
    checks.push(
      await check(`${text}: can be resolved`, () => void resolveDependencies([text], registry)),
    );
    for (const arch of ARCHITECTURES) {
      for (const suite of SUITES) {
        const target = { arch, suite };
        checks.push(
          await check(`${text}: gives an image for ${arch} on ${suite}`, () => {
            const plan = () =>
              imagePlan({
                contributions: contributionsOf(
                  resolveDependencies([text], registry),
                  registry,
                  target,
                ),
                arch,
                init: readInit(),
              });
            if (JSON.stringify(plan()) !== JSON.stringify(plan())) {
              throw new Error("two calls give two different images");
            }
          }),
        );
      }
    }
    checks.push(
      await check(
        `${text}: contributes plain data`,
        () => requirePlainData(contributionOf(text, plugin, registry)),
      ),
    );
  }
  return checks;
}

/** Looks on a host that has nothing, and on one that has everything. */
async function checkFind(
  plugin: DependencyPlugin,
  registry: Registry<Plugin>,
): Promise<readonly PluginCheck[]> {
  const { find } = plugin;
  if (find === undefined) return [];
  return await Promise.all(
    entriesToTry(plugin).flatMap((text) => [
      check(`${text}: is missing where there is nothing`, async () => {
        const found = await find(ownEntry(text, plugin, registry), EMPTY_HOST);
        requireFinding(found);
        if (found.kind === "found") throw new Error("it is found");
      }),
      check(`${text}: says what it finds`, async () => {
        requireFinding(await find(ownEntry(text, plugin, registry), FULL_HOST));
      }),
    ]),
  );
}

const EMPTY_HOST: HostProbe = {
  os: "linux",
  which: () => Promise.resolve(undefined),
  directoryOf: () => Promise.resolve(undefined),
  firstLine: () => Promise.resolve(undefined),
};

const FULL_HOST: HostProbe = {
  os: "linux",
  which: (program) => Promise.resolve(`/opt/full/bin/${program}`),
  directoryOf: () => Promise.resolve("/opt/full/bin"),
  firstLine: (program) => Promise.resolve(`${program} 1.2.3`),
};

function requireFinding(finding: HostFinding): void {
  if (finding.kind === "missing") {
    for (const text of [finding.reason, finding.hint]) {
      if (text.trim() === "") throw new Error("it does not say why it is missing, or what to do");
    }
    return;
  }
  const odd = [...finding.paths, ...finding.bin].find((path) => !path.startsWith("/"));
  if (odd !== undefined) throw new Error(`it finds "${odd}", which is no absolute path`);
}

function requireBase(plugin: DependencyPlugin, registry: Registry<Plugin>): void {
  for (const text of entriesToTry(plugin)) {
    const entry = ownEntry(text, plugin, registry);
    const [once, again] = [plugin.base?.(entry, {}), plugin.base?.(entry, {})];
    if (once !== again) throw new Error("two calls give two different bases");
    if (once !== undefined && !/^[a-z0-9][\w.\/:@-]*$/.test(once)) {
      throw new Error(`"${once}" is no image`);
    }
  }
}

function ownEntry(
  text: string,
  { id }: DependencyPlugin,
  registry: Registry<Plugin>,
): DependencyEntry {
  const own = resolveDependencies([text], registry).find((entry) => entry.id === id);
  // What stands for others is not itself among what it resolves to.
  return own ?? { text, id };
}

function requireOwnName(plugin: DependencyPlugin, others: Registry<Plugin>): void {
  const known = others.list("dependency");
  // One of moat's own is among them itself.
  if (known.includes(plugin)) return;
  if (isOwnName(plugin.id, { registry: others })) {
    throw new Error(`moat has a dependency "${plugin.id}" itself`);
  }
  const other = lookAlike(plugin.id, known.map(({ id }) => id.replace(/:$/, "")));
  if (other !== undefined) throw new Error(`it looks like "${other}", which is part of moat`);
}

/** Without a version, with the default, and with each that it lists. */
function entriesToTry({ id, versions, argument, notYet }: DependencyPlugin): readonly string[] {
  if (notYet !== undefined || argument !== undefined) return [];
  const known = versions?.known.map(({ version }) => `${id}@${version}`) ?? [];
  return [id, ...known];
}

function requireDescription({ id, summary }: DependencyPlugin): void {
  if (!/^[a-z][a-z0-9]*(?:-[a-z0-9]+)*:?$/.test(id)) throw new Error(`"${id}" is not a name`);
  if (summary.trim() === "" || summary.includes("\n")) {
    throw new Error("its summary is not one line");
  }
}

function contributionOf(
  text: string,
  plugin: DependencyPlugin,
  registry: Registry<Plugin>,
): Contribution {
  const entries = resolveDependencies([text], registry);
  const own = entries.find(({ id }): boolean => id === plugin.id);
  const present = entries.map(({ id }) => id);
  const target = { arch: "amd64", suite: "bookworm", present } as const;
  return own === undefined ? {} : plugin.contribute(own satisfies DependencyEntry, target);
}

/** A contribution crosses process boundaries and is compared as JSON. */
function requirePlainData(contribution: Contribution): void {
  const copy: unknown = JSON.parse(JSON.stringify(contribution));
  if (JSON.stringify(copy) !== JSON.stringify(contribution)) throw new Error("it is no plain data");
  const walk = (value: unknown): void => {
    if (typeof value === "function" || value === undefined || typeof value === "bigint") {
      throw new Error("it holds something that JSON has not");
    }
    if (typeof value !== "object" || value === null) return;
    if (!Array.isArray(value) && Object.getPrototypeOf(value) !== Object.prototype) {
      throw new Error("it holds an object that is more than its fields");
    }
    Object.values(value).forEach(walk);
  };
  walk(contribution);
}

/** Attempts one check; what it throws is the problem. */
export async function check(
  title: string,
  attempt: () => void | Promise<void>,
): Promise<PluginCheck> {
  try {
    await attempt();
    return { title };
  } catch (error) {
    return { title, problem: describeError(error) };
  }
}
