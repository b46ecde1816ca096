/**
 * Containers and commands as an executable is told of them: exact words, users and variables, so
 * that it needs to know nothing of moat's init, hooks and secrets. Pure.
 *
 * Secrets are in it: they go to the executable's standard input and nowhere else.
 *
 * @module
 */

import { readInit } from "../../image/init.ts";
import { INIT_COMMAND, INIT_VARIABLES, initEnvironment } from "../../image/init_environment.ts";
import { keptVariables, secretFiles, WITH_SECRETS } from "../../image/secret_env.ts";
import type {
  CompanionFile,
  CompanionSpec,
  ContainerSpec,
  ExecSpec,
  Isolation,
  Limits,
  Mount,
  TerminalSize,
} from "../runtime.ts";

/** A user and a group inside. */
export interface WireUser {
  readonly uid: number;
  readonly gid: number;
}

/** What `create` is given. */
export interface WireContainer {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** `null` where there are no images. */
  readonly image: string | null;
  /** `null`: the engine's own choice. */
  readonly isolation: Isolation | null;
  /** `null`: the image's own. */
  readonly entrypoint: readonly string[] | null;
  /** Follows the entry point; empty: the image's own. */
  readonly command: readonly string[];
  /** `null`: the image's own. */
  readonly user: WireUser | null;
  readonly workdir: string | null;
  readonly env: Readonly<Record<string, string>>;
  readonly files: readonly Required<CompanionFile>[];
  readonly hostname: string;
  readonly mounts: readonly Mount[];
  readonly network: ContainerSpec["network"];
  readonly dns: readonly string[];
  readonly hosts: ContainerSpec["hosts"];
  readonly groups: readonly number[];
  readonly toolPaths: readonly string[];
  readonly privileged: boolean;
  readonly limits: Limits;
  readonly tty: boolean;
  readonly stdin: boolean;
  readonly detached: boolean;
  readonly size: TerminalSize | null;
}

/** What `exec` is given. */
export interface WireExec {
  readonly name: string;
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly user: WireUser;
  readonly workdir: string;
  readonly tty: boolean;
  readonly stdin: boolean;
  readonly size: TerminalSize | null;
}

/** A run's container. On an image moat's init is its first process, and becomes the run's user. */
export function wireContainer(spec: ContainerSpec): WireContainer {
  const shared = {
    name: spec.name,
    labels: spec.labels,
    isolation: spec.isolation,
    hostname: spec.hostname,
    mounts: spec.mounts,
    network: spec.network,
    dns: spec.dns,
    hosts: spec.hosts,
    groups: spec.groups,
    toolPaths: spec.toolPaths,
    privileged: spec.privileged,
    limits: spec.limits,
    tty: spec.tty,
    stdin: spec.stdin,
    detached: spec.detached,
    size: spec.size ?? null,
  };
  if (spec.image === undefined) {
    return {
      ...shared,
      image: null,
      entrypoint: spec.preRun === undefined ? [] : withHook(spec.preRun),
      command: spec.command,
      user: { uid: spec.uid, gid: spec.gid },
      workdir: spec.workdir,
      env: { ...spec.env, ...spec.secretEnv },
      files: [],
    };
  }
  return {
    ...shared,
    image: spec.image,
    entrypoint: INIT_COMMAND,
    command: spec.command,
    user: { uid: 0, gid: 0 },
    // Not every engine makes the home; the init does, and goes where the command belongs.
    workdir: "/",
    env: runEnvironment(spec),
    files: secretFiles(spec).map(ownedFile),
  };
}

/** A container beside a run. */
export function wireCompanion(spec: CompanionSpec): WireContainer {
  return {
    name: spec.name,
    labels: spec.labels,
    image: spec.image ?? null,
    isolation: spec.isolation ?? null,
    entrypoint: spec.entrypoint ?? null,
    command: spec.command ?? [],
    user: null,
    workdir: null,
    env: spec.env,
    files: spec.files.map(ownedFile),
    hostname: spec.hostname,
    mounts: spec.mounts,
    network: { kind: "own", ...spec.network },
    dns: spec.dns,
    hosts: spec.hosts,
    groups: [],
    toolPaths: spec.toolPaths,
    privileged: spec.privileged,
    limits: spec.limits,
    tty: false,
    stdin: false,
    detached: true,
    size: null,
  };
}

/** A further command; with images, it gets the secrets of the run and none of the init's variables. */
export function wireExec(
  name: string,
  spec: ExecSpec,
  { hasImages }: { readonly hasImages: boolean },
): WireExec {
  const { command, env, uid, gid, workdir, tty, stdin, size = null } = spec;
  const shared = { name, user: { uid, gid }, workdir, tty, stdin, size };
  if (!hasImages) return { ...shared, command, env };
  const script = `unset ${INIT_VARIABLES.join(" ")}; ${WITH_SECRETS}`;
  return {
    ...shared,
    command: ["/bin/sh", "-c", script, "moat", ...command],
    env: { ...env, ...keptVariables(env) },
  };
}

/** What the init is told; engines do not agree on whom temporary directories belong to, so it sees to that. */
function runEnvironment(spec: ContainerSpec): Readonly<Record<string, string>> {
  const env = initEnvironment(spec, readInit());
  const temporary = spec.mounts.filter(({ kind, readOnly }) => kind === "tmpfs" && !readOnly);
  if (spec.uid === 0 || temporary.length === 0) return env;
  const own = temporary.map(({ target }) => target);
  return { ...env, MOAT_OWN: [...(env.MOAT_OWN?.split("\n") ?? []), ...own].join("\n") };
}

/** The hook as the words before a command; a failure of it is the end. */
function withHook(hook: string): readonly string[] {
  const script = `/bin/sh -e -c "$1" </dev/null >&2 || exit; shift; exec "$@"`;
  return ["/bin/sh", "-c", script, "moat", hook];
}

function ownedFile(file: CompanionFile): Required<CompanionFile> {
  return { uid: 0, gid: 0, ...file };
}
