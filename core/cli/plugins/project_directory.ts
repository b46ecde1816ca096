/**
 * The project that `moat plugin` works on: the current directory, checked as for a run.
 *
 * @module
 */

import type { Context } from "../../context.ts";
import { inspectProject } from "../../run/inspect_project.ts";

/** Its absolute path. @throws UsageError when it must not be a project */
export async function projectDirectory(
  { cwd, env, paths }: Pick<Context, "cwd" | "env" | "paths">,
): Promise<string> {
  const { path } = await inspectProject(undefined, {
    cwd,
    userHome: env.HOME,
    moatHome: paths.home,
  });
  return path;
}
