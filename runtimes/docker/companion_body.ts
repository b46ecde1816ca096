/**
 * A companion as the engine wants it described. Pure.
 *
 * Its image decides who runs, how it is stopped and, unless the spec says so, what runs.
 *
 * @module
 */

import type { CompanionSpec } from "../../core/plugin/runtime.ts";
import { LOG_OPTIONS, networkingConfig, sharedHostConfig } from "./container_body.ts";

/** The body of `POST /containers/create`. */
export function companionBody(spec: CompanionSpec): Record<string, unknown> {
  const tmpfs = spec.mounts.filter(({ kind }) => kind === "tmpfs");
  return {
    Image: spec.image ?? "",
    Hostname: spec.hostname,
    ...(spec.entrypoint === undefined ? {} : { Entrypoint: spec.entrypoint }),
    ...(spec.command === undefined ? {} : { Cmd: spec.command }),
    Env: Object.entries(spec.env).map(([name, value]) => `${name}=${value}`),
    Labels: spec.labels,
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
