/**
 * Starts the daemon's process, in a session of its own, inside a shell loop that starts it again
 * when it was killed.
 *
 * The shell also raises the limit of open files, which Deno cannot do itself.
 *
 * @module
 */

import { join } from "node:path";
import type { Context } from "../context.ts";

/** The loop around the daemon. */
export interface DaemonLoop {
  /** True when the daemon ended and is not started again. */
  hasEnded(): boolean;
  /** Ends loop and daemon. */
  end(): void;
}

/**
 * 3: trying again cannot help. 126, 127: the program is gone or broken. 137: it was killed, and its
 * endpoints wait. A normal end is 0. The log
 * is opened to append, so that whoever shortens it does not leave a hole.
 */
const LOOP = `
log=$1; shift
exec </dev/null >>"$log" 2>&1
ulimit -n "$(ulimit -Hn)" || :
until "$@"; do
  case $? in 3 | 126 | 127) exit 3 ;; 137) sleep 0.02 ;; *) sleep 0.2 ;; esac
done
`;

/** Starts it; returns at once. */
export function spawnDaemon(context: Pick<Context, "self" | "env" | "paths">): DaemonLoop {
  const { self, env, paths } = context;
  const child = new Deno.Command("sh", {
    args: ["-c", LOOP, "moat", join(paths.store, "daemon.log"), ...self, "_daemon"],
    env: { ...env, MOAT_HOME: paths.home },
    clearEnv: true,
    cwd: "/",
    stdin: "null",
    stdout: "null",
    stderr: "null",
    detached: true,
  }).spawn();
  child.unref();
  let ended = false;
  child.status.then(() => ended = true, () => ended = true);
  return {
    hasEnded: () => ended,
    end() {
      if (!ended) Deno.kill(-child.pid, "SIGTERM");
    },
  };
}
