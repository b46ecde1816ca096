/**
 * A queue between two sides of a fake: pushed by one, iterated by the other.
 *
 * @module
 */

/** Unbounded; one reader. */
export class Channel<T> implements AsyncIterable<T> {
  readonly #values: T[] = [];
  #changed = Promise.withResolvers<void>();
  #closed = false;

  get isClosed(): boolean {
    return this.#closed;
  }

  push(value: T): void {
    if (this.#closed) return;
    this.#values.push(value);
    this.#wake();
  }

  /** No more values come; those already there are still read. Idempotent. */
  close(): void {
    this.#closed = true;
    this.#wake();
  }

  /** The next value, or `undefined` at the end. */
  async next(): Promise<T | undefined> {
    while (this.#values.length === 0 && !this.#closed) await this.#changed.promise;
    return this.#values.shift();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T, void, void> {
    for (let value; (value = await this.next()) !== undefined;) yield value;
  }

  #wake(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }
}
