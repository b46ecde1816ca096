/**
 * The attachment over a hijacked connection: what the engine's stream carries, as chunks.
 *
 * @module
 */

import type { Attachment, OutputChunk, TerminalSize } from "../../core/plugin/runtime.ts";
import type { Hijacked } from "./engine.ts";
import { isGone, writeAll } from "./wire/connection.ts";
import { Demultiplexer } from "./wire/demultiplex.ts";

/** What an attachment needs besides its connection. */
export interface AttachmentOptions {
  readonly tty: boolean;
  resize(size: TerminalSize): Promise<void>;
  /** Called once when the output has ended. */
  ended?(): void;
}

/** Wraps the connection; disposing closes it and ends the output. */
export function createAttachment(
  { reader, connection }: Hijacked,
  { tty, resize, ended }: AttachmentOptions,
): Attachment {
  let closed = false;
  let inputEnded = false;

  async function* readOutput(): AsyncGenerator<OutputChunk, void, void> {
    const demultiplexer = new Demultiplexer();
    try {
      for (let piece; (piece = await reader.next()) !== undefined;) {
        if (tty) yield { stream: "tty", data: piece };
        else {
          for (const { stream, data } of demultiplexer.push(piece)) {
            if (data.length > 0) yield { stream, data };
          }
        }
      }
    } catch (error) {
      // The engine's end or our own close: either way there is no more output.
      if (!isGone(error)) throw error;
    } finally {
      ended?.();
    }
  }

  async function ignoreGone(work: () => Promise<void>): Promise<void> {
    if (closed) return;
    try {
      await work();
    } catch (error) {
      // A command that reads no further has closed its end: that input is lost.
      if (!isGone(error)) throw error;
    }
  }

  return {
    output: readOutput(),
    write: (data) => ignoreGone(() => inputEnded ? Promise.resolve() : writeAll(connection, data)),
    closeInput: () =>
      ignoreGone(async () => {
        if (inputEnded) return;
        inputEnded = true;
        await connection.closeWrite();
      }),
    async resize(size) {
      if (tty) await resize(size);
    },
    [Symbol.asyncDispose]() {
      if (!closed) connection.close();
      closed = true;
      return Promise.resolve();
    },
  };
}
