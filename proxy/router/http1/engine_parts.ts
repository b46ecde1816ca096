/**
 * What all connections of one engine share.
 *
 * @module
 */

import type { LentBuffers } from "./buffers.ts";
import type { Limits } from "./limits.ts";
import type { Pool } from "./pool.ts";

/** Shared by all connections. */
export interface EngineParts {
  readonly limits: Limits;
  readonly buffers: LentBuffers;
  readonly pool: Pool;
  /** Its name in Via: random, so that no client can know it before. */
  readonly pseudonym: string;
  /** Connections end after the response that they are in. */
  readonly isDraining: boolean;
}
