/**
 * A way in for HTTP/1.1: what its cases need of it.
 *
 * @module
 */

import type { RawConnection } from "../raw_http.ts";
import type { Lane } from "./lane.ts";

/** How HTTP/1.1 gets to the router. */
export interface Http1Way {
  readonly scheme: "http" | "https";
  /** A connection for requests to the lane's host. */
  connect(lane: Lane): Promise<RawConnection>;
  /** Lets what comes back wait in the client's buffers, where not reading does not do so. */
  pause?(client: RawConnection): Promise<void>;
  /** Takes it again. */
  resume?(client: RawConnection): Promise<void>;
}
