/**
 * Opens the runtime that a stored run uses, at the run's own target.
 *
 * @module
 */

import { type Context, runtimeEnvironment } from "../context.ts";
import type { RuntimePlugin } from "../plugin/contract.ts";
import { parseRuntimeTarget } from "../plugin/executable/runtime_target.ts";
import type { Runtime } from "../plugin/runtime.ts";
import type { RuntimeTarget } from "../store/store.ts";

/** Opens it whatever the environment names now. @throws UsageError when it is not installed */
export async function openRuntime(
  { runtime, target }: RuntimeTarget,
  context: Context,
  { homeId }: { readonly homeId: string },
): Promise<Runtime> {
  const plugin = await findInstalled({ runtime, target }, context) ??
    context.registry.get("runtime", runtime);
  return await plugin.open(runtimeEnvironment(context, { runtime, home: homeId }), target);
}

/** One from elsewhere, whose files the target names; `undefined` for moat's own. @throws MoatError */
async function findInstalled(
  { runtime, target }: RuntimeTarget,
  context: Context,
): Promise<RuntimePlugin | undefined> {
  const digest = parseRuntimeTarget(target)?.digest;
  if (digest === undefined) return undefined;
  const { loadInstalledRuntime } = await import("../plugin/install/load_installed_runtime.ts");
  return await loadInstalledRuntime({ id: runtime, digest }, context);
}

/** Runtimes opened once for several runs; disposing closes them all. */
export class OpenRuntimes implements AsyncDisposable {
  readonly #context: Context;
  readonly #homeId: string;
  readonly #opened = new Map<string, Promise<Runtime>>();

  constructor(context: Context, options: { readonly homeId: string }) {
    this.#context = context;
    this.#homeId = options.homeId;
  }

  /** Opens, or returns what is open. A failure is not kept. */
  get({ runtime, target }: RuntimeTarget): Promise<Runtime> {
    const key = `${runtime} ${target}`;
    const opened = this.#opened.get(key) ??
      openRuntime({ runtime, target }, this.#context, { homeId: this.#homeId });
    this.#opened.set(key, opened);
    opened.catch(() => this.#opened.delete(key));
    return opened;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const result of await Promise.allSettled(this.#opened.values())) {
      if (result.status === "fulfilled") await result.value[Symbol.asyncDispose]();
    }
    this.#opened.clear();
  }
}
