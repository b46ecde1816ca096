/**
 * Stops a run, whoever owns it: asks its owner, or clears up behind one that died.
 *
 * @module
 */

import type { Context } from "../context.ts";
import { callControl } from "../daemon/control.ts";
import { ensureDaemon } from "../daemon/ensure_daemon.ts";
import { delay } from "../delay.ts";
import { MoatError, UnavailableError } from "../errors.ts";
import { recordEvent } from "../store/events.ts";
import { isOwned, whenUnowned } from "../store/owner.ts";
import { runPaths } from "../store/paths.ts";
import type { RunRecord } from "../store/run_record.ts";
import type { Store } from "../store/store.ts";
import { OpenRuntimes } from "./open_runtime.ts";
import { reapRun } from "./reap.ts";
import { isLive } from "./states.ts";

/** Options of {@linkcode stopRun}. */
export interface StopRunOptions {
  readonly store: Store;
  /** Between TERM and KILL. @default 10000 */
  readonly graceMs?: number;
}

/** How long an owner may take to answer, beyond the grace. */
const OWNER_MS = 15_000;
/** An owner that is stopped or hangs is passed over after this. */
const SILENT_OWNER_MS = 3000;
const RETRY_MS = 50;

/** Returns the record when the run has ended and is cleared up; at once when it had. */
export async function stopRun(
  context: Context,
  { id }: Pick<RunRecord, "id">,
  { store, graceMs = 10_000 }: StopRunOptions,
): Promise<RunRecord | undefined> {
  const files = runPaths(context.paths, id);
  const deadline = performance.now() + graceMs + OWNER_MS;
  let isRequested = false;
  let silentSince: number | undefined;
  for (;;) {
    const record = store.getRun(id);
    if (record === undefined || !isLive(record.state)) return record;
    if (performance.now() > deadline) {
      throw new MoatError(`Cannot stop run "${record.name}": its owner does not end it`, {
        hint: `moat destroy -f ${id}`,
      });
    }
    if (!isRequested) {
      await recordEvent(files, { type: "stop-requested" });
      isRequested = true;
    }
    if (await isOwned(files)) {
      const asked = await askOwner(record, { store, graceMs, signal: context.signal });
      if (asked) {
        const limit = AbortSignal.timeout(Math.max(1, deadline - performance.now()));
        await whenUnowned(files, AbortSignal.any([context.signal, limit])).catch(() => {});
        context.signal.throwIfAborted();
        continue;
      }
      silentSince ??= performance.now();
      if (performance.now() - silentSince > SILENT_OWNER_MS) {
        await stopDirectly(record, context, { store, graceMs });
      }
    } else if (record.owner === "daemon") {
      await ensureDaemon(context);
    } else {
      await using runtimes = new OpenRuntimes(context, { homeId: store.homeId });
      await reapRun(record, context, { store, runtimes });
    }
    await delay(RETRY_MS, context.signal);
  }
}

async function askOwner(
  { id }: RunRecord,
  { store, graceMs, signal }: Required<StopRunOptions> & { readonly signal: AbortSignal },
): Promise<boolean> {
  const path = store.note(id, "socket");
  if (path === undefined) return false;
  try {
    const timeoutMs = graceMs + OWNER_MS;
    await callControl(path, { method: "stop", id, graceMs }, { signal, timeoutMs });
    return true;
  } catch (error) {
    if (error instanceof UnavailableError) return false;
    throw error;
  }
}

/** Ends the command; the owner sees its end when it runs again. */
async function stopDirectly(
  record: RunRecord,
  context: Context,
  { store, graceMs }: Required<StopRunOptions>,
): Promise<void> {
  await using runtimes = new OpenRuntimes(context, { homeId: store.homeId });
  const runtime = await runtimes.get(record);
  await runtime.stop(record.plan.container.name, { graceMs, signal: context.signal });
}
