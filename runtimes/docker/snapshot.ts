/**
 * Keeps a directory that a stopped companion left on a volume as an image: its own image with that
 * directory on top.
 *
 * The engine carries the directory over from one container that does not run into another: no program
 * sees it, and nothing else of the companion, such as its files with secrets, gets into the image.
 * What lies on no volume could not be kept: gVisor has it in the sandbox alone.
 *
 * @module
 */

import { posix } from "node:path";
import { MoatError } from "../../core/errors.ts";
import { LABEL } from "../../core/ids.ts";
import type { CallOptions, SnapshotImage } from "../../core/plugin/runtime.ts";
import { SLOW_MS } from "./create_container.ts";
import type { Engine } from "./engine.ts";
import { readContainer } from "./inspect_container.ts";
import { textAt, textsAt } from "./json.ts";
import { removeResource } from "./remove_resource.ts";
import { tarOf } from "./tar.ts";

/** Seeded data may be large. */
const COPY_MS = 600_000;

/** Makes the image. */
export async function snapshotCompanion(
  engine: Engine,
  name: string,
  { image: { ref, labels, directory }, options: { signal } = {} }: {
    readonly image: SnapshotImage;
    readonly options: CallOptions | undefined;
  },
): Promise<void> {
  const doing = `keep container "${name}" as image "${ref}"`;
  const container = await readContainer(engine, name, { signal });
  if (container === undefined) throw new MoatError(`Cannot ${doing}: it is not there`);
  const carrier = `${name}-kept`;
  try {
    await engine.call({
      method: "POST",
      path: "/containers/create",
      query: { name: carrier },
      body: { Image: textAt(container, "Config", "Image") ?? "", Labels: carrierLabels(container) },
      doing,
      timeoutMs: SLOW_MS,
    });
    signal?.throwIfAborted();
    // Engines make what is missing above it; its owner and mode come with the archive.
    await engine.call({
      method: "PUT",
      path: archivePath(carrier),
      query: { path: "/" },
      body: tarOf([{ path: directory.replace(/^\/+/, ""), mode: 0o700, content: undefined }]),
      doing,
      timeoutMs: SLOW_MS,
      signal,
    });
    const archive = await engine.stream({
      method: "GET",
      path: archivePath(name),
      query: { path: directory },
      doing,
      timeoutMs: SLOW_MS,
      signal,
    });
    await engine.call({
      method: "PUT",
      path: archivePath(carrier),
      query: { path: posix.dirname(directory) },
      body: archive,
      doing,
      timeoutMs: COPY_MS,
      signal,
    });
    const [repo, tag] = splitRef(ref);
    await engine.call({
      method: "POST",
      path: "/commit",
      query: { container: carrier, repo, tag, pause: false },
      // Engines add the container's labels: a container of the image would pass for the run's.
      body: { Labels: { ...NO_RUN, ...labels } },
      doing,
      timeoutMs: SLOW_MS,
      signal,
    });
  } finally {
    await removeResource(engine, { kind: "container", name: carrier });
  }
}

const NO_RUN = { [LABEL.home]: "", [LABEL.runId]: "", [LABEL.role]: "" };

/** What makes the carrier the run's, for whoever cleans up. */
function carrierLabels(container: unknown): Record<string, string> {
  const labels = textsAt(container, "Config", "Labels");
  const { [LABEL.home]: home = "", [LABEL.runId]: runId = "" } = labels;
  return { [LABEL.home]: home, [LABEL.runId]: runId, [LABEL.role]: "probe" };
}

function archivePath(name: string): string {
  return `/containers/${encodeURIComponent(name)}/archive`;
}

function splitRef(ref: string): readonly [string, string] {
  const at = ref.lastIndexOf(":");
  return at > ref.lastIndexOf("/") ? [ref.slice(0, at), ref.slice(at + 1)] : [ref, "latest"];
}
