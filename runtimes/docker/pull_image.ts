/**
 * Pulls an image, with progress for each layer.
 *
 * @module
 */

import { MoatError } from "../../core/errors.ts";
import type { Progress, ProgressOptions } from "../../core/plugin/runtime.ts";
import { type Engine, EngineError } from "./engine.ts";
import { numberAt, parseJson, textAt } from "./json.ts";
import { registryAuthHeader } from "./registry_auth.ts";

/** Options of {@linkcode pullImage}. */
export interface PullImageOptions extends ProgressOptions {
  readonly env: Readonly<Record<string, string>>;
}

/** Pulls for the engine's platform. @throws MoatError naming reference and reason */
export async function pullImage(
  engine: Engine,
  ref: string,
  { env, progress, signal }: PullImageOptions,
): Promise<void> {
  const { repository, tag } = splitReference(ref);
  const auth = await registryAuthHeader(ref, env);
  const doing = `pull image "${ref}"`;
  const pieces = await engine.stream({
    method: "POST",
    path: "/images/create",
    query: { fromImage: repository, tag },
    headers: auth === undefined ? {} : { "x-registry-auth": auth },
    doing,
    // The engine answers only when the registry has.
    timeoutMs: 120_000,
    signal,
  }).catch((error) => {
    throw error instanceof EngineError
      ? new MoatError(error.message, { cause: error, hint: hintFor(error.reason) })
      : error;
  });
  for await (const line of lines(pieces)) {
    const value = parseJson(line);
    const failed = textAt(value, "errorDetail", "message") ?? textAt(value, "error");
    if (failed !== undefined) {
      throw new MoatError(`Cannot ${doing}: ${failed}`, { hint: hintFor(failed) });
    }
    if (progress !== undefined) report(progress, value);
  }
}

/** `name`, and `tag` or digest; an image without either means `latest`. */
export function splitReference(ref: string): { repository: string; tag: string } {
  const at = ref.indexOf("@");
  if (at > 0) return { repository: ref.slice(0, at), tag: ref.slice(at + 1) };
  const colon = ref.lastIndexOf(":");
  if (colon > ref.lastIndexOf("/")) {
    return { repository: ref.slice(0, colon), tag: ref.slice(colon + 1) };
  }
  return { repository: ref, tag: "latest" };
}

function report(progress: Progress, value: unknown): void {
  const id = textAt(value, "id");
  const status = textAt(value, "status");
  if (id === undefined || status === undefined) return;
  const current = numberAt(value, "progressDetail", "current");
  const total = numberAt(value, "progressDetail", "total");
  const amount = current !== undefined && total !== undefined && total > 0
    ? ` ${megabytes(current)}/${megabytes(total)} MB`
    : "";
  const text = `${id}: ${status}${amount}`;
  if (/^(Pull complete|Already exists)$/.test(status)) progress.done(id, text);
  else progress.update(id, text);
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0);
}

function hintFor(reason: string): string {
  if (/denied|unauthorized|authentication/i.test(reason)) {
    return "docker login, or check the image's name";
  }
  return /not found|manifest unknown/i.test(reason)
    ? "Check the image's name and tag"
    : "Check the engine's network and registry";
}

async function* lines(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<string, void, void> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const piece of pieces) {
    const parts = (rest + decoder.decode(piece, { stream: true })).split("\n");
    rest = parts.pop() ?? "";
    yield* parts;
  }
  if (rest !== "") yield rest;
}
