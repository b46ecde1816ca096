/**
 * Mounts that keep a run from changing what later runs and the host's git will do. Pure.
 *
 * A read-only directory alone falls to `mv .git elsewhere`; a mount point cannot be moved, so
 * `.git` is one. What does not exist is not made: see `project_guard.ts`. Links are never mounted,
 * as they could name any place of the machine.
 *
 * @module
 */

import type { Mount } from "../plugin/runtime.ts";
import type { RunRequest } from "../run/request.ts";

/** The mounts, each behind the one that holds it; `workspace` is the project's path inside. */
export function protectedMounts(
  { project, allowConfigWrite }: RunRequest,
  workspace: string,
): readonly Mount[] {
  const common = project.gitCommonDir;
  const repository = common === undefined ? [] : [bind(common, common, false)];
  if (allowConfigWrite) return repository;
  const inProject = (name: string, readOnly: boolean) =>
    bind(`${project.path}/${name}`, `${workspace}/${name}`, readOnly);
  return [
    ...project.configFiles.map((name) => inProject(name, true)),
    ...(project.gitFile ? [inProject(".git", true)] : []),
    ...(project.hasGit ? [inProject(".git", false)] : []),
    ...(project.hasGit && project.gitHooks ? [inProject(".git/hooks", true)] : []),
    ...repository,
    ...(common !== undefined && project.gitHooks
      ? [bind(`${common}/hooks`, `${common}/hooks`, true)]
      : []),
  ];
}

function bind(source: string, target: string, readOnly: boolean): Mount {
  return { kind: "bind", source, target, readOnly };
}
