/**
 * Messages between moat and a plugin that is code: four bytes of length, then JSON.
 *
 * @module
 */

/** No message is longer. */
export const MAX_FRAME_BYTES = 1024 * 1024;

/** A value as a message. @throws RangeError when it is too long */
export function encodeFrame(value: unknown): Uint8Array {
  const body = new TextEncoder().encode(JSON.stringify(value));
  if (body.length > MAX_FRAME_BYTES) throw new RangeError(`${body.length} bytes are too many`);
  const bytes = new Uint8Array(4 + body.length);
  new DataView(bytes.buffer).setUint32(0, body.length);
  bytes.set(body, 4);
  return bytes;
}

/** Takes bytes as they come and gives whole messages. Holds one message at most. */
export class FrameDecoder {
  #rest: Uint8Array = new Uint8Array();

  /** The messages that the bytes complete. @throws RangeError or SyntaxError for what is none */
  push(bytes: Uint8Array): readonly unknown[] {
    const messages: unknown[] = [];
    let all = join(this.#rest, bytes);
    while (all.length >= 4) {
      const length = new DataView(all.buffer, all.byteOffset).getUint32(0);
      if (length > MAX_FRAME_BYTES) throw new RangeError(`${length} bytes are too many`);
      if (all.length < 4 + length) break;
      messages.push(JSON.parse(new TextDecoder().decode(all.subarray(4, 4 + length))));
      all = all.subarray(4 + length);
    }
    this.#rest = all.slice();
    return messages;
  }
}

function join(first: Uint8Array, second: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(first.length + second.length);
  bytes.set(first);
  bytes.set(second, first.length);
  return bytes;
}
