/**
 * One call to the executable of a runtime: its pieces both ways, and its end.
 *
 * @module
 */

import type { Progress } from "../runtime.ts";
import {
  MAX_PIECE_BYTES,
  type OutputPiece,
  type RuntimeAnswer,
  type RuntimeOrder,
  WINDOW,
} from "./runtime_protocol.ts";

/** What a call may be told on the way. */
export interface CallIo {
  readonly progress?: Progress;
  readonly notice?: (text: string) => void;
}

/** An order without the call's id. */
type OwnOrder = RuntimeOrder extends infer Order
  ? Order extends { readonly id: number } ? Omit<Order, "id"> : never
  : never;

/** What a call needs of its connection. */
interface RuntimeCallOptions {
  readonly io: CallIo;
  send(order: OwnOrder): Promise<void>;
  /** Ends the connection: the executable does what it must not. */
  refuse(state: string): void;
  /** Called once, when nothing more comes. */
  over(): void;
}

/** An answer that says that it cannot be done. */
export class RefusedCall extends Error {
  readonly hint: string | undefined;

  constructor(message: string, hint: string | undefined) {
    super(message);
    this.hint = hint;
  }
}

/** A call that was made. */
export class RuntimeCall {
  readonly #options: RuntimeCallOptions;
  readonly #result = Promise.withResolvers<unknown>();
  readonly #started = Promise.withResolvers<void>();
  readonly #pieces: OutputPiece[] = [];
  #isOver = false;
  #outputEnded = false;
  #isDiscarding = false;
  #onWay = 0;
  #wake = Promise.withResolvers<void>();
  #inputWake = Promise.withResolvers<void>();

  constructor(options: RuntimeCallOptions) {
    this.#options = options;
    this.#result.promise.catch(() => {});
    this.#started.promise.catch(() => {});
  }

  /** What it answers in the end. @throws RefusedCall for an error, MoatError when the plugin fails */
  get result(): Promise<unknown> {
    return this.#result.promise;
  }

  /** Resolves when the executable says that it has begun, or has answered. */
  get started(): Promise<void> {
    return this.#started.promise;
  }

  /** Pieces as they come, to their end. For one reader. @throws as `result` */
  async *output(): AsyncGenerator<OutputPiece> {
    for (;;) {
      for (let piece = this.#pieces.shift(); piece !== undefined; piece = this.#pieces.shift()) {
        yield piece;
        if (!this.#isOver) this.#sendQuietly({ taken: 1 });
      }
      if (this.#outputEnded) return;
      if (this.#isOver) {
        await this.#result.promise;
        return;
      }
      await this.#wake.promise;
    }
  }

  /** Sends bytes, as fast as they are taken. What comes after the end is lost. */
  async write(data: Uint8Array): Promise<void> {
    for (let at = 0; at < data.length; at += MAX_PIECE_BYTES) {
      while (this.#onWay >= WINDOW && !this.#isOver) await this.#inputWake.promise;
      if (this.#isOver) return;
      this.#onWay++;
      const piece = data.subarray(at, at + MAX_PIECE_BYTES).toBase64();
      await this.#send({ data: piece });
    }
  }

  /** Sends something besides bytes; nothing when the call is over. */
  async order(order: OwnOrder): Promise<void> {
    if (!this.#isOver) await this.#send(order);
  }

  /** Output is of no use any more; the call goes on to its end. */
  discard(): void {
    this.#isDiscarding = true;
    this.#outputEnded = true;
    const held = this.#pieces.splice(0).length;
    if (held > 0 && !this.#isOver) this.#sendQuietly({ taken: held });
    this.#notify();
  }

  /** Takes what the executable says of this call. */
  take(answer: RuntimeAnswer): void {
    const { progress, notice } = this.#options.io;
    if ("data" in answer) return this.#takePiece(answer);
    if ("started" in answer) this.#started.resolve();
    else if ("end" in answer) this.#endOutput();
    else if ("taken" in answer) this.#takeRoom(answer.taken);
    else if ("notice" in answer) notice?.(answer.notice);
    else if ("progress" in answer) {
      const { id, text, done } = answer.progress;
      if (done) progress?.done(id, text);
      else progress?.update(id, text);
    } else if ("error" in answer) {
      this.fail(new RefusedCall(answer.error.message, answer.error.hint));
    } else {
      this.#finish();
      this.#result.resolve(answer.result);
      this.#started.resolve();
    }
  }

  /** Ends the call with an error. */
  fail(error: Error): void {
    if (this.#isOver) return;
    this.#finish();
    this.#result.reject(error);
    this.#started.reject(error);
  }

  /** Ends the call as one that nobody wants any more: its output is over, its result an error. */
  leave(error: Error): void {
    this.#outputEnded = true;
    this.fail(error);
  }

  #takePiece(piece: OutputPiece): void {
    if (this.#isDiscarding) return this.#sendQuietly({ taken: 1 });
    if (this.#pieces.length >= WINDOW) {
      this.#options.refuse("it sends more than was taken");
      return;
    }
    this.#pieces.push(piece);
    this.#notify();
  }

  #takeRoom(taken: number): void {
    this.#onWay -= taken;
    if (this.#onWay < 0) return this.#options.refuse("it takes more than was sent");
    this.#inputWake.resolve();
    this.#inputWake = Promise.withResolvers();
  }

  #endOutput(): void {
    this.#outputEnded = true;
    this.#notify();
  }

  #finish(): void {
    this.#isOver = true;
    this.#options.over();
    this.#inputWake.resolve();
    this.#notify();
  }

  #notify(): void {
    this.#wake.resolve();
    this.#wake = Promise.withResolvers();
  }

  async #send(order: OwnOrder): Promise<void> {
    try {
      await this.#options.send(order);
    } catch (error) {
      if (!this.#isOver) throw error;
    }
  }

  #sendQuietly(order: OwnOrder): void {
    // A failure is the connection's, which ends this call.
    this.#options.send(order).catch(() => {});
  }
}
