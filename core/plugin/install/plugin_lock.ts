/**
 * `moat.lock`, beside moat.yaml and committed with it: which plugins this project uses, exactly.
 *
 * Written by `moat plugin`, sorted by id, so that two people's changes merge. It says what is meant;
 * what may run on a machine is kept in MOAT_HOME (see `plugin_store.ts`).
 *
 * @module
 */

import { join } from "node:path";
import { parseYaml, readYamlText } from "../../config/read_yaml.ts";
import type { PluginKind } from "../manifest_kinds.ts";
import { type ManifestPermissions, sortedPermissions } from "../permissions.ts";
import { parseWrittenLock } from "./parse_written_lock.ts";

/** The file's name. */
export const LOCK_FILE = "moat.lock";

/** One plugin of the project. */
export interface LockedPlugin {
  readonly id: string;
  readonly kind: PluginKind;
  /** Exact version; of a built-in one the version that its entry resolved to, if it has versions. */
  readonly version?: string;
  /** `builtin`, or the text under `plugins:` of moat.yaml. */
  readonly source: string;
  /** Of the plugin's files; absent for built-in ones, which are part of moat. */
  readonly digest?: string;
  /** What its code may have, so that a change of it is read where changes are read. */
  readonly permissions?: ManifestPermissions;
  /** What was in its place before the last update, for `moat plugin rollback`. */
  readonly previous?: {
    readonly version?: string;
    readonly source: string;
    readonly digest: string;
    readonly permissions?: ManifestPermissions;
  };
}

/** `source` of what is part of moat. */
export const BUILTIN = "builtin";

/** Reads the lock of a project; empty when there is none. @throws ConfigError */
export async function readLock(project: string): Promise<readonly LockedPlugin[]> {
  const file = join(project, LOCK_FILE);
  const text = await readYamlText(file);
  if (text === undefined) return [];
  const written = parseWrittenLock(text);
  if (written !== undefined) return written;
  const [{ validate }, { LOCK_SCHEMA }] = await Promise.all([
    import("../../config/validate.ts"),
    import("./lock_schema.ts"),
  ]);
  const yaml = await parseYaml(file, text, {
    verbatim: [["plugins", "*", "version"], ["plugins", "*", "previous", "version"]],
  });
  const { plugins } = validate(LOCK_SCHEMA, yaml);
  return Object.entries(plugins).map(([id, plugin]) => ({ id, ...plugin }))
    .toSorted((a, b) => a.id < b.id ? -1 : 1);
}

/**
 * The lock as it counts beside the sources of moat.yaml. moat.lock is written first: where an update
 * was cut off after that, moat.yaml still names the source of before, and so that is what holds. Pure.
 */
export function settleLock(
  locked: readonly LockedPlugin[],
  sources: readonly string[],
): readonly LockedPlugin[] {
  return locked.map((plugin) => {
    const { id, kind, source, previous } = plugin;
    const isCutOff = previous !== undefined && !sources.includes(source) &&
      sources.includes(previous.source);
    return isCutOff ? { id, kind, ...previous } : plugin;
  });
}

/** The lock's text. Pure; the order of `plugins` does not matter. */
export async function formatLock(plugins: readonly LockedPlugin[]): Promise<string> {
  const { stringify } = await import("yaml");
  const sorted = plugins.toSorted((a, b) => a.id < b.id ? -1 : 1);
  const body = {
    lock: 1,
    plugins: Object.fromEntries(sorted.map(({ id, kind, previous, ...exact }) => [
      id,
      {
        kind,
        ...exactly(exact),
        ...(previous === undefined ? {} : { previous: exactly(previous) }),
      },
    ])),
  };
  return `# Written by moat plugin; commit it.\n${stringify(body, { lineWidth: 0 })}`;
}

/** The fields in their order. */
function exactly(
  { version, source, digest, permissions }: Omit<LockedPlugin, "id" | "kind" | "previous">,
): Omit<LockedPlugin, "id" | "kind" | "previous"> {
  return {
    ...(version === undefined ? {} : { version }),
    source,
    ...(digest === undefined ? {} : { digest }),
    ...(permissions === undefined ? {} : { permissions }),
  };
}

/** The permissions of a plugin as the lock keeps them. */
export function lockedPermissions(
  permissions: ManifestPermissions | undefined,
): Pick<LockedPlugin, "permissions"> {
  const sorted = sortedPermissions(permissions);
  return sorted === undefined ? {} : { permissions: sorted };
}
