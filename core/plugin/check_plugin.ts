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
import type { DependencyPlugin, Plugin } from "./contract.ts";
import type { Contribution, DependencyEntry } from "./contribution.ts";
import { contributionsOf } from "../image/contributions_of.ts";
import { Registry } from "./registry.ts";

/** One check; `problem` is there when it failed. */
export interface PluginCheck {
  readonly title: string;
  readonly problem?: string;
}

const ARCHITECTURES = ["amd64", "arm64"] as const;
const SUITES = ["bookworm", "trixie"] as const;

/** Runs all checks of one plugin among `others`. Never throws for what the plugin does. */
export function checkPlugin(
  plugin: DependencyPlugin,
  others: Registry<Plugin>,
): readonly PluginCheck[] {
  const registry = new Registry<Plugin>([
    ...others.list("dependency").filter(({ id }) => id !== plugin.id),
    plugin,
  ]);
  const checks: PluginCheck[] = [
    check("has a name and a summary", () => requireDescription(plugin)),
    check("requires and stands for entries that exist", () => {
      resolveDependencies([...plugin.requires ?? [], ...plugin.expands ?? []], registry);
    }),
  ];
  for (const text of entriesToTry(plugin)) {
    checks.push(
      check(`${text}: can be resolved`, () => resolveDependencies([text], registry)),
    );
    for (const arch of ARCHITECTURES) {
      for (const suite of SUITES) {
        const target = { arch, suite };
        checks.push(check(`${text}: gives an image for ${arch} on ${suite}`, () => {
          const contributions = contributionsOf(
            resolveDependencies([text], registry),
            registry,
            target,
          );
          const once = imagePlan({ contributions, arch, init: readInit() });
          const again = imagePlan({
            contributions: contributionsOf(resolveDependencies([text], registry), registry, target),
            arch,
            init: readInit(),
          });
          if (JSON.stringify(once) !== JSON.stringify(again)) {
            throw new Error("two calls give two different images");
          }
        }));
      }
    }
    checks.push(
      check(
        `${text}: contributes plain data`,
        () => requirePlainData(contributionOf(text, plugin, registry)),
      ),
    );
  }
  return checks;
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
    if (typeof value === "object" && value !== null) Object.values(value).forEach(walk);
  };
  walk(contribution);
}

function check(title: string, attempt: () => unknown): PluginCheck {
  try {
    attempt();
    return { title };
  } catch (error) {
    return { title, problem: describeError(error) };
  }
}
