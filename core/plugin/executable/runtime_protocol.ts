/**
 * What moat and a runtime that is an executable say to each other, each in frames (`code/frames.ts`)
 * on the executable's standard input and output. Nothing that it says is trusted.
 *
 * Every call has an id. Its answers carry that id, and the last one is `result` or `error`. Bytes go
 * both ways as base64, and whoever sends them waits after {@linkcode WINDOW} pieces until the other
 * says that it took some: a slow reader slows the writer, and no side holds more than that.
 *
 * @module
 */

import * as v from "valibot";

/** The version of all this, which the executable says first. */
export const RUNTIME_PROTOCOL = 1;

/** Pieces of one call in one direction that may be on their way. */
export const WINDOW = 16;

/** Bytes of a piece; as base64 it fits a frame. */
export const MAX_PIECE_BYTES = 256 * 1024;

/** To the executable. */
export type RuntimeOrder =
  | { readonly id: number; readonly call: string; readonly with: unknown }
  /** The call's result is of no use any more; it is answered all the same. */
  | { readonly id: number; readonly cancel: true }
  /** A piece of input, base64. */
  | { readonly id: number; readonly data: string }
  /** No more input. */
  | { readonly id: number; readonly end: true }
  | {
    readonly id: number;
    readonly size: { readonly columns: number; readonly rows: number };
  }
  /** For the command of an `exec`. */
  | { readonly id: number; readonly signal: string }
  /** So many pieces of output were used. */
  | { readonly id: number; readonly taken: number };

const id = v.pipe(v.number(), v.integer(), v.minValue(1));
const line = v.pipe(v.string(), v.maxLength(2000));

const HELLO = v.object({ protocol: v.pipe(v.number(), v.integer()) });

const PIECE = v.object({
  id,
  data: v.pipe(v.string(), v.maxLength(Math.ceil(MAX_PIECE_BYTES / 3) * 4), v.base64()),
  stream: v.optional(v.picklist(["stdout", "stderr", "tty"]), "stdout"),
  time: v.optional(v.pipe(v.string(), v.isoTimestamp())),
  cursor: v.optional(v.pipe(v.string(), v.maxLength(200))),
  late: v.optional(v.boolean()),
});

const ANSWER = v.union([
  v.object({ id, result: v.unknown() }),
  v.object({ id, error: v.object({ message: line, hint: v.optional(line) }) }),
  v.object({ id, started: v.literal(true) }),
  v.object({ id, end: v.literal(true) }),
  v.object({ id, taken: v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(WINDOW)) }),
  v.object({
    id,
    progress: v.object({ id: line, text: line, done: v.optional(v.boolean(), false) }),
  }),
  v.object({ id, notice: line }),
]);

/** A piece of output of a call. */
export type OutputPiece = v.InferOutput<typeof PIECE>;

/** From the executable, about one call. */
export type RuntimeAnswer = v.InferOutput<typeof ANSWER> | OutputPiece;

/** The version that its first message says, or `undefined` when that is no such message. */
export function readHello(value: unknown): number | undefined {
  const result = v.safeParse(HELLO, value);
  return result.success ? result.output.protocol : undefined;
}

/** The answer, or `undefined` when it is none. */
export function readAnswer(value: unknown): RuntimeAnswer | undefined {
  const result = v.safeParse(isPiece(value) ? PIECE : ANSWER, value);
  return result.success ? result.output : undefined;
}

function isPiece(value: unknown): boolean {
  return typeof value === "object" && value !== null && "data" in value;
}
