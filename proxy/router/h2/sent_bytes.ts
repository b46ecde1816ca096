/**
 * How much of its streams' data a connection has passed on to its client.
 *
 * The runtime's server takes whatever it is given and keeps what the client's windows do not allow yet:
 * only the frames that leave it tell how much that is.
 *
 * @module
 */

interface Stream {
  sent: number;
  /** Who waits until so much has been sent. */
  waiting: { readonly until: number; resolve(): void } | undefined;
}

/** One connection. */
export class SentBytes {
  readonly #streams = new Map<number, Stream>();

  /** From now on a stream is counted. */
  begin(id: number): void {
    this.#streams.set(id, { sent: 0, waiting: undefined });
  }

  /** A DATA frame of that length went to the client. */
  add(id: number, length: number): void {
    const stream = this.#streams.get(id);
    if (stream === undefined) return;
    stream.sent += length;
    if (stream.waiting === undefined || stream.sent < stream.waiting.until) return;
    stream.waiting.resolve();
    stream.waiting = undefined;
  }

  /** Resolves when the stream has sent so many bytes, or sends no more. One caller at a time. */
  reach(id: number, until: number): Promise<void> {
    const stream = this.#streams.get(id);
    if (stream === undefined || stream.sent >= until) return Promise.resolve();
    return new Promise((resolve) => stream.waiting = { until, resolve });
  }

  /** The stream is over. */
  end(id: number): void {
    this.#streams.get(id)?.waiting?.resolve();
    this.#streams.delete(id);
  }
}
