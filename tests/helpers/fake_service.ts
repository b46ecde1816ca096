/**
 * What a companion of the fake runtime does: a test gives one by the name of the service.
 *
 * @module
 */

import type { ByteStream, ExitStatus } from "../../core/plugin/runtime.ts";

/** A command that is run in a companion. */
export interface FakeCall {
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly uid: number;
  readonly input: AsyncIterable<Uint8Array>;
}

/** What such a command did. */
export interface FakeAnswer {
  readonly code: number;
  readonly stdout?: string;
  readonly stderr?: string;
}

/** Absent parts do nothing: it runs, listens nowhere, and every command in it ends with 0. */
export interface FakeService {
  /** Printed at its start. */
  readonly output?: string;
  /** It ends so, at once. */
  readonly exit?: ExitStatus;
  /** Ports that it listens on; each connection is given to the handler and closed behind it. */
  readonly ports?: Readonly<Record<number, (peer: ByteStream) => Promise<void> | void>>;
  /** Resolves when it begins to listen; absent: at its start. */
  readonly listens?: Promise<void>;
  exec?(call: FakeCall): FakeAnswer | Promise<FakeAnswer>;
}
