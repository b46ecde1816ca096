/**
 * Which paths of a project a run must not change, as they decide what later runs or git will do.
 *
 * @module
 */

import { dirname } from "node:path";

/** Files in a project that decide what its runs may do. */
const PROTECTED = ["moat.yaml", "moat.lock", "agent.yaml", ".git"] as const;

/** Says whether something mounted from the path could change one of them. Real paths only. */
export function touchesProtected(path: string, project: string): boolean {
  if (path === project) return true;
  return PROTECTED.some((name) => isWithin(path, `${project}/${name}`));
}

/** Says whether the path is the directory or below it. Normalised absolute paths only. */
export function isWithin(path: string, directory: string): boolean {
  for (let above = path;; above = dirname(above)) {
    if (above === directory) return true;
    if (above === dirname(above)) return false;
  }
}
