/**
 * What one client may take, in bytes and time.
 *
 * @module
 */

/** Limits of the engine; sizes in bytes. */
export interface Limits {
  /** A request's or response's head, or a trailer section; more is 431 or 502. */
  readonly headBytes: number;
  /** Header lines of one head. */
  readonly headerLines: number;
  /** From a head's first byte to its last; more is 408. */
  readonly headMs: number;
  /** How long a client's connection may wait for the next request. */
  readonly clientIdleMs: number;
  /** How long a connection to an endpoint is kept. Below the 5 s after which Node.js closes. */
  readonly endpointIdleMs: number;
  /** Unused connections kept per endpoint. */
  readonly idlePerEndpoint: number;
  readonly connectMs: number;
  /**
   * How long a client may pause in the middle of a request's body, while its endpoint has not begun to
   * answer; more is 408. Noticed within twice as long.
   */
  readonly bodyStallMs: number;
  /** A client that ended its output still gets what comes with no longer pause than this. */
  readonly halfClosedMs: number;
  /** How long unread input is drained after a last answer, so that a reset does not overtake it. */
  readonly lingerMs: number;
  /** How often a request may pass this router, for example through a run that calls another. */
  readonly passes: number;
}

/** The limits unless tests ask for others. */
export const LIMITS: Limits = {
  headBytes: 64 * 1024,
  headerLines: 256,
  headMs: 15_000,
  clientIdleMs: 120_000,
  endpointIdleMs: 4_000,
  idlePerEndpoint: 128,
  connectMs: 10_000,
  bodyStallMs: 300_000,
  halfClosedMs: 5_000,
  lingerMs: 2_000,
  passes: 8,
};
