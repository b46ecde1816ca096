/**
 * Brings a created sandbox to life: processes, network, limits, terminal, and last the command.
 *
 * @module
 */

import { join } from "node:path";
import { describeError, MoatError } from "../../core/errors.ts";
import type { Attachment, ContainerSpec } from "../../core/plugin/runtime.ts";
import { openPty } from "../../core/terminal/pty.ts";
import { bubblewrapLaunch } from "./bubblewrap.ts";
import { applyLimits } from "./cgroup.ts";
import { findHostFiles } from "./host_files.ts";
import { type LaunchedSandbox, launchSandbox } from "./launch_sandbox.ts";
import type { Network } from "./network/contract.ts";
import { openNetwork } from "./network/open_network.ts";
import { pipeAttachment } from "./pipe_attachment.ts";
import { identifyProcess, signalProcess } from "./process_identity.ts";
import { ptyAttachment } from "./pty_attachment.ts";
import { raceAbort } from "../../core/race_abort.ts";
import { type CompanionLayout, HOME, layoutSandbox, type SandboxLayout } from "./sandbox_layout.ts";
import {
  type Backend,
  type ProcessIdentity,
  readText,
  type SandboxPaths,
  writeJson,
} from "./sandbox_state.ts";
import { frame } from "./script/common_script.ts";
import { ordersFields } from "./script/init_script.ts";
import { writeSecretEnv } from "./secret_env.ts";
import { launchWithin, type SharedNetwork } from "./shared_network.ts";
import { type Launch, unshareLaunch } from "./unshare.ts";
import type { Wall } from "./walls.ts";

/** What starting needs besides the spec. */
export interface StartOptions {
  readonly paths: SandboxPaths;
  readonly volumes: string;
  readonly backend: Backend;
  readonly arch: "amd64" | "arm64";
  /** moat's own environment. */
  readonly env: Readonly<Record<string, string>>;
  /** Path of bubblewrap. */
  readonly bubblewrap: string;
  /** Root's sandbox for another user. */
  readonly switchesUser: boolean;
  /** The namespace to start in, where the run shares one. */
  readonly sharedNetwork?: SharedNetwork | undefined;
  /** There for a service: nothing is opened to the outside for it. */
  readonly companion?: CompanionLayout;
  readonly notice?: ((text: string) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly without?: readonly Wall[];
}

/** A running sandbox as its starter sees it. */
export interface StartedSandbox {
  readonly attachment: Attachment | undefined;
  readonly process: ProcessIdentity;
  readonly network: Network;
  /** Its outermost process; already gone for a detached sandbox. */
  readonly child: Deno.ChildProcess;
}

/** What a service gets, which is in the run's own network, and who is to have none. */
const NO_NETWORK: Network = {
  kind: "none",
  env: {},
  notices: [],
  resolvConf: "",
  [Symbol.asyncDispose]: () => Promise.resolve(),
};

/** Starts it. What was begun is ended again when this throws. @throws MoatError */
export async function startSandbox(
  spec: ContainerSpec,
  options: StartOptions,
): Promise<StartedSandbox> {
  const { paths, signal } = options;
  signal?.throwIfAborted();
  const layout = layoutSandbox(spec, {
    directory: paths.directory,
    volumes: options.volumes,
    host: findHostFiles(),
    sharesNetwork: options.sharedNetwork !== undefined,
    switchesUser: options.switchesUser,
    ...(options.companion === undefined ? {} : { companion: options.companion }),
    without: options.without ?? [],
  });
  const launched = launchSandbox(planLaunch(layout, options), {
    exit: paths.exit,
    ...(spec.detached ? { output: paths } : {}),
  });
  await using undo = new AsyncDisposableStack();
  undo.defer(() => endLaunched(launched));
  try {
    const process = await identifyFirst(launched);
    const limits = await applyLimits({ name: spec.name, limits: spec.limits, pid: process.pid });
    for (const notice of limits.notices) options.notice?.(notice);
    const record = { ...process, startedAt: new Date().toISOString(), groups: limits.groups };
    // Whoever cleans up after us must find the groups.
    if (limits.groups.length > 0) await writeJson(paths.process, { ...record, env: {} });
    // A helper that brings `lo` up while bubblewrap gives it its address makes bubblewrap fail.
    if (options.backend === "bubblewrap") await raceAbort(launched.ready, signal);
    const opening = options.companion === undefined && hasWayOut(spec)
      ? openSandboxNetwork(spec, process.pid, options)
      : Promise.resolve(NO_NETWORK);
    const network = await raceAbort(opening, signal);
    undo.defer(() => network[Symbol.asyncDispose]());
    for (const notice of network.notices) options.notice?.(notice);
    await raceAbort(launched.ready, signal);
    const env = { ...baseEnv(spec), ...network.env, ...spec.authority?.env, ...spec.env };
    await writeSecretEnv(paths, spec.secretEnv);
    await writeJson(paths.process, { ...record, env });
    await Deno.writeTextFile(join(paths.etc, "resolv.conf"), resolvConf(spec, network));
    const attachment = await giveOrders(spec, launched, {
      process,
      env: { ...env, ...spec.secretEnv },
      network,
      switchesUser: options.switchesUser,
    });
    undo.move();
    return { attachment, process, network, child: launched.child };
  } catch (error) {
    signal?.throwIfAborted();
    throw await explain(error, spec, { launched, paths });
  }
}

function planLaunch(
  layout: SandboxLayout,
  { backend, arch, bubblewrap, paths, sharedNetwork }: StartOptions,
): Launch {
  const launch = backend === "bubblewrap"
    ? bubblewrapLaunch(layout, { arch, program: bubblewrap })
    : unshareLaunch(layout, { arch, root: paths.root });
  return sharedNetwork === undefined ? launch : launchWithin(sharedNetwork, launch);
}

async function identifyFirst(launched: LaunchedSandbox): Promise<ProcessIdentity> {
  const process = identifyProcess(await launched.pid);
  if (process === undefined) {
    await launched.ready;
    throw new MoatError("Cannot set up the sandbox: its first process is gone");
  }
  return process;
}

function hasWayOut({ network }: ContainerSpec): boolean {
  return network.kind !== "none" || network.reach !== undefined;
}

function openSandboxNetwork(
  spec: ContainerSpec,
  pid: number,
  { paths, env, signal }: StartOptions,
): Promise<Network> {
  return openNetwork({
    pid,
    stateDir: paths.directory,
    mode: spec.network.kind === "host" ? "host" : "private",
    ...(spec.network.kind === "none" && spec.network.reach !== undefined
      ? { reach: spec.network.reach }
      : {}),
    detached: spec.detached,
    dns: spec.dns,
    env,
    ...(signal === undefined ? {} : { signal }),
  });
}

/** Tells process 1 what to run, and connects its streams. */
async function giveOrders(
  spec: ContainerSpec,
  { child, input, output }: LaunchedSandbox,
  { process, env, network, switchesUser }: {
    readonly process: ProcessIdentity;
    readonly env: Readonly<Record<string, string>>;
    readonly network: Network;
    readonly switchesUser: boolean;
  },
): Promise<Attachment | undefined> {
  const onTerminal = spec.tty && !spec.detached;
  const pty = onTerminal ? openSandboxPty(spec, { pid: process.pid, switchesUser }) : undefined;
  try {
    await input.write(frame(ordersFields({
      terminal: pty?.number,
      workdir: spec.workdir,
      preRun: spec.preRun,
      helper: network.insideHelper,
      command: spec.command,
      env,
      ulimits: spec.limits.ulimits ?? [],
    })));
  } catch (error) {
    pty?.close();
    throw error;
  }
  if (spec.detached || onTerminal) {
    await input.close();
    // Only reports came this way.
    await output.cancel();
    await child.stderr.cancel();
    return pty === undefined ? undefined : ptyAttachment(pty);
  }
  const attachment = pipeAttachment({ input, stdout: output, stderr: child.stderr.getReader() });
  if (!spec.stdin) await attachment.closeInput();
  return attachment;
}

/** A terminal of the sandbox's own devpts: the name that programs inside see is its real one. */
function openSandboxPty(
  spec: ContainerSpec,
  { pid, switchesUser }: { readonly pid: number; readonly switchesUser: boolean },
): ReturnType<typeof openPty> {
  const devpts = `/proc/${pid}/root/dev/pts`;
  const pty = openPty({ multiplexer: `${devpts}/ptmx` });
  if (spec.size !== undefined) pty.resize(spec.size);
  if (switchesUser) {
    Deno.chownSync(`${devpts}/${pty.number}`, spec.uid, spec.gid);
  }
  return pty;
}

function baseEnv({ uid, hostname }: ContainerSpec): Record<string, string> {
  const user = uid === 0 ? "root" : "moatuser";
  return {
    PATH: "/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin",
    HOME,
    USER: user,
    LOGNAME: user,
    HOSTNAME: hostname,
  };
}

function resolvConf({ dns }: ContainerSpec, network: Network): string {
  return dns.length === 0 || network.kind === "relay" || network.kind === "none"
    ? network.resolvConf
    : dns.map((address) => `nameserver ${address}\n`).join("");
}

async function endLaunched(launched: LaunchedSandbox): Promise<void> {
  const { child, input, output } = launched;
  await killLaunched(launched);
  await Promise.all([input.abort(), output.cancel()].map((done) => done.catch(ignore)));
  if (!child.stderr.locked) await child.stderr.cancel();
  await child.status;
}

async function killLaunched({ child, pid }: LaunchedSandbox): Promise<void> {
  try {
    child.kill("SIGKILL");
  } catch (error) {
    // It has ended by itself.
    if (!(error instanceof TypeError) && !(error instanceof Deno.errors.NotFound)) throw error;
  }
  const first = identifyProcess(await pid.catch(() => 0));
  if (first !== undefined) signalProcess(first, "SIGKILL");
}

/** The setup's own words are the reason, where it left any. */
async function explain(
  error: unknown,
  spec: ContainerSpec,
  { launched, paths }: { readonly launched: LaunchedSandbox; readonly paths: SandboxPaths },
): Promise<unknown> {
  if (!(error instanceof Error)) return error;
  await killLaunched(launched);
  const { stderr } = launched.child;
  const said = spec.detached
    ? await readText(paths.stderr)
    : stderr.locked
    ? undefined
    : await new Response(stderr).text();
  const reason = said?.trim().replace(/^moat: /, "") || describeError(error);
  return new MoatError(`Cannot start sandbox "${spec.name}": ${reason}`, { cause: error });
}

function ignore(): void {}
