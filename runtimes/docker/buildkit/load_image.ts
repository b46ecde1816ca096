/**
 * Gives an engine an image as a tar that arrives piece by piece. Nothing is kept: the engine's pace
 * is that of the source.
 *
 * @module
 */

import { MoatError } from "../../../core/errors.ts";
import type { Engine } from "../engine.ts";
import { parseJson, textAt } from "../json.ts";
import { bodyFraming, ByteReader } from "../wire/byte_reader.ts";
import { type Connect, type Connection, writeAll } from "../wire/connection.ts";

/** Where to. */
export interface LoadImageOptions {
  readonly engine: Engine;
  readonly connect: Connect;
  readonly signal: AbortSignal | undefined;
}

/** Loads the archive. @throws MoatError with the engine's words when it refuses */
export async function loadImage(
  tar: AsyncIterable<Uint8Array>,
  { engine, connect, signal }: LoadImageOptions,
): Promise<void> {
  signal?.throwIfAborted();
  const connection = await connect();
  const close = () => connection.close();
  signal?.addEventListener("abort", close);
  try {
    await writeText(
      connection,
      [
        `POST /v${await engine.apiVersion()}/images/load?quiet=1 HTTP/1.1`,
        "Host: docker",
        "Connection: close",
        "Content-Type: application/x-tar",
        "Transfer-Encoding: chunked",
        "",
        "",
      ].join("\r\n"),
    );
    for await (const piece of tar) await writeChunk(connection, piece);
    await writeText(connection, "0\r\n\r\n");
    await readAnswer(connection);
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  } finally {
    signal?.removeEventListener("abort", close);
    close();
  }
}

async function writeChunk(connection: Connection, piece: Uint8Array): Promise<void> {
  // A chunk of no bytes would end the body.
  if (piece.length === 0) return;
  await writeText(connection, `${piece.length.toString(16)}\r\n`);
  await writeAll(connection, piece);
  await writeText(connection, "\r\n");
}

async function writeText(connection: Connection, text: string): Promise<void> {
  await writeAll(connection, new TextEncoder().encode(text));
}

/** The engine answers 200 as soon as it reads; what went wrong later is a line of the answer. */
async function readAnswer(connection: Connection): Promise<void> {
  const reader = new ByteReader(connection);
  const head = await reader.head();
  if (head === undefined) throw refused("the engine closed the connection");
  const decoder = new TextDecoder();
  let text = "";
  for await (const piece of reader.body(bodyFraming("POST", head))) {
    text += decoder.decode(piece, { stream: true });
  }
  for (const line of text.split("\n")) {
    const message = parseJson(line);
    const reason = textAt(message, "error") ??
      (head.status >= 400 ? textAt(message, "message") : undefined);
    if (reason !== undefined) throw refused(reason);
  }
  if (head.status >= 400) throw refused(`the engine answered ${head.status}`);
}

function refused(reason: string): MoatError {
  return new MoatError(`Cannot load the built image into the engine: ${reason}`, {
    hint: "moat doctor",
  });
}
