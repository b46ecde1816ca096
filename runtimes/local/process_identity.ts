/**
 * Recognises and ends processes of the host by number, start time and boot.
 *
 * @module
 */

import type { ProcessIdentity } from "./sandbox_state.ts";

/** Describes a live process, or `undefined` when there is none. */
export function identifyProcess(pid: number): ProcessIdentity | undefined {
  const startTime = processStartTime(pid);
  return startTime === undefined ? undefined : { pid, startTime, bootId: bootId() };
}

/** Reads an identity from JSON, or `undefined` when it is none. */
export function parseIdentity(value: unknown): ProcessIdentity | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  if (!("pid" in value) || typeof value.pid !== "number") return undefined;
  if (!("startTime" in value) || typeof value.startTime !== "string") return undefined;
  if (!("bootId" in value) || typeof value.bootId !== "string") return undefined;
  return { pid: value.pid, startTime: value.startTime, bootId: value.bootId };
}

/** Whether the very same process still lives; one that only waits to be collected does not. */
export function isAlive(identity: ProcessIdentity): boolean {
  return processStartTime(identity.pid) === identity.startTime && bootId() === identity.bootId;
}

/** Sends a signal unless the process is gone. Returns whether it was sent. */
export function signalProcess(identity: ProcessIdentity, signal: string): boolean {
  if (!isAlive(identity)) return false;
  try {
    Deno.kill(identity.pid, parseSignal(signal));
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** Narrows a signal's name. @throws TypeError for an unknown one */
export function parseSignal(name: string): Deno.Signal {
  const found = SIGNALS.find((signal) => signal === name);
  if (found === undefined) throw new TypeError(`Unknown signal "${name}"`);
  return found;
}

const SIGNALS = [
  "SIGABRT",
  "SIGALRM",
  "SIGBUS",
  "SIGCHLD",
  "SIGCONT",
  "SIGFPE",
  "SIGHUP",
  "SIGILL",
  "SIGINT",
  "SIGIO",
  "SIGKILL",
  "SIGPIPE",
  "SIGPROF",
  "SIGPWR",
  "SIGQUIT",
  "SIGSEGV",
  "SIGSTKFLT",
  "SIGSTOP",
  "SIGSYS",
  "SIGTERM",
  "SIGTRAP",
  "SIGTSTP",
  "SIGTTIN",
  "SIGTTOU",
  "SIGURG",
  "SIGUSR1",
  "SIGUSR2",
  "SIGVTALRM",
  "SIGWINCH",
  "SIGXCPU",
  "SIGXFSZ",
] as const satisfies readonly Deno.Signal[];

function bootId(): string {
  return Deno.readTextFileSync("/proc/sys/kernel/random/boot_id").trim();
}

/** Start time in clock ticks; `undefined` for none, and for a zombie. */
function processStartTime(pid: number): string | undefined {
  try {
    const text = Deno.readTextFileSync(`/proc/${pid}/stat`);
    const rest = text.slice(text.lastIndexOf(")") + 2).split(" ");
    return rest[0] === "Z" || rest[0] === "X" ? undefined : rest[19];
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || isGone(error)) return undefined;
    throw error;
  }
}

/** Reading a process that ends meanwhile gives ESRCH, which Deno has no class for. */
function isGone(error: unknown): boolean {
  return error instanceof Error && error.message.includes("os error 3");
}
