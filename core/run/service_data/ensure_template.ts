/**
 * The template of a service's data: an image whose layer is the initialised, seeded data directory.
 *
 * Made once, by a server of its own on the run's network with a password that is forgotten; every
 * later service starts from it through {@linkcode ServiceData.resume}.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { MoatError } from "../../errors.ts";
import { LABEL } from "../../ids.ts";
import type { Companions, ContainerState, Images, Resource } from "../../plugin/runtime.ts";
import { createPassword } from "../companions/passwords.ts";
import { lockTag } from "../lock_tag.ts";
import type { ServicePlan } from "../plan.ts";
import { withCleanUpFailures } from "../steps.ts";
import { seedService } from "./load_seed.ts";
import type { ServiceDataOptions } from "./service_data.ts";

/** What the runtime must be able to do. */
export interface TemplateMaker {
  readonly images: Images;
  readonly companions: Pick<Companions, "create" | "start">;
  readonly snapshot: NonNullable<Companions["snapshot"]>;
}

/** A template that is there. */
export interface Template {
  readonly ref: string;
  readonly isNew: boolean;
}

/** How long a server has to write its data and end. */
const STOP_GRACE_MS = 60_000;
const REMOVE_TIMEOUT_MS = 30_000;
/** 128 + SIGKILL: it was not given the time to end by itself. */
const KILLED = 137;

/** Looks for the template and makes it where it is not there. @throws MoatError what failed */
export async function ensureTemplate(
  service: ServicePlan,
  maker: TemplateMaker,
  options: ServiceDataOptions,
): Promise<Template> {
  const { signal, store, plan } = options;
  const { images } = maker;
  const ref = await templateRef(service, images, signal);
  store.recordImageUse(ref, plan.id);
  if (await images.exists(ref, { signal })) return { ref, isNew: false };
  using _ = await lockTag(ref, options);
  // Another run may have failed to make it, and forgotten it.
  store.recordImageUse(ref, plan.id);
  if (await images.exists(ref, { signal })) return { ref, isNew: false };
  const activity = `template ${service.name}`;
  options.progress?.update(activity, `${service.name}: preparing its data, kept for later runs`);
  try {
    await makeTemplate(ref, service, { maker, options });
  } catch (error) {
    store.forgetImage(ref);
    throw error;
  } finally {
    options.progress?.done(activity);
  }
  return { ref, isNew: true };
}

/** A reference that was moved to another image gives another template. */
async function templateRef(
  { name, image = "", data }: ServicePlan,
  images: Images,
  signal: AbortSignal,
): Promise<string> {
  const id = await images.id(image, { signal });
  if (id === undefined) {
    throw new MoatError(`Cannot prepare the data of service "${name}": image "${image}" is gone`, {
      hint: "moat run",
    });
  }
  const digest = createHash("sha256").update(`${data?.templateKey}\0${id}`).digest("hex");
  return `moat/data:${digest.slice(0, 16)}`;
}

/** Serves, seeds, ends and keeps: nothing but the image is left. */
async function makeTemplate(
  ref: string,
  service: ServicePlan,
  { maker, options }: { readonly maker: TemplateMaker; readonly options: ServiceDataOptions },
): Promise<void> {
  const { runtime, store, plan, signal } = options;
  const password = createPassword();
  const { directory = "" } = service.data ?? {};
  const base = options.specOf(password);
  // On a volume, as gVisor keeps the rest of a file system to itself.
  const volume = { kind: "volume", source: "", target: directory, readOnly: false } as const;
  const name = `${service.container}-data`;
  const spec = { ...base, name, mounts: [...base.mounts, volume] };
  const resource: Resource = { kind: "container", name: spec.name };
  const n = store.beginStep(plan.id, { step: `template ${service.name}`, resource });
  const failures: unknown[] = [];
  try {
    await maker.companions.create(spec, { signal });
    await maker.companions.start(spec, { signal });
    await options.awaitReady(spec, password);
    await seedService(service, spec.name, options);
    await runtime.stop(spec.name, { graceMs: STOP_GRACE_MS, signal });
    refuseUnclean(service.name, await runtime.inspect(spec.name, { signal }));
    const labels = { [LABEL.image]: "1", [LABEL.template]: "1" };
    await maker.snapshot(spec.name, { ref, labels, directory }, { signal });
  } catch (error) {
    failures.push(error);
  }
  try {
    await runtime.remove(resource, { signal: AbortSignal.timeout(REMOVE_TIMEOUT_MS) });
    store.forgetStep(n);
  } catch (error) {
    failures.push(error);
  }
  const [first, ...others] = failures;
  if (failures.length > 0) throw withCleanUpFailures(first, others);
}

/** Files of a server that was killed are no template. */
function refuseUnclean(name: string, state: ContainerState | undefined): void {
  if (state?.exit?.code !== KILLED) return;
  throw new MoatError(
    `Cannot prepare the data of service "${name}": its server did not end within ${
      STOP_GRACE_MS / 1000
    } s`,
    { hint: "Take the seed apart, or give the service more memory" },
  );
}
