/**
 * Puts a seed into a server that is ready.
 *
 * The files are the ones that were planned with: whoever changed one meanwhile makes it fail.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { MoatError, UsageError } from "../../errors.ts";
import type { Attachment, Exec, ExecSpec, Runtime } from "../../plugin/runtime.ts";
import type { ServiceDataPlan, ServicePlan, ServiceSeed } from "../plan.ts";
import { openSeedFile } from "./open_seed_file.ts";
import type { ServiceDataOptions } from "./service_data.ts";

/** What is filled, and from where. */
export interface LoadSeedOptions {
  /** The service, for messages. */
  readonly name: string;
  /** The engine's name of the container or sandbox that serves. */
  readonly container: string;
  readonly data: ServiceDataPlan;
  readonly runtime: Pick<Runtime, "exec">;
  /** Absolute path of the project. */
  readonly project: string;
  /** Who loads it inside. */
  readonly user: { readonly uid: number; readonly gid: number };
  readonly signal: AbortSignal;
}

/** How much of what a command said stays, for the error. */
const TAIL_CHARACTERS = 4000;
const TAIL_LINES = 8;
const CHUNK_BYTES = 64 * 1024;

/** Loads the files one after another, or runs the command. @throws MoatError with the last output */
export async function loadSeed(seed: ServiceSeed, options: LoadSeedOptions): Promise<void> {
  if (seed.kind === "command") {
    const result = await runInside(seed.command, options);
    if (result.code !== 0) throw seedFailed("its command", result, options.name);
    return;
  }
  for (const file of seed.files) await loadFile(file, options);
}

async function loadFile(
  { path, sha256 }: { readonly path: string; readonly sha256: string },
  options: LoadSeedOptions,
): Promise<void> {
  const { name, data, project } = options;
  const hash = createHash("sha256");
  const result = await runInside(data.seed?.load ?? [], options, async (attachment) => {
    using file = await openSeedFile(path, project);
    const buffer = new Uint8Array(CHUNK_BYTES);
    for (let count = await file.read(buffer); count !== null; count = await file.read(buffer)) {
      const piece = buffer.slice(0, count);
      hash.update(piece);
      await attachment.write(piece);
    }
  });
  if (result.code !== 0) throw seedFailed(`"${path}"`, result, name);
  if (hash.digest("hex") === sha256) return;
  throw new MoatError(`Cannot seed service "${name}" with "${path}": it changed meanwhile`, {
    hint: "moat run",
  });
}

interface SeedOutcome {
  readonly code: number;
  /** The end of what it said. */
  readonly tail: string;
}

/** Loads the planned seed, if there is one, into the service's server in this container. */
export async function seedService(
  { name, image, data }: ServicePlan,
  container: string,
  { plan, runtime, signal }: ServiceDataOptions,
): Promise<void> {
  if (data?.seedFrom === undefined) return;
  // Servers of the host run as the run's user.
  const { uid, gid } = image === undefined ? plan.container : { uid: 0, gid: 0 };
  await loadSeed(data.seedFrom, {
    name,
    container,
    data,
    runtime,
    project: plan.project,
    user: { uid, gid },
    signal,
  });
}

/** Runs the command, with `feed` writing its standard input. @throws the signal's reason */
async function runInside(
  command: readonly string[],
  { runtime, container, user, signal }: LoadSeedOptions,
  feed?: (attachment: Attachment) => Promise<void>,
): Promise<SeedOutcome> {
  const spec: ExecSpec = {
    command,
    env: {},
    workdir: "/",
    ...user,
    tty: false,
    stdin: feed !== undefined,
  };
  const exec = await runtime.exec(container, spec, { signal });
  await using attachment = exec.attachment;
  const aborted = Promise.withResolvers<never>();
  aborted.promise.catch(() => {});
  const abort = () => aborted.reject(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  try {
    signal.throwIfAborted();
    return await Promise.race([aborted.promise, outcomeOf(exec, attachment, feed)]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

async function outcomeOf(
  exec: Exec,
  attachment: Attachment,
  feed: ((attachment: Attachment) => Promise<void>) | undefined,
): Promise<SeedOutcome> {
  const tail = keepTail(attachment);
  const ended = exec.wait();
  // A command that gave up reads nothing any more: then its end is what counts.
  const first = await Promise.race([
    feedAll(attachment, feed),
    ended.then(() => ({ kind: "ended" } as const)),
  ]);
  if (first.kind === "fed") await attachment.closeInput();
  if (first.kind === "failed") await exec.kill("SIGTERM");
  const { code } = await ended;
  if (first.kind === "failed" && (code === 0 || first.error instanceof UsageError)) {
    throw first.error;
  }
  return { code, tail: await tail };
}

type Fed = { readonly kind: "fed" } | { readonly kind: "failed"; readonly error: unknown };

async function feedAll(
  attachment: Attachment,
  feed: ((attachment: Attachment) => Promise<void>) | undefined,
): Promise<Fed> {
  try {
    await feed?.(attachment);
    return { kind: "fed" };
  } catch (error) {
    return { kind: "failed", error };
  }
}

/** What it said on standard error, or, where that is nothing, on standard output. */
async function keepTail({ output }: Attachment): Promise<string> {
  const said = { stdout: "", stderr: "" };
  const decoders = { stdout: new TextDecoder(), stderr: new TextDecoder() };
  for await (const { stream, data } of output) {
    const from = stream === "stderr" ? stream : "stdout";
    const text = said[from] + decoders[from].decode(data, { stream: true });
    said[from] = text.slice(-TAIL_CHARACTERS);
  }
  return said.stderr.trim() === "" ? said.stdout : said.stderr;
}

function seedFailed(what: string, { code, tail }: SeedOutcome, name: string): MoatError {
  const lines = tail.split("\n").filter((line) => line.trim() !== "").slice(-TAIL_LINES);
  // Servers' clients call their standard input so; the name of the file is in the message.
  const said = lines.map((line) => line.replaceAll("<stdin>:", "line ")).join("\n");
  return new MoatError(
    `Cannot seed service "${name}" with ${what}: ${said === "" ? `exit code ${code}` : said}`,
    { hint: `Correct the seed under services.${name}` },
  );
}
