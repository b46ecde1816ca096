/**
 * Data of a service that stays between the runs of a project, on a volume.
 *
 * The volume is filled from the template: engines copy what an image has below a mounted volume that
 * is empty. One run at a time has it, as two servers on the same files would destroy them.
 *
 * @module
 */

import { MoatError } from "../../errors.ts";
import { LABEL } from "../../ids.ts";
import type { CompanionSpec } from "../../plugin/runtime.ts";
import { holdVolume } from "../hold_volume.ts";
import type { ServicePlan } from "../plan.ts";
import { isLive } from "../states.ts";
import { ensureTemplate, type TemplateMaker } from "./ensure_template.ts";
import { seedService } from "./load_seed.ts";
import { resumeData } from "./resume_data.ts";
import type { PreparedServiceData, ServiceDataOptions } from "./service_data.ts";

/** Takes the volume for this run. @throws MoatError when a live run has it */
export async function keepData(
  service: ServicePlan,
  maker: TemplateMaker | undefined,
  options: ServiceDataOptions,
): Promise<PreparedServiceData> {
  const { store, plan } = options;
  const { volume = "", template = false, seedFrom } = service.data ?? {};
  await takeVolume(volume, service.name, options);
  const filled = `filled ${plan.runtime.target} ${volume}`;
  const id = await ensureVolume(volume, options);
  const apply = (spec: CompanionSpec) => mounted(spec, service);
  const finish = () => Promise.resolve(store.setFact(filled, id));
  if (store.fact(filled) === id) {
    return {
      origin: "kept",
      needsReady: false,
      apply: (spec) => resumeData(apply(spec), service),
      finish: () => Promise.resolve(),
    };
  }
  // What is initialised quickly, and not filled, is left to the server itself.
  if (maker === undefined || (!template && seedFrom === undefined)) {
    return {
      origin: "init",
      needsReady: seedFrom !== undefined,
      apply,
      async finish() {
        await seedService(service, service.container, options);
        await finish();
      },
    };
  }
  const { ref, isNew } = await ensureTemplate(service, maker, options);
  return {
    origin: isNew ? "new-template" : "template",
    needsReady: false,
    apply: (spec) => resumeData(apply(spec), service, ref),
    finish,
  };
}

/** Gives the volume to this run unless another that has it is live. */
async function takeVolume(
  volume: string,
  service: string,
  options: ServiceDataOptions,
): Promise<void> {
  const other = await holdVolume(volume, options);
  if (other === undefined) return;
  throw new MoatError(
    `Cannot use the kept data of service "${service}": run "${other.name}" has it`,
    { hint: isLive(other.state) ? `moat stop ${other.id}` : "moat clean" },
  );
}

/** Makes sure of the volume; returns what tells it from a later one of the same name. */
async function ensureVolume(
  name: string,
  { runtime, store, signal }: ServiceDataOptions,
): Promise<string> {
  const labels = {
    [LABEL.home]: store.homeId,
    [LABEL.role]: "volume",
    [LABEL.volume]: crypto.randomUUID(),
  };
  const found = await runtime.volumes?.ensure({ name, labels }, { signal });
  return found?.[LABEL.volume] ?? "";
}

function mounted(spec: CompanionSpec, { data }: ServicePlan): CompanionSpec {
  if (data?.volume === undefined) return spec;
  return {
    ...spec,
    mounts: [...spec.mounts, {
      kind: "volume",
      source: data.volume,
      target: data.directory,
      readOnly: false,
    }],
  };
}
