/**
 * Looks at the project before and after a run, so that a run cannot widen the next one.
 *
 * The look before is kept in the store: whoever ends the run needs it.
 *
 * @module
 */

import { type ProjectSnapshot, reviewProject, snapshotProject } from "../config/project_guard.ts";
import { describeError } from "../errors.ts";
import { recordEvent } from "../store/events.ts";
import type { OwnedRun } from "./owned_run.ts";

/** Keeps the project's state from before the run. */
export async function snapshotGuarded(run: Pick<OwnedRun, "store" | "record">): Promise<void> {
  const snapshot = await snapshotProject(run.record.project);
  run.store.setNote(run.record.id, "snapshot", JSON.stringify(snapshot));
}

/** Compares, takes out what is dangerous, and returns what to tell the user. Once per run. */
export async function reviewGuarded(
  { store, record, files }: Pick<OwnedRun, "store" | "record" | "files">,
): Promise<readonly string[]> {
  const text = store.note(record.id, "snapshot");
  if (text === undefined) return [];
  const snapshot: ProjectSnapshot = JSON.parse(text);
  try {
    const notices = await reviewProject(snapshot);
    store.setNote(record.id, "snapshot", undefined);
    if (notices.length > 0) await recordEvent(files, { type: "project", notices });
    return notices;
  } catch (error) {
    return [`Cannot review project "${record.project}": ${describeError(error)}`];
  }
}
