/**
 * Reads the seeds of all services of a project.
 *
 * @module
 */

import type { ProjectConfig } from "../../config/project_config.ts";
import type { ServiceSeed } from "../plan.ts";
import { readSeed } from "./read_seed.ts";

/** Seeds by service. @throws UsageError for a file that cannot be used */
export async function readSeeds(
  { services }: Pick<ProjectConfig, "services">,
  options: { readonly project: string },
): Promise<Readonly<Record<string, ServiceSeed>>> {
  const seeds = await Promise.all(
    Object.entries(services).map(async ([name, { seed }]) =>
      seed === undefined ? [] : [[name, await readSeed(seed, options)] as const]
    ),
  );
  return Object.fromEntries(seeds.flat());
}
