/**
 * Looks at everything that runs need from this machine. Changes nothing.
 *
 * @module
 */

import type { Context } from "../context.ts";
import { describeError, MoatError } from "../errors.ts";
import type { RuntimeProbe } from "../plugin/contract.ts";
import { chooseRuntime } from "../run/choose_runtime.ts";
import { isSandboxOff } from "../run/is_sandbox_off.ts";
import { runtimeCandidates } from "../run/prepare.ts";
import { isThere } from "../store/files.ts";
import { Store } from "../store/store.ts";
import { checkRouter, checkRouterTrust } from "./check_router.ts";
import { freeBytes } from "./disk.ts";
import { formatBytes } from "./format_time.ts";
import { withProjectRuntime } from "./with_project_runtime.ts";

/** One checked thing. `warning`: runs work, something is weaker or missing. */
export interface Check {
  readonly subject: string;
  readonly state: "ok" | "warning" | "problem";
  readonly text: string;
  /** A command or an edit; `null` when there is nothing to do. */
  readonly fix: string | null;
}

/** Below this, detached runs are stopped. */
const LEAST_FREE_BYTES = 1024 ** 3;

/** All checks, in the order in which they are worth reading. */
export async function diagnose(context: Context): Promise<readonly Check[]> {
  const candidates = runtimeCandidates(context);
  const groups = await Promise.all([
    checkChoice(context, candidates),
    ...candidates.ids.map((id) => checkRuntime(id, candidates.probe(id))),
    checkLocalhost(context),
    checkRouter(context),
    checkRouterTrust(context),
    checkStore(context),
    checkGit(context),
    checkDisk(context),
  ]);
  return groups.flat();
}

async function checkChoice(
  context: Context,
  candidates: ReturnType<typeof runtimeCandidates>,
): Promise<readonly Check[]> {
  const { env } = context;
  const asked = env.MOAT_RUNTIME;
  try {
    const known = await withProjectRuntime(context);
    const { facts, isolation, reason } = await chooseRuntime({
      ...(asked ? { runtime: { id: asked, origin: "typed" } } : {}),
      ...(isSandboxOff(env) ? { isolation: "none" as const } : {}),
      needs: [],
    }, known === context ? candidates : runtimeCandidates(known));
    const text = `runs use ${facts.id} with isolation ${isolation} (${reason})`;
    return [{ subject: "choice", state: "ok", text, fix: null }];
  } catch (error) {
    if (!(error instanceof MoatError)) throw error;
    return [{
      subject: "choice",
      state: "problem",
      text: describeError(error),
      fix: error.hint ?? null,
    }];
  }
}

async function checkRuntime(
  subject: string,
  probing: Promise<RuntimeProbe>,
): Promise<readonly Check[]> {
  const probe = await probing;
  if (probe.kind === "unavailable") {
    return [{ subject, state: "warning", text: probe.reason, fix: probe.hint }];
  }
  const { facts } = probe;
  const missing = facts.defaultIsolationMissing;
  const isolations = `isolation: ${facts.isolations.join(", ")}`;
  return [
    { subject, state: "ok", text: `${facts.description}, ${isolations}`, fix: null },
    ...(missing === undefined
      ? []
      : [{ subject, state: "warning" as const, text: missing.reason, fix: missing.hint }]),
    ...facts.notices.map((text) => ({ subject, state: "warning" as const, text, fix: null })),
  ];
}

/** Browsers resolve `*.localhost` themselves; other programs ask the system. */
async function checkLocalhost({ os }: Pick<Context, "os">): Promise<readonly Check[]> {
  const { lookup } = await import("node:dns/promises");
  const subject = ".localhost";
  try {
    const { address } = await lookup("moat-check.localhost");
    if (address === "::1" || address.startsWith("127.")) {
      return [{ subject, state: "ok", text: `names resolve to ${address}`, fix: null }];
    }
    const text = `names resolve to ${address}, which is not this machine`;
    return [{ subject, state: "warning", text, fix: await localhostFix(os) }];
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    const text = "names do not resolve outside of browsers, curl and runs";
    return [{ subject, state: "warning", text, fix: await localhostFix(os) }];
  }
}

/** The module that knows them is a package on Debian and comes with systemd elsewhere. */
async function localhostFix(os: Context["os"]): Promise<string> {
  if (os === "darwin") return "Name them in /etc/hosts: 127.0.0.1 web.myapp.localhost";
  return await isThere("/etc/debian_version")
    ? "sudo apt install libnss-myhostname"
    : 'Put myhostname before dns in the line "hosts:" of /etc/nsswitch.conf';
}

async function checkStore({ paths }: Context): Promise<readonly Check[]> {
  const subject = "store";
  try {
    const { mode } = await Deno.stat(paths.store);
    if (mode !== null && (mode & 0o077) !== 0) {
      return [{
        subject,
        state: "problem",
        text: `${paths.store} can be read by other users`,
        fix: `chmod 700 ${paths.store}`,
      }];
    }
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) {
      const text = `${paths.store} is made by the first run`;
      return [{ subject, state: "ok", text, fix: null }];
    }
    if (!(error instanceof Deno.errors.PermissionDenied)) throw error;
    const text = `${paths.store} cannot be read`;
    return [{ subject, state: "problem", text, fix: "Set MOAT_HOME to a directory of your own" }];
  }
  try {
    using _store = Store.openExisting(paths);
  } catch (error) {
    if (!(error instanceof MoatError)) throw error;
    return [{ subject, state: "problem", text: describeError(error), fix: error.hint ?? null }];
  }
  return [{ subject, state: "ok", text: `${paths.store} is readable by you alone`, fix: null }];
}

async function checkGit({ env }: Context): Promise<readonly Check[]> {
  for (const directory of (env.PATH ?? "").split(":")) {
    try {
      const { isFile } = await Deno.stat(`${directory}/git`);
      if (isFile) return [{ subject: "git", state: "ok", text: `${directory}/git`, fix: null }];
    } catch (error) {
      if (!(error instanceof Error)) throw error;
    }
  }
  const text = "git is not on PATH; runs work without";
  return [{ subject: "git", state: "warning", text, fix: "Install git" }];
}

async function checkDisk({ paths }: Context): Promise<readonly Check[]> {
  const free = await freeBytes(paths.home);
  const subject = "disk";
  if (free === undefined) return [];
  const text = `${formatBytes(free)} free for ${paths.home}`;
  if (free >= LEAST_FREE_BYTES) return [{ subject, state: "ok", text, fix: null }];
  return [{ subject, state: "problem", text, fix: "moat clean" }];
}
