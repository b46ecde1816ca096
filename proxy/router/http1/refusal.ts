/**
 * How the parsers say no.
 *
 * @module
 */

/** The bytes are not HTTP/1.1 as this router takes it. Never leaves the engine. */
export class Refusal extends Error {
  override readonly name = "Refusal";
  /** What a client is told; for an endpoint's response it is always 502. */
  readonly status: number;

  constructor(reason: string, status = 400) {
    super(reason);
    this.status = status;
  }
}
