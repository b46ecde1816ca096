/**
 * Builds a sandbox with all walls and nothing in it, and lets it go.
 *
 * @module
 */

import type { RuntimeEnvironment } from "../../core/plugin/contract.ts";
import type { ContainerSpec } from "../../core/plugin/runtime.ts";
import { bubblewrapLaunch } from "./bubblewrap.ts";
import { findHostFiles } from "./host_files.ts";
import { findProgram } from "./find_program.ts";
import { launchSandbox } from "./launch_sandbox.ts";
import { layoutSandbox, type SandboxLayout } from "./sandbox_layout.ts";
import type { Backend } from "./sandbox_state.ts";
import { unshareLaunch } from "./unshare.ts";

/** A place that is not there: a trial has no state of its own. */
const NOWHERE = "/nonexistent/moat";

/** Options of {@linkcode trySandbox}. */
export interface TrySandboxOptions {
  readonly backend: Backend;
  readonly signal?: AbortSignal | undefined;
  /** @default 5000 */
  readonly timeoutMs?: number;
}

/** Returns nothing when the walls stood, else what was said. */
export async function trySandbox(
  environment: RuntimeEnvironment,
  { backend, signal, timeoutMs = 5000 }: TrySandboxOptions,
): Promise<string | undefined> {
  const program = findProgram("bwrap", environment.env);
  if (backend === "bubblewrap" && program === undefined) return "bwrap is not installed";
  if (findProgram("perl", { PATH: "/usr/bin" }) === undefined) return "/usr/bin/perl is missing";
  const layout = trialLayout();
  const { child, input, ready } = launchSandbox(
    backend === "bubblewrap"
      ? bubblewrapLaunch(layout, { arch: environment.arch, program: program ?? "bwrap" })
      : unshareLaunch(layout, { arch: environment.arch, root: "/tmp" }),
    { exit: "/dev/null" },
  );
  const timer = setTimeout(() => child.kill("SIGKILL"), timeoutMs);
  try {
    await ready;
    signal?.throwIfAborted();
    await Promise.all([child.stderr.cancel(), input.abort().catch(() => {})]);
    return undefined;
  } catch (error) {
    signal?.throwIfAborted();
    const said = (await new Response(child.stderr).text()).trim();
    return said || (error instanceof Error ? error.message : String(error));
  } finally {
    clearTimeout(timer);
    // Without orders process 1 ends by the end of its input.
    await input.abort().catch(() => {});
    await child.status;
  }
}

function trialLayout(): SandboxLayout {
  const layout = layoutSandbox(trialSpec(), {
    directory: NOWHERE,
    volumes: NOWHERE,
    host: findHostFiles(),
  });
  return {
    ...layout,
    operations: layout.operations.filter((operation) =>
      !("source" in operation && operation.source.startsWith(NOWHERE))
    ),
  };
}

function trialSpec(): ContainerSpec {
  return {
    name: "trial",
    runId: "",
    labels: {},
    image: undefined,
    isolation: "namespaces",
    command: ["true"],
    workdir: "/",
    env: {},
    hostname: "trial",
    mounts: [],
    network: { kind: "own", name: "" },
    dns: [],
    hosts: [],
    uid: Deno.uid() ?? 0,
    gid: Deno.gid() ?? 0,
    toolPaths: [],
    groups: [],
    privileged: false,
    limits: {},
    tty: false,
    stdin: false,
    detached: false,
  };
}
