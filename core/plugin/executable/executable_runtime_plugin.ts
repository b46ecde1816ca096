/**
 * A runtime plugin of somebody else: its manifest names an executable, which moat starts outside of
 * any sandbox, as it has to drive an engine.
 *
 * @module
 */

import { dirname, join } from "node:path";
import * as v from "valibot";
import { printable } from "../../cli/table.ts";
import { AUTHORITY_FILES } from "../../image/init_environment.ts";
import type { RuntimeEnvironment, RuntimePlugin, RuntimeProbe } from "../contract.ts";
import type { RuntimeManifest } from "../manifest_kinds.ts";
import type { AbilityName } from "../runtime.ts";
import { ExecutableRuntime } from "./executable_runtime.ts";
import { PROBED } from "./runtime_answers.ts";
import { RefusedCall } from "./runtime_call.ts";
import { RuntimeConnection } from "./runtime_connection.ts";
import { formatRuntimeTarget, parseRuntimeTarget } from "./runtime_target.ts";
import type { Executable } from "./start_executable.ts";

const PROBE_TIMEOUT_MS = 20_000;

/** Where an installed plugin is. */
export interface InstalledRuntime {
  readonly directory: string;
  /** Of its files; part of targets, so that a run goes on with the files that it began with. */
  readonly digest: string;
  /** Looks whether the files are still those of the digest. @throws MoatError when they are not */
  verify(): Promise<void>;
}

/** The plugin that the manifest describes. Starts nothing yet. */
export function createExecutableRuntime(
  manifest: RuntimeManifest,
  { directory, digest, verify }: InstalledRuntime,
): RuntimePlugin {
  const { id, summary, entry, permissions = {} } = manifest;
  const executableIn = (env: RuntimeEnvironment["env"]): Executable => ({
    id,
    program: join(directory, entry),
    variables: permissions.env ?? [],
    env,
  });
  return {
    kind: "runtime",
    id,
    summary,
    isNamedOnly: true,
    async probe(environment, { signal } = {}) {
      await verify();
      const stateDir = stateDirOf(environment, id);
      const known = { ...environment, stateDir };
      return await probe(executableIn(environment.env), known, { digest, signal });
    },
    open(environment, target) {
      return ExecutableRuntime.open({
        executable: executableIn(environment.env),
        target,
        engine: parseRuntimeTarget(target)?.engine ?? target,
        stateDir: stateDirOf(environment, id),
        home: environment.home,
        verify,
      });
    },
  };
}

async function probe(
  executable: Executable,
  { os, arch, stateDir }: RuntimeEnvironment,
  { digest, signal }: { readonly digest: string; readonly signal: AbortSignal | undefined },
): Promise<RuntimeProbe> {
  const { id } = executable;
  signal?.throwIfAborted();
  await using connection = await RuntimeConnection.start(executable);
  const interrupt = () => connection.fail("it was interrupted");
  signal?.addEventListener("abort", interrupt, { once: true });
  try {
    const answer = await connection.call("probe", {
      params: { os, arch, stateDir },
      timeoutMs: PROBE_TIMEOUT_MS,
    }).result;
    const { success, output } = v.safeParse(PROBED, answer);
    if (!success) {
      return unavailable(id, "it does not answer as it must");
    }
    if ("unavailable" in output) {
      const { reason, hint } = output.unavailable;
      return { kind: "unavailable", reason: printable(reason), hint: printable(hint) };
    }
    const { isolation, target, description, notices, abilities, companions, ...facts } = output;
    return {
      kind: "available",
      facts: {
        id,
        target: formatRuntimeTarget({ digest, engine: target }),
        description: printable(description),
        arch: facts.arch,
        isolations: [isolation],
        defaultIsolation: isolation,
        abilities: [
          ...abilities.filter((name): name is AbilityName & typeof name => name !== "build"),
          ...companions === undefined ? [] : ["services", "sidecars"] as const,
        ],
        shiftedIds: facts.shiftedIds,
        workspace: "/workspace",
        notices: notices.map(printable),
        usesHostTools: facts.usesHostTools,
        // The init of images puts it there.
        ...(abilities.includes("images") ? { authorityFiles: AUTHORITY_FILES } : {}),
      },
    };
  } catch (error) {
    signal?.throwIfAborted();
    if (!(error instanceof RefusedCall)) throw error;
    return unavailable(id, printable(error.message));
  } finally {
    signal?.removeEventListener("abort", interrupt);
  }
}

/** A place that no name of a plugin makes another's. */
function stateDirOf({ stateDir }: RuntimeEnvironment, id: string): string {
  return join(dirname(stateDir), "plugin-runtimes", id);
}

function unavailable(id: string, reason: string): RuntimeProbe {
  return { kind: "unavailable", reason, hint: `moat plugin remove ${id}` };
}
