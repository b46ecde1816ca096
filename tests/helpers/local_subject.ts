/**
 * Local runtimes for tests, each with a state directory of its own.
 *
 * @module
 */

import type { ContainerSpec, Runtime } from "../../core/plugin/runtime.ts";
import { openLocalRuntime } from "../../runtimes/local/local_runtime.ts";
import type { Wall } from "../../runtimes/local/walls.ts";
import type { Need } from "./machine.ts";

/** Both backends with what they need. */
export const LOCAL_BACKENDS = [
  { backend: "bubblewrap", needs: ["linux", "bubblewrap"] },
  { backend: "unshare", needs: ["linux"] },
] as const satisfies readonly {
  readonly backend: "bubblewrap" | "unshare";
  readonly needs: readonly Need[];
}[];

/** Options of {@linkcode createLocalSubject}. */
export interface LocalSubjectOptions {
  readonly backend: "bubblewrap" | "unshare";
  readonly home: string;
  spec(home: string): ContainerSpec;
  readonly without?: readonly Wall[];
}

/** A runtime to test, as the caller's own user; disposing removes all that was made with it. */
export interface LocalSubject extends AsyncDisposable {
  readonly runtime: Runtime;
  readonly home: string;
  readonly stateDir: string;
  spec(changes?: Partial<ContainerSpec>): ContainerSpec;
}

/** Makes one. */
export async function createLocalSubject(
  { backend, home, spec, without = [] }: LocalSubjectOptions,
): Promise<LocalSubject> {
  const stateDir = await Deno.makeTempDir({ prefix: "moat-local-" });
  const runtime = openLocalRuntime({
    os: "linux",
    arch: Deno.build.arch === "aarch64" ? "arm64" : "amd64",
    env: { PATH: "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin" },
    stateDir,
    home,
  }, { backend, bubblewrap: "/usr/bin/bwrap", without });
  const caller = { uid: Deno.uid() ?? 0, gid: Deno.gid() ?? 0 };
  const base = spec(home);
  const ids = caller.uid === 0 && base.uid >= 20000 ? { uid: base.uid, gid: base.gid } : caller;
  return {
    runtime,
    home,
    stateDir,
    spec: (changes = {}) => ({ ...spec(home), ...ids, ...changes }),
    async [Symbol.asyncDispose]() {
      for (const { kind, name } of await runtime.list(home)) await runtime.remove({ kind, name });
      await runtime[Symbol.asyncDispose]();
      await Deno.remove(stateDir, { recursive: true });
    },
  };
}
