/**
 * Decides where the data of a service comes from and whether it stays: pure.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { canonicalJson } from "../../config/canonical_json.ts";
import { UsageError } from "../../errors.ts";
import type { ServiceContribution } from "../../plugin/contribution.ts";
import type { AbilityName } from "../../plugin/runtime.ts";
import type { ServiceDataPlan, ServiceSeed } from "../plan.ts";

/** What the project says about the data of a service, and what the runtime can do. */
export interface PlanServiceDataOptions {
  /** `keep:` of the service. */
  readonly keep: boolean;
  /** `seed:` of the service, read. */
  readonly seed?: ServiceSeed;
  /** The name of its volume, should it be kept. */
  readonly volume: string;
  readonly abilities: readonly AbilityName[];
}

/** Part of every key: a change of what templates are makes new ones. */
const TEMPLATE_FORMAT = 1;

/**
 * The plan of the data; `undefined` for a service that has none.
 * @throws UsageError when a seed or keeping was asked of a service that cannot
 */
export function planServiceData(
  service: ServiceContribution,
  { keep, seed, volume, abilities }: PlanServiceDataOptions,
): ServiceDataPlan | undefined {
  const { name, data } = service;
  if (keep && (data === undefined || !abilities.includes("volumes"))) {
    throw new UsageError(
      `Cannot keep the data of service "${name}": ${
        data === undefined ? "it has none that moat knows of" : "this runtime has no volumes"
      }`,
      {
        hint: data === undefined
          ? `Take keep: out of services.${name}`
          : "Choose another runtime with --runtime",
      },
    );
  }
  if (seed !== undefined && data?.seed === undefined) {
    throw new UsageError(`Cannot seed service "${name}": it takes no seed`, {
      hint: `Take seed: out of services.${name}, and fill it in the run's own command`,
    });
  }
  if (data === undefined) return undefined;
  const seedFrom = seed === undefined ? {} : { seedFrom: seed };
  // Whoever has images keeps initialised data as one of them.
  const template = abilities.includes("images")
    ? { templateKey: templateKey(service, seed) }
    : undefined;
  if (keep) return { ...data, source: "keep", volume, ...template, ...seedFrom };
  const pays = data.template || seed !== undefined;
  return template !== undefined && pays
    ? { ...data, source: "template", ...template, ...seedFrom }
    : { ...data, source: "fresh", ...seedFrom };
}

/** Files count by their content alone; no password is in anything of this. */
function templateKey(service: ServiceContribution, seed: ServiceSeed | undefined): string {
  const { image, entrypoint, command, env, files, data } = service;
  const content = {
    format: TEMPLATE_FORMAT,
    image,
    entrypoint: entrypoint ?? null,
    command: command ?? null,
    env,
    files: files.map(({ path, content, mode, uid, gid }) => ({ path, content, mode, uid, gid })),
    data,
    seed: seedContent(seed),
  };
  return createHash("sha256").update(canonicalJson(content)).digest("hex").slice(0, 16);
}

function seedContent(seed: ServiceSeed | undefined): unknown {
  if (seed === undefined) return null;
  return seed.kind === "files" ? { files: seed.files.map(({ sha256 }) => sha256) } : seed;
}
