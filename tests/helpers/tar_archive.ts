/**
 * Archives as tar makes them, and as it never would: for readers of strangers' ones.
 *
 * @module
 */

/** An entry; its header says what is asked for. */
export interface TarEntry {
  readonly name: string;
  readonly content?: string | Uint8Array;
  /** @default "0", a file */
  readonly type?: string;
  /** A checksum in place of the right one. */
  readonly sum?: number;
}

/** A `.tgz` of the entries. */
export async function packTar(entries: readonly TarEntry[]): Promise<Uint8Array<ArrayBuffer>> {
  return await gzip(tar(entries));
}

/** Bytes as gzip has them. */
export async function gzip(bytes: Uint8Array): Promise<Uint8Array<ArrayBuffer>> {
  const stream = new Blob([bytes.slice()]).stream().pipeThrough(new CompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** An archive with just these entries, whatever they are. */
export function tar(entries: readonly TarEntry[]): Uint8Array<ArrayBuffer> {
  const blocks = entries.flatMap(({ name, content = "", type = "0", sum }) => {
    const body = typeof content === "string" ? new TextEncoder().encode(content) : content;
    const header = new Uint8Array(512);
    const put = (text: string, at: number) => header.set(new TextEncoder().encode(text), at);
    put(name, 0);
    put("0000644\0", 100);
    put(`${body.length.toString(8).padStart(11, "0")}\0`, 124);
    put(" ".repeat(8), 148);
    put(type, 156);
    put("ustar\x0000", 257);
    const total = sum ?? header.reduce((a, b) => a + b, 0);
    put(`${total.toString(8).padStart(6, "0")}\0 `, 148);
    const padded = new Uint8Array(Math.ceil(body.length / 512) * 512);
    padded.set(body);
    return [header, padded];
  });
  const all = [...blocks, new Uint8Array(1024)];
  const bytes = new Uint8Array(all.reduce((size, block) => size + block.length, 0));
  let at = 0;
  for (const block of all) {
    bytes.set(block, at);
    at += block.length;
  }
  return bytes;
}
