/**
 * Shows, accepts and takes back what a project may do beyond its own directory.
 *
 * @module
 */

import { resolve } from "node:path";
import { trustDigest } from "../config/trust_digest.ts";
import type { Context } from "../context.ts";
import { prepareRun } from "../run/prepare.ts";
import { Store } from "../store/store.ts";
import { renderSettings } from "./accept_trust.ts";
import { toJson } from "./describe_run.ts";
import { printable } from "./table.ts";

/** Options of {@linkcode trustProject}. */
export interface TrustProjectOptions {
  readonly accept: boolean;
  readonly json: boolean;
}

/** Shows what the project asks for; with `accept`, accepts it. */
export async function trustProject(
  path: string | undefined,
  context: Context,
  { accept, json }: TrustProjectOptions,
): Promise<void> {
  const { plan } = await prepareRun(path === undefined ? {} : { path }, context);
  const { project, trust: settings } = plan;
  const digest = trustDigest(settings);
  using store = Store.openExisting(context.paths);
  const trusted = settings.length === 0 || (store?.isTrusted(project, digest) ?? false);
  if (accept && !trusted) {
    using writable = Store.open(context.paths);
    writable.trust(project, digest, settings);
  }
  const { stdio } = context;
  if (json) {
    await stdio.output(toJson({ project, accepted: accept || trusted, settings }));
    return;
  }
  if (settings.length === 0) {
    await stdio.output(`${printable(project)} asks for nothing beyond its own directory\n`);
    return;
  }
  await stdio.output(`${printable(project)} asks for:\n${renderSettings(settings)}`);
  await stdio.error(
    accept
      ? "Accepted. Take it back with: moat untrust\n"
      : trusted
      ? "This is accepted. Take it back with: moat untrust\n"
      : "This is not accepted. Accept it with: moat trust\n",
  );
}

/** Takes back everything that was accepted for the directory, which may be gone. */
export async function untrustProject(path: string | undefined, context: Context): Promise<void> {
  const project = await realPathOr(resolve(context.cwd, path ?? "."));
  using existing = Store.openExisting(context.paths);
  using store = existing && Store.open(context.paths);
  const wasTrusted = store?.untrust(project) ?? false;
  await context.stdio.error(
    wasTrusted
      ? `Nothing is accepted for ${printable(project)} any more\n`
      : `Nothing was accepted for ${printable(project)}\n`,
  );
}

async function realPathOr(path: string): Promise<string> {
  try {
    return await Deno.realPath(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return path;
    throw error;
  }
}
