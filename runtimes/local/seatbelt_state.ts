/**
 * What is kept on disk about each sandbox on macOS, which has no /proc to look processes up in.
 *
 * @module
 */

import { join } from "node:path";
import { isRecord } from "../../core/is_record.ts";
import type { ExitStatus } from "../../core/plugin/runtime.ts";
import { readText, writeJson } from "./sandbox_state.ts";

/** One sandbox. */
export interface SeatbeltRecord {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly createdAt: string;
  readonly startedAt?: string;
  readonly finishedAt?: string;
  /** Leader of the sandbox's process group. */
  readonly process?: { readonly pid: number; readonly startTime: string };
  readonly exit?: ExitStatus;
}

/** Writes the record of a sandbox's directory as a whole. */
export async function writeSeatbeltRecord(
  directory: string,
  record: SeatbeltRecord,
): Promise<void> {
  await writeJson(join(directory, "sandbox.json"), record);
}

/** The record, or `undefined` when there is none that can be understood. */
export async function readSeatbeltRecord(directory: string): Promise<SeatbeltRecord | undefined> {
  const text = await readText(join(directory, "sandbox.json"));
  if (text === undefined) return undefined;
  try {
    return parseRecord(JSON.parse(text));
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** The records of all sandboxes. */
export async function listSeatbeltRecords(directory: string): Promise<readonly SeatbeltRecord[]> {
  try {
    const names = (await Array.fromAsync(Deno.readDir(directory))).map(({ name }) => name).sort();
    const records = await Promise.all(
      names.map((name) => readSeatbeltRecord(join(directory, name))),
    );
    return records.filter((record) => record !== undefined);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

/** Whether the sandbox's first process still lives: by number and start time. */
export async function isRunning({ process, exit }: SeatbeltRecord): Promise<boolean> {
  if (process === undefined || exit !== undefined) return false;
  return await startTimeOf(process.pid) === process.startTime;
}

/** When a process was started, as `ps` writes it; `undefined` for none and for a zombie. */
export async function startTimeOf(pid: number): Promise<string | undefined> {
  const { stdout } = await new Deno.Command("ps", {
    args: ["-o", "stat=,lstart=", "-p", String(pid)],
    env: { LC_ALL: "C", TZ: "UTC" },
    stdin: "null",
    stderr: "null",
  }).output();
  const [, state = "Z", time = ""] = /^(\S+)\s+(.*\S)\s*$/.exec(
    new TextDecoder().decode(stdout).trim(),
  ) ?? [];
  return state.startsWith("Z") || time === "" ? undefined : time;
}

function parseRecord(value: unknown): SeatbeltRecord | undefined {
  if (!isRecord(value)) return undefined;
  const { name, labels, createdAt, startedAt, finishedAt } = value;
  if (typeof name !== "string" || typeof createdAt !== "string" || !isRecord(labels)) {
    return undefined;
  }
  const process = parseProcess(value.process);
  const exit = parseExit(value.exit);
  return {
    name,
    createdAt,
    labels: Object.fromEntries(
      Object.entries(labels).filter((entry): entry is [string, string] =>
        typeof entry[1] === "string"
      ),
    ),
    ...(typeof startedAt === "string" && { startedAt }),
    ...(typeof finishedAt === "string" && { finishedAt }),
    ...(process && { process }),
    ...(exit && { exit }),
  };
}

function parseProcess(value: unknown): SeatbeltRecord["process"] {
  if (!isRecord(value)) return undefined;
  const { pid, startTime } = value;
  return typeof pid === "number" && typeof startTime === "string" ? { pid, startTime } : undefined;
}

function parseExit(value: unknown): ExitStatus | undefined {
  if (!isRecord(value) || typeof value.code !== "number") return undefined;
  return { code: value.code, oomKilled: false };
}
