/**
 * Reads a file's lines from its end, in blocks, so that the last few of many cost little.
 *
 * @module
 */

/** A line without its newline. */
export interface BackwardLine {
  readonly line: string;
  /** Offset of its first byte. */
  readonly start: number;
  /** False for a last line that has no newline. */
  readonly finished: boolean;
}

const BLOCK_BYTES = 256 * 1024;
const NEWLINE = 10;

/** Yields lines, last first. A file that is gone has none. */
export async function* readLinesBackward(path: string): AsyncGenerator<BackwardLine> {
  using file = await openOrUndefined(path);
  if (file === undefined) return;
  const decoder = new TextDecoder();
  let position = await file.seek(0, Deno.SeekMode.End);
  /** Blocks of the line that is being collected, first byte first. */
  let held: Uint8Array[] = [];
  let finished = false;
  while (position > 0) {
    const length = Math.min(BLOCK_BYTES, position);
    position -= length;
    const block = await readBlock(file, position, length);
    let end = block.length;
    for (let at = block.lastIndexOf(NEWLINE); at !== -1;) {
      held.unshift(block.subarray(at + 1, end));
      const line = join(held);
      if (finished || line.length > 0) {
        yield { line: decoder.decode(line), start: position + at + 1, finished };
      }
      held = [];
      finished = true;
      end = at;
      if (at === 0) break;
      at = block.lastIndexOf(NEWLINE, at - 1);
    }
    held.unshift(block.slice(0, end));
  }
  const first = join(held);
  if (finished || first.length > 0) yield { line: decoder.decode(first), start: 0, finished };
}

async function readBlock(file: Deno.FsFile, offset: number, length: number): Promise<Uint8Array> {
  await file.seek(offset, Deno.SeekMode.Start);
  const block = new Uint8Array(length);
  let filled = 0;
  while (filled < length) {
    const count = await file.read(block.subarray(filled));
    if (count === null) break;
    filled += count;
  }
  return block.subarray(0, filled);
}

function join(parts: readonly Uint8Array[]): Uint8Array {
  const [only] = parts;
  if (parts.length === 1 && only !== undefined) return only;
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}

async function openOrUndefined(path: string): Promise<Deno.FsFile | undefined> {
  try {
    return await Deno.open(path, { read: true });
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
