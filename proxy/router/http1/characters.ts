/**
 * Which bytes HTTP/1.1 allows where (RFC 9110 5.5, 5.6.2; RFC 9112 3), as tables for the parsers.
 *
 * @module
 */

export const TAB = 0x09;
export const LF = 0x0a;
export const CR = 0x0d;
export const SPACE = 0x20;
export const ZERO = 0x30;
export const COLON = 0x3a;
export const SEMICOLON = 0x3b;
export const UNDERSCORE = 0x5f;

/** 1 for the bytes of a token: methods and header names. */
export const TOKEN = tableOf((byte, char) =>
  /[!#$%&'*+\-.^_`|~0-9A-Za-z]/.test(char) && byte < 128
);

/** 1 for the bytes of a header value or a start line: tab, visible ASCII, space and obs-text. */
export const TEXT = tableOf((byte) => byte === TAB || (byte >= SPACE && byte !== 0x7f));

/** 1 for the bytes of a request target. Obs-text is let through: it moves no boundary. */
export const TARGET = tableOf((byte, char) => byte > SPACE && byte !== 0x7f && char !== "#");

/** Lower-case letters, and `-` for `_`: CGI-like servers read both names as one. */
export const FOLDED = Uint8Array.from({ length: 256 }, (_, byte) => {
  if (byte >= 0x41 && byte <= 0x5a) return byte | 0x20;
  return byte === 0x5f ? 0x2d : byte;
});

/** Value of a hexadecimal digit; 255 for other bytes. */
export const HEX_VALUE = Uint8Array.from({ length: 256 }, (_, byte) => {
  const digit = "0123456789abcdef".indexOf(String.fromCharCode(byte).toLowerCase());
  return digit === -1 ? 255 : digit;
});

/** The bytes as Latin-1 text: one character per byte. */
export function latin1(bytes: Uint8Array, start: number, end: number): string {
  let text = "";
  let at = start;
  // Every `+=` makes a string, so there are as few as a head's short texts allow.
  for (; at + 4 <= end; at += 4) {
    text += String.fromCharCode(
      bytes[at] ?? 0,
      bytes[at + 1] ?? 0,
      bytes[at + 2] ?? 0,
      bytes[at + 3] ?? 0,
    );
  }
  for (; at < end; at++) text += String.fromCharCode(bytes[at] ?? 0);
  return text;
}

/** Says whether the bytes are this Latin-1 text. */
export function isText(text: string, bytes: Uint8Array, start: number, end: number): boolean {
  if (text.length !== end - start) return false;
  for (let at = 0; at < text.length; at++) {
    if (bytes[start + at] !== text.charCodeAt(at)) return false;
  }
  return true;
}

/** The text's characters as bytes; those above 255 become `?`. */
export function latin1Bytes(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    bytes[at] = code < 256 ? code : 0x3f;
  }
  return bytes;
}

function tableOf(allowed: (byte: number, char: string) => boolean): Uint8Array {
  return Uint8Array.from(
    { length: 256 },
    (_, byte) => allowed(byte, String.fromCharCode(byte)) ? 1 : 0,
  );
}
