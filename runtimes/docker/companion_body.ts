/**
 * A companion as the engine wants it described. Pure.
 *
 * Its image decides who runs, how it is stopped and, unless the spec says so, what runs.
 *
 * @module
 */

import { LABEL } from "../../core/ids.ts";
import type { CompanionSpec } from "../../core/plugin/runtime.ts";
import { LOG_OPTIONS, networkingConfig, sharedHostConfig } from "./container_body.ts";

/** Names the files that a companion was given, so that a snapshot can leave their content out. */
export const FILES_LABEL = "moat.files";

/** The body of `POST /containers/create`. */
export function companionBody(spec: CompanionSpec): Record<string, unknown> {
  const tmpfs = spec.mounts.filter(({ kind }) => kind === "tmpfs");
  return {
    Image: spec.image ?? "",
    Hostname: spec.hostname,
    ...(spec.entrypoint === undefined ? {} : { Entrypoint: spec.entrypoint }),
    ...(spec.command === undefined ? {} : { Cmd: spec.command }),
    Env: Object.entries(spec.env).map(([name, value]) => `${name}=${value}`),
    Labels: { ...spec.labels, ...filesLabel(spec) },
    // The image's own would run beside moat's.
    Healthcheck: { Test: ["NONE"] },
    HostConfig: {
      ...sharedHostConfig(spec),
      NetworkMode: spec.network.name,
      Tmpfs: Object.fromEntries(tmpfs.map(({ target, readOnly }) => [
        target,
        `${readOnly ? "ro" : "rw"},mode=1777`,
      ])),
      LogConfig: { Type: "local", Config: LOG_OPTIONS },
    },
    ...networkingConfig(spec.network),
  };
}

/** Labels for an image made of a container with these labels: what was the container's is emptied. */
export function snapshotLabels(
  ofContainer: Readonly<Record<string, string>>,
  wanted: Readonly<Record<string, string>>,
): Record<string, string> {
  // Engines add the container's labels; containers of the image would pass for a run's.
  const ours = [...Object.values(LABEL), FILES_LABEL].filter((key) =>
    Object.hasOwn(ofContainer, key)
  );
  return { ...Object.fromEntries(ours.map((key) => [key, ""])), ...wanted };
}

function filesLabel({ files }: CompanionSpec): Record<string, string> {
  return files.length === 0 ? {} : { [FILES_LABEL]: JSON.stringify(files.map(({ path }) => path)) };
}
