/**
 * The engine's own socket as it can be given to a run: where it is on the machine of its containers,
 * who may use it, and what is odd about it.
 *
 * @module
 */

import type { RuntimeEnvironment } from "../../core/plugin/contract.ts";
import type { HostSocketFacts } from "../../core/plugin/runtime.ts";

/** Where engines in a virtual machine have it. */
const USUAL_PATH = "/var/run/docker.sock";

const GROUP_MAY_USE = 0o060;
const OTHERS_MAY_WRITE = 0o002;

/** What decides about the socket besides itself. */
export interface HostSocketQuestion {
  /** The engine's address, such as `unix:///var/run/docker.sock`. */
  readonly url: string;
  readonly os: RuntimeEnvironment["os"];
  /** The engine's `SecurityOptions`. */
  readonly security: readonly string[];
}

/** What of a file's state counts; `Deno.FileInfo` has it. */
export interface SocketState {
  readonly isSocket: boolean | null;
  readonly mode: number | null;
  readonly uid: number | null;
  readonly gid: number | null;
}

/** The socket, or why it cannot be given to a run, as the end of a sentence. */
export async function findHostSocket(
  question: HostSocketQuestion,
): Promise<HostSocketFacts | { readonly missing: string }> {
  const path = socketPath(question.url);
  if (path === undefined || question.os === "darwin") return judgeSocket(question, undefined);
  try {
    return judgeSocket(question, await Deno.stat(path));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) {
      return { missing: `the engine's socket ${path} is not there` };
    }
    if (error instanceof Deno.errors.PermissionDenied) {
      return { missing: `you may not look at the engine's socket ${path}` };
    }
    throw error;
  }
}

/** The same, from a state that was read; none where the socket is not on this machine. */
export function judgeSocket(
  { url, os, security }: HostSocketQuestion,
  state: SocketState | undefined,
): HostSocketFacts | { readonly missing: string } {
  const path = socketPath(url);
  if (path === undefined) {
    return { missing: `the engine is reached at ${url}, so its socket is not known here` };
  }
  if (security.some((option) => option.startsWith("name=userns"))) {
    return {
      missing: "the engine remaps users (userns-remap), so nobody inside may use its socket",
    };
  }
  // In the virtual machine it is root's, and of root's group.
  if (os === "darwin" || state === undefined) return { path: USUAL_PATH, gid: 0, oddities: [] };
  if (state.isSocket !== true) return { missing: `${path} is not a socket` };
  const isRootless = security.some((option) => option.startsWith("name=rootless"));
  const mode = state.mode ?? 0;
  const groupMay = (mode & GROUP_MAY_USE) === GROUP_MAY_USE;
  const oddities = [
    ...(mode & OTHERS_MAY_WRITE
      ? [`Everybody on this machine may use the engine's socket ${path}: it is world-writable`]
      : []),
    ...(isRootless || state.uid === 0
      ? []
      : [`The engine's socket ${path} belongs to user ${state.uid}, not to root`]),
    ...(isRootless || groupMay || mode & OTHERS_MAY_WRITE
      ? []
      : [`Only its owner may use the engine's socket ${path}: no group may`]),
  ];
  // A rootless engine's user and group are root's inside.
  return { path, gid: isRootless || !groupMay ? 0 : state.gid ?? 0, oddities };
}

function socketPath(url: string): string | undefined {
  return url.startsWith("unix://") ? url.slice("unix://".length) : undefined;
}
