/**
 * What a plugin that is code may have of this machine: declared in its manifest, shown before it is
 * accepted, and all that its sandbox has.
 *
 * @module
 */

/** Declared permissions; what is absent is not had. */
export interface ManifestPermissions {
  /** Absolute paths that it sees, read-only, where they are. */
  readonly read?: readonly string[];
  /** Places that it may write; there is one, a directory of its own. */
  readonly write?: readonly "cache"[];
  /** Servers that it may connect to, such as `example.org:443`. */
  readonly net?: readonly string[];
  /** Programs of this machine that it may run, inside its sandbox. */
  readonly run?: readonly string[];
  /** Variables of moat's own environment that it gets. */
  readonly env?: readonly string[];
}

/** For people: one phrase for each kind, first what it is reached by. */
export function describePermissions(permissions: ManifestPermissions = {}): readonly string[] {
  const { read = [], write = [], net = [], run = [], env = [] } = permissions;
  const named = (doing: string, names: readonly string[]) =>
    names.length === 0 ? [] : [`${doing} ${names.join(", ")}`];
  return [
    net.length === 0
      ? "runs code on this machine, in a sandbox without a network"
      : "runs code on this machine, in a sandbox",
    ...named("connects to", net.map(serverOf)),
    ...named("reads", read),
    ...(write.length === 0 ? [] : ["keeps files in a directory of its own"]),
    ...named("runs", run),
    ...named("gets the variables", env),
  ];
}

/** A declared server with its port: 443 where it names none. */
export function serverOf(text: string): string {
  return text.includes(":") ? text : `${text}:443`;
}

/** The permissions of a manifest; `null` where nothing of it is code. */
export function permissionsOf(
  { entry, permissions = {} }: {
    readonly entry?: string;
    readonly permissions?: ManifestPermissions;
  },
): ManifestPermissions | null {
  return entry === undefined ? null : permissions;
}

/** Whether two plugins may do the same, in whatever order it is declared. */
export function samePermissions(
  one: ManifestPermissions | undefined,
  other: ManifestPermissions | undefined,
): boolean {
  return canonical(one) === canonical(other);
}

/** As it is compared and kept: sorted, without what is empty; `undefined` when nothing is left. */
export function sortedPermissions(
  permissions: ManifestPermissions = {},
): ManifestPermissions | undefined {
  const { read = [], write = [], net = [], run = [], env = [] } = permissions;
  const sorted = {
    ...(net.length === 0 ? {} : { net: net.map(serverOf).toSorted() }),
    ...(read.length === 0 ? {} : { read: read.toSorted() }),
    ...(write.length === 0 ? {} : { write }),
    ...(run.length === 0 ? {} : { run: run.toSorted() }),
    ...(env.length === 0 ? {} : { env: env.toSorted() }),
  };
  return Object.keys(sorted).length === 0 ? undefined : sorted;
}

function canonical(permissions: ManifestPermissions | undefined): string {
  return JSON.stringify(sortedPermissions(permissions) ?? {});
}
