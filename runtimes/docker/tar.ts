/**
 * A tar archive (POSIX ustar) in memory: build contexts for the engine's old builder, and files for
 * containers.
 *
 * @module
 */

/** A file or a directory. */
export interface TarEntry {
  /** Relative, with `/`. */
  readonly path: string;
  /** Only the permission bits count. */
  readonly mode: number;
  /** `undefined` for directories. */
  readonly content: Uint8Array | undefined;
  /** Owner; root unless given. */
  readonly uid?: number;
  readonly gid?: number;
}

const BLOCK = 512;
const NAME_BYTES = 100;
const PREFIX_BYTES = 155;

/** Archives the entries. @throws TypeError for a path that the format cannot hold */
export function tarOf(tree: readonly TarEntry[]): Uint8Array {
  const sizes = tree.map(({ content }) => BLOCK + padded(content?.length ?? 0));
  const archive = new Uint8Array(sizes.reduce((sum, size) => sum + size, 0) + 2 * BLOCK);
  let at = 0;
  for (const [index, entry] of tree.entries()) {
    archive.set(headerOf(entry), at);
    if (entry.content !== undefined) archive.set(entry.content, at + BLOCK);
    at += sizes[index] ?? 0;
  }
  return archive;
}

function headerOf({ path, mode, content, uid = 0, gid = 0 }: TarEntry): Uint8Array {
  const header = new Uint8Array(BLOCK);
  const isDirectory = content === undefined;
  const { name, prefix } = splitName(isDirectory ? `${path}/` : path);
  const put = (text: string, at: number) => header.set(new TextEncoder().encode(text), at);
  put(name, 0);
  put(octal(mode & 0o7777, 7), 100);
  header.set(idField(uid), 108);
  header.set(idField(gid), 116);
  put(octal(content?.length ?? 0, 11), 124);
  put(octal(0, 11), 136);
  put(" ".repeat(8), 148);
  put(isDirectory ? "5" : "0", 156);
  put("ustar\x0000", 257);
  put(prefix, 345);
  put(`${octal(header.reduce((sum, byte) => sum + byte, 0), 6)}\0 `, 148);
  return header;
}

function splitName(path: string): { readonly name: string; readonly prefix: string } {
  const bytes = (text: string) => new TextEncoder().encode(text).length;
  if (bytes(path) <= NAME_BYTES) return { name: path, prefix: "" };
  for (let at = path.indexOf("/"); at > 0; at = path.indexOf("/", at + 1)) {
    const [prefix, name] = [path.slice(0, at), path.slice(at + 1)];
    if (name !== "" && bytes(name) <= NAME_BYTES && bytes(prefix) <= PREFIX_BYTES) {
      return { name, prefix };
    }
  }
  throw new TypeError(`Cannot archive ${JSON.stringify(path)}: its name is too long`);
}

/** Ids that seven octal digits cannot hold are written as a big-endian number, as GNU tar does. */
function idField(id: number): Uint8Array {
  if (id < 8 ** 7) return new TextEncoder().encode(octal(id, 7));
  const field = new Uint8Array(8);
  new DataView(field.buffer).setUint32(4, id);
  field[0] = 0x80;
  return field;
}

function octal(value: number, digits: number): string {
  return value.toString(8).padStart(digits, "0");
}

function padded(size: number): number {
  return Math.ceil(size / BLOCK) * BLOCK;
}
