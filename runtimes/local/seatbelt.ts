/**
 * The macOS sandbox profile of a run, as text for `sandbox-exec`. Pure.
 *
 * Paths are never written into the text: they are parameters (`-D NAME=path`), so no name of a file
 * can become a rule. Later rules win over earlier ones. Paths must be real ones: Seatbelt looks
 * at what a path means, not at how it is spelled.
 *
 * Not run on a Mac yet.
 *
 * @module
 */

import { dirname } from "node:path";

/** A directory or file of the run. */
export interface SeatbeltPath {
  /** Real path, absolute. */
  readonly path: string;
  readonly readOnly: boolean;
}

/** What a run may touch. */
export interface SeatbeltLayout {
  /** The project, mounts, the run's own home and temporary directory; later ones win. */
  readonly paths: readonly SeatbeltPath[];
  /** Real directories of tools, read-only. */
  readonly toolPaths: readonly string[];
  readonly network: "private" | "host" | "none";
}

/** A profile and the values of its parameters. */
export interface SeatbeltProfile {
  readonly text: string;
  readonly parameters: Readonly<Record<string, string>>;
}

/** What every program needs to start: the system itself, no one's data. */
const SYSTEM = [
  "/bin",
  "/sbin",
  "/usr",
  "/System",
  "/Library/Apple",
  "/Library/Developer/CommandLineTools",
  "/opt/homebrew",
  "/private/etc",
  "/private/var/db/dyld",
  "/private/var/db/timezone",
  "/private/var/select",
] as const;

/** Parts of the above that hold secrets. */
const SECRETS = [
  "/private/etc/master.passwd",
  "/private/etc/sudoers",
  "/private/etc/sudoers.d",
  "/private/etc/ssh",
  "/private/etc/ppp",
  "/private/etc/krb5.keytab",
] as const;

/** No terminals: the user's own is one of them. */
const DEVICES = ["null", "zero", "random", "urandom", "dtracehelper", "fd"] as const;

/** System services that name look-ups, users and TLS need. Nothing that starts programs. */
const SERVICES = [
  "com.apple.system.opendirectoryd.libinfo",
  "com.apple.system.opendirectoryd.membership",
  "com.apple.system.notification_center",
  "com.apple.system.logger",
  "com.apple.SystemConfiguration.configd",
  "com.apple.SystemConfiguration.DNSConfiguration",
  "com.apple.trustd.agent",
] as const;

const BASE = `(version 1)
(deny default)
(allow process-exec process-fork)
(allow process-info* (target same-sandbox))
(allow signal (target same-sandbox))
(allow sysctl-read)
(allow ipc-posix-sem)
(allow ipc-posix-shm-read-data ipc-posix-shm-write-data ipc-posix-shm-write-create)
(allow file-read-metadata file-test-existence (literal "/") (literal "/private") (literal "/dev"))
(allow file-read-metadata (literal "/etc") (literal "/var") (literal "/tmp"))`;

/** Outside only: the filter knows no address but "localhost". */
const PRIVATE_NETWORK = `(allow system-socket)
(allow network-outbound (remote ip "*:*"))
(deny network-outbound (remote ip "localhost:*"))
(allow network-outbound (literal "/private/var/run/mDNSResponder"))
(allow network-bind network-inbound (local ip "localhost:*"))`;

const HOST_NETWORK = `(allow system-socket)
(allow network*)`;

/** Generates the profile. @throws TypeError for a path that is not absolute, which is a bug */
export function seatbeltProfile(
  { paths, toolPaths, network }: SeatbeltLayout,
): SeatbeltProfile {
  const parameters = new Map<string, string>();
  const name = (path: string) => {
    if (!path.startsWith("/")) throw new TypeError(`Not an absolute path: ${path}`);
    const known = parameters.get(path) ?? `PATH_${parameters.size}`;
    parameters.set(path, known);
    return `(param "${known}")`;
  };
  const ancestors = [
    ...new Set([...toolPaths, ...paths.map(({ path }) => path)].flatMap(parentsOf)),
  ];
  const rules = [
    BASE,
    ...SERVICES.map((service) => `(allow mach-lookup (global-name "${service}"))`),
    ...SYSTEM.map((path) => `(allow file-read* (subpath "${path}"))`),
    ...SECRETS.map((path) => `(deny file-read* file-write* (subpath "${path}"))`),
    ...DEVICES.map((device) => `(allow file-read* file-write* (subpath "/dev/${device}"))`),
    // Only that they are there, so that a path can be walked; never what is beside it.
    ...ancestors.map((path) => `(allow file-read-metadata (literal ${name(path)}))`),
    ...toolPaths.map((path) => `(allow file-read* (subpath ${name(path)}))`),
    ...paths.flatMap((entry) => pathRules(entry, { paths, name })),
    ...(network === "none" ? [] : [network === "host" ? HOST_NETWORK : PRIVATE_NETWORK]),
  ];
  return {
    text: `${rules.join("\n")}\n`,
    parameters: Object.fromEntries([...parameters].map(([path, known]) => [known, path])),
  };
}

/** Rules of one path; what lies inside another one cannot be moved aside with its parents. */
function pathRules(
  { path, readOnly }: SeatbeltPath,
  { paths, name }: {
    readonly paths: readonly SeatbeltPath[];
    readonly name: (path: string) => string;
  },
): readonly string[] {
  const holders = paths.filter((other) => !other.readOnly && path.startsWith(`${other.path}/`));
  const between = parentsOf(path).filter((parent) =>
    holders.some((holder) => parent.startsWith(`${holder.path}/`))
  );
  const pinned = holders.length === 0 ? [] : [...between, path];
  return [
    readOnly
      ? `(allow file-read* (subpath ${name(path)}))\n(deny file-write* (subpath ${name(path)}))`
      : `(allow file-read* file-write* (subpath ${name(path)}))`,
    ...pinned.map((each) => `(deny file-write-unlink (literal ${name(each)}))`),
  ];
}

/** Directories above a path, without the root. */
function parentsOf(path: string): readonly string[] {
  const parent = dirname(path);
  return parent === "/" || parent === path ? [] : [...parentsOf(parent), parent];
}
