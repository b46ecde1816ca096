/**
 * A plugin out of a `.tgz`, as `npm pack` and `tar -czf` write them (POSIX ustar, with pax or GNU
 * headers for long names refused).
 *
 * Nothing is unpacked to disk: a path that leaves the archive, a link or a device is an error
 * before there is anything to clean up.
 *
 * @module
 */

import { describeError, MoatError } from "../../errors.ts";
import {
  MAX_PLUGIN_BYTES,
  type PluginFiles,
  PluginFilesBuilder,
  refused,
} from "./plugin_package.ts";

const BLOCK = 512;
/** Headers and padding of the most files that a plugin may have. */
const MAX_ARCHIVE_BYTES = MAX_PLUGIN_BYTES + 1024 * 1024;
const REGULAR = new Set(["0", "\0"]);
const DIRECTORY = "5";
/** Comments for all that follows, such as a commit's id; they change no name. */
const GLOBAL_COMMENT = "g";

/** Reads the plugin. @throws MoatError when the bytes are no archive of one */
export async function readPluginArchive(bytes: Uint8Array, source: string): Promise<PluginFiles> {
  const builder = new PluginFilesBuilder(source);
  const archive = await inflate(bytes, source);
  const entries = [...entriesOf(archive, source)];
  const root = commonRoot(entries.map(({ path }) => path));
  for (const { path, content } of entries) builder.add(path.slice(root.length), content);
  return builder.build();
}

/** Decompresses as much as a plugin may have. */
async function inflate(bytes: Uint8Array, source: string): Promise<Uint8Array> {
  const stream = new Blob([bytes.slice()]).stream().pipeThrough(new DecompressionStream("gzip"));
  const pieces: Uint8Array[] = [];
  let size = 0;
  try {
    for await (const piece of stream) {
      size += piece.length;
      if (size > MAX_ARCHIVE_BYTES) {
        throw refused(source, `it unpacks to more than ${MAX_PLUGIN_BYTES} bytes`);
      }
      pieces.push(piece);
    }
  } catch (error) {
    if (error instanceof MoatError) throw error;
    throw refused(source, `it is no gzip archive (${describeError(error)})`);
  }
  const whole = new Uint8Array(size);
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}

interface Entry {
  readonly path: string;
  readonly content: Uint8Array;
}

function* entriesOf(archive: Uint8Array, source: string): Generator<Entry> {
  for (let at = 0; at + BLOCK <= archive.length;) {
    const header = archive.subarray(at, at + BLOCK);
    if (header.every((byte) => byte === 0)) return;
    checkSum(header, source);
    const size = octalAt(header, 124, 12, source);
    const type = String.fromCharCode(header[156] ?? 0);
    const path = pathOf(header);
    at += BLOCK;
    if (at + size > archive.length) throw refused(source, "its archive is cut off");
    if (REGULAR.has(type)) {
      yield { path: checkedPath(path, source), content: archive.slice(at, at + size) };
    } else if (type !== DIRECTORY && type !== GLOBAL_COMMENT) {
      throw refused(source, `${JSON.stringify(path)} in its archive is neither file nor directory`);
    }
    at += Math.ceil(size / BLOCK) * BLOCK;
  }
  throw refused(source, "its archive is cut off");
}

function checkSum(header: Uint8Array, source: string): void {
  const expected = octalAt(header, 148, 8, source);
  const sum = header.reduce((total, byte, i) => total + (i >= 148 && i < 156 ? 32 : byte), 0);
  if (sum !== expected) throw refused(source, "its archive is damaged");
}

function octalAt(header: Uint8Array, at: number, length: number, source: string): number {
  const text = textAt(header, at, length).trim();
  if (!/^[0-7]+$/.test(text)) throw refused(source, "its archive is damaged");
  return parseInt(text, 8);
}

function pathOf(header: Uint8Array): string {
  const isUstar = textAt(header, 257, 5) === "ustar";
  const prefix = isUstar ? textAt(header, 345, 155) : "";
  const name = textAt(header, 0, 100);
  return prefix === "" ? name : `${prefix}/${name}`;
}

/** `./a` is `a`; anything else that could leave the directory is refused. */
function checkedPath(path: string, source: string): string {
  const plain = path.replace(/^(?:\.\/)+/, "");
  if (!plain.startsWith("/") && !plain.split("/").includes("..")) return plain;
  throw refused(source, `${JSON.stringify(path)} in its archive leaves its directory`);
}

function textAt(header: Uint8Array, at: number, length: number): string {
  const field = header.subarray(at, at + length);
  const end = field.indexOf(0);
  return new TextDecoder().decode(end === -1 ? field : field.subarray(0, end));
}

/** npm puts everything into `package/`. */
function commonRoot(paths: readonly string[]): string {
  const first = paths[0]?.split("/", 1)[0] ?? "";
  const root = `${first}/`;
  return paths.every((path) => path.startsWith(root)) ? root : "";
}
