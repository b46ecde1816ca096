/**
 * Volumes: directories of the runtime's own that outlive a run.
 *
 * @module
 */

import { join } from "node:path";
import { MoatError } from "../../core/errors.ts";
import { LABEL, runIdFromLabels } from "../../core/ids.ts";
import type { OwnedResource } from "../../core/plugin/runtime.ts";
import { readText, writeJson } from "./sandbox_state.ts";
import { removeIfThere } from "../../core/store/files.ts";
import { directoryNames } from "./state_files.ts";

/** Where volumes are, below the runtime's state directory. */
export function volumesDirectory(stateDir: string): string {
  return join(stateDir, "volumes");
}

/** Makes a volume unless it is there. */
export async function ensureVolume(
  stateDir: string,
  { name, labels }: { readonly name: string; readonly labels: Readonly<Record<string, string>> },
): Promise<Readonly<Record<string, string>>> {
  const directory = volumeDirectory(stateDir, name);
  await Deno.mkdir(volumesDirectory(stateDir), { recursive: true, mode: 0o700 });
  await Deno.mkdir(join(directory, "data"), { recursive: true, mode: 0o755 });
  const record = join(directory, "volume.json");
  const written = await readText(record);
  if (written !== undefined) return readLabels(written);
  await writeJson(record, { name, labels });
  return labels;
}

/** Removes a volume with what it holds. Idempotent. */
export async function removeVolume(stateDir: string, name: string): Promise<void> {
  await removeIfThere(volumeDirectory(stateDir, name));
}

/** Volumes whose labels name this home. */
export async function listVolumes(
  stateDir: string,
  home: string,
): Promise<readonly OwnedResource[]> {
  const found: OwnedResource[] = [];
  for (const name of await directoryNames(volumesDirectory(stateDir))) {
    const labels = readLabels(
      await readText(join(volumeDirectory(stateDir, name), "volume.json")),
    );
    if (labels[LABEL.home] !== home) continue;
    const runId = runIdFromLabels(labels, home) ?? "";
    found.push({ kind: "volume", name, runId, role: "volume", running: false });
  }
  return found;
}

function volumeDirectory(stateDir: string, name: string): string {
  if (!/^[A-Za-z0-9][A-Za-z0-9_.-]*$/.test(name)) {
    throw new MoatError(`Cannot use volume "${name}": it is not a plain name`);
  }
  return join(volumesDirectory(stateDir), name);
}

function readLabels(text: string | undefined): Readonly<Record<string, string>> {
  if (text === undefined) return {};
  const value: unknown = JSON.parse(text);
  if (typeof value !== "object" || value === null || !("labels" in value)) return {};
  const { labels } = value;
  if (typeof labels !== "object" || labels === null) return {};
  return Object.fromEntries(
    Object.entries(labels).filter((entry): entry is [string, string] =>
      typeof entry[1] === "string"
    ),
  );
}
