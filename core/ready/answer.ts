/**
 * What one question to a server gave.
 *
 * @module
 */

import type { ByteStream } from "../plugin/runtime.ts";
import type { ByteReader } from "./byte_reader.ts";

/** The connection of one attempt. */
export interface Conversation {
  readonly stream: ByteStream;
  readonly reader: ByteReader;
}

/** An answer. The texts are states, to be put behind a colon. */
export type Answer =
  /** `stays`: a server that lives on leaves the connection open, so that its end is a sign. */
  | { readonly kind: "ready"; readonly stays: boolean }
  | { readonly kind: "not yet"; readonly state: string }
  /** Waiting cannot mend it. */
  | { readonly kind: "refused"; readonly state: string };

/** Text of a server for a message: one line, without control characters, not too long. */
export function quoteAnswer(text: string): string {
  // deno-lint-ignore no-control-regex
  const plain = text.replaceAll(/[\u0000-\u001f\u007f-\u009f]+/g, " ").trim();
  return plain.length > 200 ? `${plain.slice(0, 200)}…` : plain;
}
