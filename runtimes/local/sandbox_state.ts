/**
 * What is kept on disk about each sandbox, so that any process can find and end it.
 *
 * One directory per sandbox, mode 0700: `sandbox.json` from its creation, `process.json` once it
 * has a process, `exit` written by its process 1, `reason` when moat ended it. A process is named
 * by number, start time and boot, so a number that was given away again is never mistaken for it.
 *
 * @module
 */

import { join } from "node:path";
import { MoatError } from "../../core/errors.ts";
import { isRecord } from "../../core/is_record.ts";

/** A process that can be recognised later. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Field 22 of /proc/<pid>/stat. */
  readonly startTime: string;
  readonly bootId: string;
}

/** `sandbox.json`. */
export interface SandboxRecord {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly backend: Backend;
  readonly detached: boolean;
  readonly uid: number;
  readonly gid: number;
  readonly createdAt: string;
}

/** `process.json`. */
export interface SandboxProcess extends ProcessIdentity {
  readonly startedAt: string;
  /** The command's environment, for commands that join it later. */
  readonly env: Readonly<Record<string, string>>;
  /** Control groups made for it. */
  readonly groups: readonly string[];
}

/** What isolates. */
export type Backend = "bubblewrap" | "unshare";

/** Paths inside one sandbox's directory. */
export interface SandboxPaths {
  readonly directory: string;
  readonly record: string;
  readonly process: string;
  readonly exit: string;
  readonly reason: string;
  readonly etc: string;
  readonly root: string;
  readonly stdout: string;
  readonly stderr: string;
  /** How much of the kept output was taken and freed. */
  readonly taken: string;
}

/** Where sandboxes are, below the runtime's state directory. */
export function sandboxesDirectory(stateDir: string): string {
  return join(stateDir, "sandboxes");
}

/** Paths of one sandbox. @throws MoatError when the name is no plain name */
export function sandboxPaths(stateDir: string, name: string): SandboxPaths {
  if (!/^[A-Za-z0-9][A-Za-z0-9_.-]*$/.test(name)) {
    throw new MoatError(`Cannot use sandbox name "${name}": it is not a plain name`);
  }
  const directory = join(sandboxesDirectory(stateDir), name);
  return {
    directory,
    record: join(directory, "sandbox.json"),
    process: join(directory, "process.json"),
    exit: join(directory, "exit"),
    reason: join(directory, "reason"),
    etc: join(directory, "etc"),
    root: join(directory, "root"),
    stdout: join(directory, "stdout"),
    stderr: join(directory, "stderr"),
    taken: join(directory, "taken.json"),
  };
}

/** The record, or `undefined` when there is no such sandbox. */
export async function readRecord(paths: SandboxPaths): Promise<SandboxRecord | undefined> {
  const value = await readJson(paths.record);
  if (!isRecord(value)) return undefined;
  const { name, labels, backend, detached, uid, gid, createdAt } = value;
  if (
    typeof name !== "string" || typeof detached !== "boolean" || typeof uid !== "number" ||
    typeof gid !== "number" || typeof createdAt !== "string" ||
    (backend !== "bubblewrap" && backend !== "unshare")
  ) return undefined;
  return { name, labels: texts(labels), backend, detached, uid, gid, createdAt };
}

/** The process, or `undefined` when it was never started. */
export async function readProcess(paths: SandboxPaths): Promise<SandboxProcess | undefined> {
  const value = await readJson(paths.process);
  if (!isRecord(value)) return undefined;
  const { pid, startTime, bootId, startedAt, env, groups } = value;
  if (
    typeof pid !== "number" || typeof startTime !== "string" || typeof bootId !== "string" ||
    typeof startedAt !== "string"
  ) return undefined;
  return {
    pid,
    startTime,
    bootId,
    startedAt,
    env: texts(env),
    groups: Array.isArray(groups) ? groups.filter((group) => typeof group === "string") : [],
  };
}

/** Writes a JSON file as a whole or not at all. */
export async function writeJson(path: string, value: unknown): Promise<void> {
  await writeWhole(path, `${JSON.stringify(value)}\n`);
}

/** Writes a file, mode 0600, as a whole or not at all. */
export async function writeWhole(path: string, text: string): Promise<void> {
  const temporary = `${path}.${crypto.randomUUID()}`;
  await Deno.writeTextFile(temporary, text, { mode: 0o600 });
  await Deno.rename(temporary, path);
}

/** The text of a file, or `undefined` when it is not there. */
export async function readText(path: string): Promise<string | undefined> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) {
      return undefined;
    }
    throw error;
  }
}

/** The code that process 1 left, or `undefined`. */
export async function readExitCode(paths: SandboxPaths): Promise<number | undefined> {
  const text = await readText(paths.exit);
  const code = text === undefined ? NaN : parseInt(text, 10);
  return Number.isInteger(code) ? code : undefined;
}

/** The value of a JSON file, or `undefined` when there is none that can be read as such. */
export async function readJson(path: string): Promise<unknown> {
  const text = await readText(path);
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** The members of an object that are texts. */
export function texts(value: unknown): Record<string, string> {
  if (!isRecord(value)) return {};
  return Object.fromEntries(
    Object.entries(value).filter((entry): entry is [string, string] =>
      typeof entry[1] === "string"
    ),
  );
}
