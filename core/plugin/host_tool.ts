/**
 * Finds a dependency among the host's own tools: is it there, is it the version asked for, and
 * which directories must be seen inside.
 *
 * @module
 */

import type { DependencyEntry, HostFinding, HostProbe } from "./contribution.ts";
import { isOfLine } from "./dependency_version.ts";

/** How a tool is found. */
export interface HostTool {
  /** Programs it brings; the first one says the version. */
  readonly commands: readonly string[];
  /** @default ["--version"] */
  readonly versionArgs?: readonly string[];
  /** How to get it, where the package of the same name is not it. */
  readonly hint?: string;
  /**
   * Prints the directory that the tool really lives in, where its program is only a shim of a
   * version manager: program and arguments.
   */
  readonly home?: readonly [program: string, ...args: string[]];
}

/** The entry in question and the means to look. */
export interface FindToolOptions {
  readonly entry: DependencyEntry;
  readonly probe: HostProbe;
}

/** Directories that every sandbox shows anyway. */
const SHOWN = ["/usr", "/bin", "/sbin", "/lib", "/lib64", "/opt/homebrew", "/System"];
/** Directories that are on every sandbox's PATH. */
const ON_PATH = ["/usr/local/bin", "/usr/bin", "/bin", "/usr/local/sbin", "/usr/sbin", "/sbin"];

/** Looks for a tool on the host. */
export async function findTool(
  { commands, versionArgs = ["--version"], hint, home }: HostTool,
  { entry, probe }: FindToolOptions,
): Promise<HostFinding> {
  const [main = entry.id] = commands;
  const getIt = hint ?? installHint(main, probe.os);
  const found = await Promise.all(commands.map((command) => probe.which(command)));
  const missing = commands.filter((_, index) => found[index] === undefined);
  if (missing.length > 0) {
    return {
      kind: "missing",
      reason: `there is no ${missing.join(" and no ")} on this machine`,
      hint: getIt,
    };
  }
  const line = await probe.firstLine(main, versionArgs);
  const version = line === undefined ? undefined : versionIn(line);
  const wanted = entry.requested?.replace(/^[v^~]/, "");
  if (wanted !== undefined && /^[0-9]/.test(wanted)) {
    if (version === undefined) {
      return { kind: "missing", reason: `${main} does not say its version`, hint: getIt };
    }
    if (!isOfLine(version, wanted)) {
      return {
        kind: "missing",
        reason: `this machine has ${main} ${version}, not ${wanted}`,
        hint: getIt,
      };
    }
  }
  const placed = await Promise.all(commands.map(async (command, index): Promise<Program> => ({
    path: found[index] ?? "",
    directory: await probe.directoryOf(command) ?? "",
  })));
  const homeDirectory = home === undefined
    ? undefined
    : await probe.firstLine(home[0], home.slice(1));
  return {
    kind: "found",
    ...(version === undefined ? {} : { version }),
    ...(homeDirectory?.startsWith("/") ? placesOfHome(homeDirectory) : placesOfPrograms(placed)),
  };
}

/** The first thing in a line that looks like a version. */
export function versionIn(line: string): string | undefined {
  return /(?<![0-9A-Za-z.])(?:v|go)?([0-9]+(?:\.[0-9]+)+(?:-[0-9A-Za-z.]+)?)/.exec(line)?.[1] ??
    /(?<![0-9A-Za-z.])v?([0-9]+)(?![0-9A-Za-z.])/.exec(line)?.[1];
}

/** A program: its real path, and the directory on PATH that has it or a link to it. */
interface Program {
  readonly path: string;
  readonly directory: string;
}

/** What must be mounted, and which directories must come before PATH. */
interface Places {
  readonly paths: readonly string[];
  readonly bin: readonly string[];
}

function placesOfHome(home: string): Places {
  const bin = `${home}/bin`;
  return { paths: isShown(home) ? [] : [home], bin: ON_PATH.includes(bin) ? [] : [bin] };
}

/** The trees of the programs: where the links are, and what they lead to. */
function placesOfPrograms(programs: readonly Program[]): Places {
  const bin = unique(programs.map(({ directory }) => directory));
  const trees = programs.flatMap(({ path, directory }) => {
    const tree = treeOf(directory);
    return path.startsWith(`${tree}/`) ? [tree] : [tree, treeOf(parentOf(path))];
  });
  return {
    paths: unique(trees.filter((tree) => !isShown(tree))),
    bin: bin.filter((directory) => !ON_PATH.includes(directory)),
  };
}

/** The whole of a tool, given its directory of programs; never a whole home. */
function treeOf(directory: string): string {
  if (!/\/(?:bin|shims)$/.test(directory)) return directory;
  const tree = parentOf(directory);
  const isTooMuch = /^\/(?:root|home\/[^/]+|Users\/[^/]+)?(?:\/\.local)?$/.test(tree);
  return isTooMuch ? directory : tree;
}

function unique(items: readonly string[]): readonly string[] {
  return [...new Set(items)];
}

function isShown(path: string): boolean {
  return SHOWN.some((shown) => path === shown || path.startsWith(`${shown}/`));
}

function parentOf(path: string): string {
  return path.slice(0, Math.max(1, path.lastIndexOf("/")));
}

function installHint(command: string, os: HostProbe["os"]): string {
  return os === "darwin"
    ? `Install it with \`brew install ${command}\`, or use --runtime docker`
    : `Install it with your package manager, or use --runtime docker`;
}
