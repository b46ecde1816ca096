/**
 * The life of one container: create, start with an attachment, wait, stop, kill.
 *
 * @module
 */

import type {
  Attachment,
  CallOptions,
  ContainerSpec,
  ExitStatus,
  TerminalSize,
} from "../../core/plugin/runtime.ts";
import { MoatError, UnavailableError } from "../../core/errors.ts";
import { readInit } from "../../core/image/init.ts";
import { secretFiles } from "../../core/image/secret_env.ts";
import { createAttachment } from "./attachment.ts";
import { containerBody } from "./container_body.ts";
import { createOnEngine, explainStart, SLOW_MS } from "./create_container.ts";
import { authorityFor } from "./authority_for.ts";
import { type Engine, EngineError } from "./engine.ts";
import { ensureEngineSees } from "./engine_sees.ts";
import { inspectContainer } from "./inspect_container.ts";
import { numberAt, textAt } from "./json.ts";

/** Options of {@linkcode createContainer}. */
export interface CreateContainerOptions extends CallOptions {
  readonly target: string;
  /** Where the runtime keeps what it found out; may be empty. */
  readonly stateDir: string;
}

/** Creates the container. Leaves nothing when it throws or is aborted. */
export async function createContainer(
  engine: Engine,
  spec: ContainerSpec,
  { signal, target, stateDir }: CreateContainerOptions,
): Promise<void> {
  const [apiVersion, authority] = await Promise.all([
    engine.apiVersion(),
    authorityFor(engine, spec, signal === undefined ? {} : { signal }),
  ]);
  const known = { ...spec, ...(authority === undefined ? {} : { authority }) };
  const body = containerBody(known, { init: readInit(), apiVersion });
  await createOnEngine(engine, { ...spec, body, files: secretFiles(spec) }, {
    target,
    check: () => ensureEngineSees(engine, spec, { target, stateDir, signal }),
    ...(signal && { signal }),
  });
}

/** Starts the container, attached unless it is detached. */
export async function startContainer(
  engine: Engine,
  spec: ContainerSpec,
  { signal }: CallOptions = {},
): Promise<Attachment | undefined> {
  const attachment = spec.detached
    ? undefined
    : await attachContainer(engine, spec.name, { tty: spec.tty, stdin: spec.stdin, signal });
  try {
    await engine.call({
      method: "POST",
      path: `${containerPath(spec.name)}/start`,
      doing: `start container "${spec.name}"`,
      timeoutMs: SLOW_MS,
      signal,
    });
    // Engines before 23, and runsc with any, ignore the size given at creation.
    if (spec.tty && spec.size !== undefined) await resizeContainer(engine, spec.name, spec.size);
    return attachment;
  } catch (error) {
    await attachment?.[Symbol.asyncDispose]();
    throw error instanceof EngineError ? explainStart(error, spec) : error;
  }
}

/** Connects to the streams of a container that may be running already. */
export async function attachContainer(
  engine: Engine,
  name: string,
  { tty, stdin, signal }: {
    readonly tty: boolean;
    readonly stdin: boolean;
    readonly signal: AbortSignal | undefined;
  },
): Promise<Attachment> {
  const hijacked = await engine.hijack({
    method: "POST",
    path: `${containerPath(name)}/attach`,
    query: { stream: true, stdin, stdout: true, stderr: true },
    doing: `attach to container "${name}"`,
    signal,
  });
  return createAttachment(hijacked, { tty, resize: (size) => resizeContainer(engine, name, size) });
}

/** Resolves with the exit when the container has ended. */
export async function waitContainer(
  engine: Engine,
  name: string,
  { signal }: CallOptions = {},
): Promise<ExitStatus> {
  const doing = `wait for container "${name}"`;
  const answer = await engine.stream({
    method: "POST",
    path: `${containerPath(name)}/wait`,
    query: { condition: "not-running" },
    doing,
    signal,
  });
  const decoder = new TextDecoder();
  let text = "";
  for await (const piece of answer) text += decoder.decode(piece, { stream: true });
  const value: unknown = text === "" ? undefined : JSON.parse(text);
  const code = numberAt(value, "StatusCode");
  if (code === undefined) {
    throw new UnavailableError(`Cannot ${doing}: the engine ended without an answer`, {
      hint: "moat doctor",
    });
  }
  const failed = textAt(value, "Error", "Message");
  if (failed) throw new MoatError(`Cannot ${doing}: ${failed}`);
  if (code === 0) return { code, oomKilled: false };
  const state = await inspectContainer(engine, name, { ...(signal && { signal }) });
  return { code, oomKilled: state?.exit?.oomKilled ?? false };
}

/** TERM, then KILL after the grace, in whole seconds as engines count. */
export async function stopContainer(
  engine: Engine,
  name: string,
  { graceMs = 10_000, signal }: { readonly graceMs?: number } & CallOptions = {},
): Promise<void> {
  await engine.call({
    method: "POST",
    path: `${containerPath(name)}/stop`,
    query: { t: Math.ceil(graceMs / 1000) },
    doing: `stop container "${name}"`,
    accept: [404],
    timeoutMs: graceMs + SLOW_MS,
    signal,
  });
}

/** Sends a signal to the init, which hands it on; nothing happens when it does not run. */
export async function killContainer(engine: Engine, name: string, signal: string): Promise<void> {
  try {
    await engine.call({
      method: "POST",
      path: `${containerPath(name)}/kill`,
      query: { signal },
      doing: `send ${signal} to container "${name}"`,
      accept: [404, 409],
    });
  } catch (error) {
    // Engines before 20 answer 500 when it has just ended.
    if (!(error instanceof EngineError && /is not running/.test(error.reason))) throw error;
  }
}

async function resizeContainer(engine: Engine, name: string, size: TerminalSize): Promise<void> {
  await engine.call({
    method: "POST",
    path: `${containerPath(name)}/resize`,
    query: { w: size.columns, h: size.rows },
    doing: `resize the terminal of container "${name}"`,
    // It has just ended.
    accept: [404, 409, 500],
  });
}

function containerPath(name: string): string {
  return `/containers/${encodeURIComponent(name)}`;
}
