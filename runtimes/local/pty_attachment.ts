/**
 * A command's streams through a pseudo terminal.
 *
 * @module
 */

import type { Attachment, OutputChunk } from "../../core/plugin/runtime.ts";
import type { Pty } from "../../core/terminal/pty.ts";

/** What ends input on a terminal in its usual mode: Ctrl-D. */
const END_OF_INPUT = new Uint8Array([4]);

/** Makes an attachment of a terminal. */
export function ptyAttachment(pty: Pty): Attachment {
  let closed = false;
  return {
    output: readAll(pty),
    write: (data) => pty.write(data),
    async closeInput() {
      if (closed) return;
      closed = true;
      await pty.write(END_OF_INPUT);
    },
    resize(size) {
      pty.resize(size);
      return Promise.resolve();
    },
    [Symbol.asyncDispose]() {
      pty.close();
      return Promise.resolve();
    },
  };
}

async function* readAll(pty: Pty): AsyncGenerator<OutputChunk> {
  for (let data = await pty.read(); data !== undefined; data = await pty.read()) {
    yield { stream: "tty", data };
  }
}
