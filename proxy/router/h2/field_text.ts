/**
 * Values of header fields between the runtime's HTTP/2 server and the engine, which has Latin-1 text
 * for bytes. Pure.
 *
 * Deno before 2.8 reads and writes fields as UTF-8, later ones as Latin-1: `usesUtf8` can go with the
 * last runtime that does. In UTF-8 a response's value that is none is taken for Latin-1 text.
 *
 * @module
 */

import { latin1 } from "../http1/characters.ts";

/** By lower-case name; several of one name are a list. */
export type HeaderFields = Readonly<Record<string, string | string[] | undefined>>;

/** Says how a runtime of that version reads and writes fields. */
export function usesUtf8(version: string): boolean {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  return major < 2 || (major === 2 && minor < 8);
}

/** What came from the server, its values as bytes. */
export function readFields(fields: HeaderFields, utf8: boolean): HeaderFields {
  return utf8 ? mapValues(fields, utf8Bytes) : fields;
}

/** What the server is to send, off values as bytes. */
export function writeFields(fields: HeaderFields, utf8: boolean): HeaderFields {
  return utf8 ? mapValues(fields, utf8Text) : fields;
}

const ASCII = /^[\0-\x7f]*$/;

function mapValues(fields: HeaderFields, map: (value: string) => string): HeaderFields {
  const mapOne = (value: string) => ASCII.test(value) ? value : map(value);
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [
      name,
      typeof value === "object" ? value.map(mapOne) : value && mapOne(value),
    ]),
  );
}

function utf8Bytes(text: string): string {
  const bytes = new TextEncoder().encode(text);
  return latin1(bytes, 0, bytes.length);
}

function utf8Text(bytes: string): string {
  try {
    const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
    return decoder.decode(Uint8Array.from(bytes, (byte) => byte.charCodeAt(0)));
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    return bytes;
  }
}
