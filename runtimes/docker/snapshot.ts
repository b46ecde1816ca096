/**
 * Keeps what a stopped companion left as an image: the directory of one of its volumes on top of its
 * own image, or its whole file system.
 *
 * A directory is carried over by the engine, from one container that does not run into another: no
 * program sees it, and nothing else of the companion, such as its variables, gets into the image.
 *
 * @module
 */

import { posix } from "node:path";
import { MoatError } from "../../core/errors.ts";
import { LABEL } from "../../core/ids.ts";
import type { CallOptions, SnapshotImage } from "../../core/plugin/runtime.ts";
import { FILES_LABEL, snapshotLabels } from "./companion_body.ts";
import { isolationOf } from "./container_body.ts";
import { SLOW_MS } from "./create_container.ts";
import type { Engine } from "./engine.ts";
import { readContainer } from "./inspect_container.ts";
import { listAt, parseJson, textAt, textsAt } from "./json.ts";
import { putFiles } from "./put_files.ts";
import { removeResource } from "./remove_resource.ts";
import { tarOf } from "./tar.ts";

/** Seeded data may be large. */
const COPY_MS = 600_000;

/** Makes the image. */
export async function snapshotCompanion(
  engine: Engine,
  name: string,
  { image, options: { signal } = {} }: {
    readonly image: SnapshotImage;
    readonly options: CallOptions | undefined;
  },
): Promise<void> {
  const { ref, labels, directory } = image;
  const doing = `keep container "${name}" as image "${ref}"`;
  const container = await readContainer(engine, name, { signal });
  if (container === undefined) throw new MoatError(`Cannot ${doing}: it is not there`);
  if (directory !== undefined) {
    return await keepDirectory(engine, container, { name, ref, labels, directory, doing, signal });
  }
  if (isolationOf(textAt(container, "HostConfig", "Runtime") ?? "") === "gvisor") {
    throw new MoatError(`Cannot ${doing}: gVisor kept its files to itself`, {
      hint: "Keep a directory that is a volume",
    });
  }
  const ofContainer = textsAt(container, "Config", "Labels");
  const paths = listAt(parseJson(ofContainer[FILES_LABEL] ?? "")).map(String);
  await putFiles(engine, name, paths.map((path) => ({ path, content: "", mode: 0o600 })));
  await commit(engine, name, { ref, labels: snapshotLabels(ofContainer, labels), doing, signal });
}

interface Keeping {
  readonly ref: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly doing: string;
  readonly signal: AbortSignal | undefined;
}

async function keepDirectory(
  engine: Engine,
  container: unknown,
  { name, directory, ...keeping }: Keeping & { readonly name: string; readonly directory: string },
): Promise<void> {
  const { doing, signal } = keeping;
  const carrier = `${name}-kept`;
  const ofCarrier = { ...runLabelsOf(container), [LABEL.role]: "probe" };
  try {
    await engine.call({
      method: "POST",
      path: "/containers/create",
      query: { name: carrier },
      body: { Image: textAt(container, "Config", "Image") ?? "", Labels: ofCarrier },
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
    await commit(engine, carrier, {
      ...keeping,
      labels: snapshotLabels(ofCarrier, keeping.labels),
    });
  } finally {
    await removeResource(engine, { kind: "container", name: carrier });
  }
}

async function commit(
  engine: Engine,
  container: string,
  { ref, labels, doing, signal }: Keeping,
): Promise<void> {
  const [repo, tag] = splitRef(ref);
  await engine.call({
    method: "POST",
    path: "/commit",
    query: { container, repo, tag, pause: false },
    body: { Labels: labels },
    doing,
    timeoutMs: SLOW_MS,
    signal,
  });
}

/** What makes the carrier the run's, for whoever cleans up. */
function runLabelsOf(container: unknown): Record<string, string> {
  const labels = textsAt(container, "Config", "Labels");
  const { [LABEL.home]: home = "", [LABEL.runId]: runId = "" } = labels;
  return { [LABEL.home]: home, [LABEL.runId]: runId };
}

function archivePath(name: string): string {
  return `/containers/${encodeURIComponent(name)}/archive`;
}

function splitRef(ref: string): readonly [string, string] {
  const at = ref.lastIndexOf(":");
  return at > ref.lastIndexOf("/") ? [ref.slice(0, at), ref.slice(at + 1)] : [ref, "latest"];
}
