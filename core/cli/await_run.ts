/**
 * Waits for the end of a run that another process owns.
 *
 * @module
 */

import type { Context } from "../context.ts";
import { ensureDaemon } from "../daemon/ensure_daemon.ts";
import { delay } from "../delay.ts";
import { EXIT, InterruptedError, MoatError } from "../errors.ts";
import { isLive } from "../run/states.ts";
import { whenUnowned } from "../store/owner.ts";
import { runPaths } from "../store/paths.ts";
import type { RunRecord } from "../store/run_record.ts";
import type { FoundRun } from "./find_run.ts";

/** Between two looks at a run that nobody owns for the moment: its owner is about to change. */
const POLL_MS = 50;
/** For how long a live run may have no owner before it counts as orphaned. */
export const ORPHANED_AFTER_MS = 3000;

/** The run's last record. @throws MoatError when it was destroyed, or its owner died */
export async function awaitRun(
  { store, record }: Pick<FoundRun, "store" | "record">,
  context: Context,
): Promise<RunRecord> {
  const files = runPaths(context.paths, record.id);
  let unownedSince: number | undefined;
  for (;;) {
    const now = store.getRun(record.id);
    if (now === undefined) {
      throw new MoatError(`Cannot wait for run "${record.name}": it was destroyed`);
    }
    if (!isLive(now.state)) return now;
    const started = performance.now();
    await whenUnowned(files, context.signal);
    if (context.signal.aborted) throw new InterruptedError();
    const at = performance.now();
    if (at - started > POLL_MS) unownedSince = undefined;
    unownedSince ??= at;
    if (at - unownedSince > ORPHANED_AFTER_MS) {
      throw new MoatError(`Cannot wait for run "${record.name}": its owner died`, {
        hint: "moat clean",
      });
    }
    if (now.owner === "daemon") await ensureDaemon(context);
    await delay(POLL_MS, context.signal);
  }
}

/** What moat exits with for a run that has ended. */
export function exitCodeOf({ exitCode, reason }: RunRecord): number {
  if (reason?.startsWith("timed out")) return EXIT.timeout;
  return exitCode ?? EXIT.moatFailed;
}
