/**
 * The data of one service, from before its container is made until the run may start.
 *
 * @module
 */

import type { Runtime } from "../../plugin/runtime.ts";
import type { ServicePlan } from "../plan.ts";
import { ensureTemplate, type TemplateMaker } from "./ensure_template.ts";
import { keepData } from "./keep_data.ts";
import { seedService } from "./load_seed.ts";
import { resumeData } from "./resume_data.ts";
import type { PreparedServiceData, ServiceDataOptions } from "./service_data.ts";

const UNCHANGED: PreparedServiceData = {
  origin: "init",
  needsReady: false,
  apply: (spec) => spec,
  finish: () => Promise.resolve(),
};

/**
 * Makes sure of what the service starts on. What is left of it when this throws or the run ends is
 * a whole template, or the kept volume.
 */
export async function prepareServiceData(
  service: ServicePlan,
  options: ServiceDataOptions,
): Promise<PreparedServiceData> {
  const { data, container } = service;
  if (data === undefined) return UNCHANGED;
  const maker = templateMaker(options.runtime);
  if (data.source === "keep") return await keepData(service, maker, options);
  if (data.source === "template" && maker !== undefined) {
    const { ref, isNew } = await ensureTemplate(service, maker, options);
    return {
      ...UNCHANGED,
      origin: isNew ? "new-template" : "template",
      apply: (spec) => resumeData(spec, service, ref),
    };
  }
  const needsReady = data.seedFrom !== undefined;
  return { ...UNCHANGED, needsReady, finish: () => seedService(service, container, options) };
}

function templateMaker({ images, companions }: Runtime): TemplateMaker | undefined {
  const snapshot = companions?.snapshot?.bind(companions);
  return images === undefined || companions === undefined || snapshot === undefined
    ? undefined
    : { images, companions, snapshot };
}
