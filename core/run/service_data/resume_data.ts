/**
 * A service's container on data that an earlier server has initialised. Pure.
 *
 * @module
 */

import type { CompanionSpec } from "../../plugin/runtime.ts";
import type { ServicePlan } from "../plan.ts";

/** The container with the command that resumes, and with the template where one is given. */
export function resumeData(
  spec: CompanionSpec,
  { data }: Pick<ServicePlan, "data">,
  template?: string,
): CompanionSpec {
  // The host's own server finds out by itself whether there is data.
  if (data === undefined || spec.image === undefined) return spec;
  const { command: _, ...rest } = spec;
  return { ...rest, image: template ?? spec.image, entrypoint: data.resume };
}
