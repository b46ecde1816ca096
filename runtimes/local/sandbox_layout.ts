/**
 * What a sandbox is made of, as pure data: the mounts in their order, the ids, the namespaces.
 *
 * Both backends carry out the same layout. Everything is an allow list on an empty root: what is
 * not named here does not exist inside.
 *
 * @module
 */

import { join, normalize } from "node:path/posix";
import type { ContainerSpec, Mount } from "../../core/plugin/runtime.ts";
import { authorityFiles } from "./authority_files.ts";
import { GENERATED_ETC } from "./etc_files.ts";
import type { HostFiles } from "./host_files.ts";
import { RELAY_TARGET, relayDirectory } from "./network/contract.ts";
import type { Wall } from "./walls.ts";

/** One step of building the root; carried out in order. */
export type Operation =
  | { readonly kind: "directory"; readonly target: string; readonly mode: string }
  | { readonly kind: "link"; readonly target: string; readonly text: string }
  /** Recursive; the host's nosuid, nodev and read-only flags stay and are added to. */
  | { readonly kind: "bind" | "bind-read-only"; readonly source: string; readonly target: string }
  | { readonly kind: "tmpfs"; readonly target: string; readonly mode: string }
  | { readonly kind: "proc"; readonly target: "/proc" }
  /** Seven nodes, a devpts of its own, /dev/shm. */
  | { readonly kind: "devices"; readonly target: "/dev" }
  /** Something below /proc that must not be written. */
  | { readonly kind: "read-only"; readonly target: string }
  /** Something below /proc that must not be read. */
  | { readonly kind: "mask"; readonly target: string }
  /** Makes the mount at the target read-only, and not those below it. */
  | { readonly kind: "seal"; readonly target: string };

/** A sandbox to build. */
export interface SandboxLayout {
  readonly operations: readonly Operation[];
  readonly uid: number;
  readonly gid: number;
  readonly hostname: string;
  /** A network namespace made for it; otherwise it stays in the one it is started in. */
  readonly privateNetwork: boolean;
  /** Root's sandbox for another user: its files are that user's on the host as well. */
  readonly switchesUser: boolean;
  /** The sandbox ends with the process that started it. */
  readonly attached: boolean;
  /** Walls that a test takes out; empty for users. */
  readonly without: readonly Wall[];
}

/** Options of {@linkcode layoutSandbox}. */
export interface LayoutOptions {
  /** The sandbox's own state directory. */
  readonly directory: string;
  /** Where volumes are kept. */
  readonly volumes: string;
  readonly host: HostFiles;
  /** It is started in the namespace that the run shares with its services. */
  readonly sharesNetwork?: boolean;
  /** See {@linkcode SandboxLayout.switchesUser}. */
  readonly switchesUser?: boolean;
  /** A service's own: it has the files, and nothing of the run's. */
  readonly companion?: CompanionLayout;
  readonly without?: readonly Wall[];
}

/** What a service's sandbox has besides. */
export interface CompanionLayout {
  /** Files of the sandbox's directory, by the path where they are shown. */
  readonly files: readonly { readonly source: string; readonly target: string }[];
}

/** The home directory inside. */
export const HOME = "/home/moatuser";

/** Plans the sandbox of a spec. Pure. */
export function layoutSandbox(
  spec: ContainerSpec,
  {
    directory,
    volumes,
    host,
    sharesNetwork = false,
    switchesUser = false,
    companion,
    without = [],
  }: LayoutOptions,
): SandboxLayout {
  const has = (wall: Wall) => !without.includes(wall);
  const hasOwnNetwork = spec.network.kind !== "host";
  return {
    operations: [
      ...systemOperations(host, has),
      ...etcOperations(host, { directory, has }),
      ...deviceOperations(host, has),
      { kind: "tmpfs", target: "/tmp", mode: "1777" },
      { kind: "tmpfs", target: HOME, mode: "0755" },
      ...toolOperations(spec.toolPaths, has),
      ...mountOperations(spec.mounts, { volumes, directory }),
      ...[...authorityFiles(spec.authority, directory), ...(companion?.files ?? [])].map((
        file,
      ): Operation => ({ kind: "bind-read-only", ...file })),
      ...(hasRelay(spec) && companion === undefined
        ? [
          {
            kind: "bind-read-only",
            source: relayDirectory(directory),
            target: RELAY_TARGET,
          } as const,
        ]
        : []),
      ...(has("sealed root") ? [{ kind: "seal", target: "/" } as const] : []),
    ],
    uid: spec.uid,
    gid: spec.gid,
    hostname: spec.hostname,
    privateNetwork: hasOwnNetwork && !sharesNetwork,
    switchesUser,
    attached: !spec.detached,
    without,
  };
}

function hasRelay({ network }: ContainerSpec): boolean {
  return network.kind === "own" || (network.kind === "none" && network.reach !== undefined);
}

function systemOperations(host: HostFiles, has: (wall: Wall) => boolean): readonly Operation[] {
  const kind = has("read-only system") ? "bind-read-only" : "bind";
  const shown: readonly Operation[] = has("hidden host")
    ? []
    : host.hidden.map((path) => ({ kind: "bind-read-only", source: path, target: path }));
  return [
    { kind, source: "/usr", target: "/usr" },
    ...host.systemLinks.map(({ target, text }): Operation => ({ kind: "link", target, text })),
    ...host.systemDirectories.map((path): Operation => ({ kind, source: path, target: path })),
    ...shown,
  ];
}

function etcOperations(
  host: HostFiles,
  { directory, has }: { readonly directory: string; readonly has: (wall: Wall) => boolean },
): readonly Operation[] {
  if (!has("allowed etc")) return [{ kind: "bind-read-only", source: "/etc", target: "/etc" }];
  return [
    { kind: "directory", target: "/etc", mode: "0755" },
    ...host.etcLinks.map(({ target, text }): Operation => ({ kind: "link", target, text })),
    ...host.etcPaths.map((path): Operation => ({
      kind: "bind-read-only",
      source: path,
      target: path,
    })),
    ...GENERATED_ETC.map((name): Operation => ({
      kind: "bind-read-only",
      source: join(directory, "etc", name),
      target: join("/etc", name),
    })),
  ];
}

function deviceOperations(host: HostFiles, has: (wall: Wall) => boolean): readonly Operation[] {
  return [
    // Without process ids of its own the kernel refuses a new /proc.
    has("processes")
      ? { kind: "proc", target: "/proc" }
      : { kind: "bind", source: "/proc", target: "/proc" },
    ...(has("read-only proc")
      ? host.procReadOnly.map((target): Operation => ({ kind: "read-only", target }))
      : []),
    ...(has("masked proc")
      ? host.procMasked.map((target): Operation => ({ kind: "mask", target }))
      : []),
    has("devices")
      ? { kind: "devices", target: "/dev" }
      : { kind: "bind", source: "/dev", target: "/dev" },
    ...(has("devices") && has("sealed root") ? [{ kind: "seal", target: "/dev" } as const] : []),
  ];
}

/** Tools below /usr are there already; one inside another needs no mount. */
function toolOperations(
  paths: readonly string[],
  has: (wall: Wall) => boolean,
): readonly Operation[] {
  const kind = has("read-only system") ? "bind-read-only" : "bind";
  const sorted = [...new Set(paths.map((path) => normalize(path).replace(/(.)\/$/, "$1")))].sort();
  const outer = sorted.filter((path) =>
    !isBelow(path, "/usr") && !sorted.some((other) => other !== path && isBelow(path, other))
  );
  return outer.map((path) => ({ kind, source: path, target: path }));
}

/** Mounts in the order of their depth, so that none hides another. */
function mountOperations(
  mounts: readonly Mount[],
  places: { readonly volumes: string; readonly directory: string },
): readonly Operation[] {
  const depth = ({ target }: Mount) => normalize(target).split("/").length;
  return mounts.toSorted((a, b) => depth(a) - depth(b)).map((mount): Operation => {
    const target = normalize(mount.target).replace(/(.)\/$/, "$1");
    const kind = mount.readOnly ? "bind-read-only" : "bind";
    switch (mount.kind) {
      case "bind":
        return { kind, source: mount.source, target };
      case "volume":
        return { kind, source: volumeSource(mount, places), target };
      case "tmpfs":
        return { kind: "tmpfs", target, mode: "0755" };
    }
  });
}

/** Where a volume is kept; one without a name goes with its sandbox. */
export function volumeSource(
  { source, target }: Mount,
  { volumes, directory }: { readonly volumes: string; readonly directory: string },
): string {
  if (source !== "") return join(volumes, source, "data");
  return join(directory, "volumes", encodeURIComponent(normalize(target)));
}

function isBelow(path: string, directory: string): boolean {
  return path === directory || path.startsWith(`${directory}/`);
}
