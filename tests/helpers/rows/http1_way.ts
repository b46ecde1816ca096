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
  /** Where not reading is not enough: what comes back waits in the kernel from now on. */
  pause(client: RawConnection): Promise<void>;
  /** Takes it again. */
  resume(client: RawConnection): Promise<void>;
}
