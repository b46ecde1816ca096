/**
 * A mount as text: `source:target`, `source:target:ro`, `source:target:rw`.
 *
 * Pure; the source is looked up by `resolve_mount.ts`.
 *
 * @module
 */

import { posix } from "node:path";
import { UsageError } from "../errors.ts";
import type { ConfigMount } from "./project_config.ts";

/** Why a mount cannot be used; `state` goes behind a colon. */
export interface MountProblem {
  readonly kind: "problem";
  readonly state: string;
  readonly hint: string;
}

const FORM = "Write it as ./data:/data or ./data:/data:ro";

/** Parses what stands behind `--mount`. @throws UsageError */
export function parseMount(text: string): ConfigMount {
  const result = splitMount(text);
  if (result.kind === "mount") return result.mount;
  throw new UsageError(`Cannot mount "${text}": it ${result.state}`, { hint: result.hint });
}

/** Parses the text form, or says why it is none. */
export function splitMount(
  text: string,
): { readonly kind: "mount"; readonly mount: ConfigMount } | MountProblem {
  const parts = text.split(":");
  const [source = "", target = "", mode = "rw"] = parts;
  if (parts.length < 2 || parts.length > 3) return problem("is not source:target", FORM);
  if (mode !== "ro" && mode !== "rw") {
    return problem(`has the mode "${mode}"`, "End it with :ro or :rw");
  }
  if (source === "") return problem("has no source", FORM);
  const bad = targetProblem(target);
  if (bad !== undefined) return bad;
  const readOnly = mode === "ro";
  return {
    kind: "mount",
    mount: { source, target: normalizeTarget(target), readOnly, exclude: [] },
  };
}

/** Why a path inside cannot be a target; `undefined` when it can. */
export function targetProblem(target: string): MountProblem | undefined {
  if (!target.startsWith("/")) {
    return problem("has a target that is not an absolute path", FORM);
  }
  if (target.split("/").includes("..")) {
    return problem('has a target with ".."', "Write the target without ..");
  }
  // deno-lint-ignore no-control-regex
  if (/[\u0000-\u001f\u007f]/.test(target)) {
    return problem("has a target with control characters", FORM);
  }
  const path = normalizeTarget(target);
  if (path === "/") return problem("has / as its target", "Mount it below /, such as at /data");
  if (path === "/workspace") {
    return problem("has /workspace as its target, which is the project", "Choose another target");
  }
  if (/^\/(proc|sys|dev)$|^\/(proc|sys)\//.test(path)) {
    return problem(
      `has ${path} as its target, which the run's system needs`,
      "Choose another target",
    );
  }
  return undefined;
}

/** The target with neither doubled nor trailing slashes. */
export function normalizeTarget(target: string): string {
  const path = posix.normalize(target);
  return path.length > 1 && path.endsWith("/") ? path.slice(0, -1) : path;
}

function problem(state: string, hint: string): MountProblem {
  return { kind: "problem", state, hint };
}
