/**
 * Targets of runtimes from elsewhere: which files, and which engine they name. Pure.
 *
 * The digest is part of it because a stored run is asked for by its target alone, in any directory,
 * also after the project has another version of the plugin, or none.
 *
 * @module
 */

/** A target's parts. */
export interface RuntimeTargetParts {
  /** `sha256:` and 64 hex digits. */
  readonly digest: string;
  /** As the executable named its engine. */
  readonly engine: string;
}

const TARGET = /^plugin:(sha256:[0-9a-f]{64}):(.+)$/s;

/** As a run's record keeps it. */
export function formatRuntimeTarget({ digest, engine }: RuntimeTargetParts): string {
  return `plugin:${digest}:${engine}`;
}

/** The parts, or `undefined` for a target of moat's own runtimes. */
export function parseRuntimeTarget(target: string): RuntimeTargetParts | undefined {
  const [, digest, engine] = TARGET.exec(target) ?? [];
  return digest === undefined || engine === undefined ? undefined : { digest, engine };
}
