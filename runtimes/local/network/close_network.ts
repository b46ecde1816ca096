/**
 * Ends what a sandbox's network left running when its process died.
 *
 * @module
 */

import { endHelper, readRecord, removeRecord } from "./helper_record.ts";
import { removeRelaySocket } from "./relay_socket.ts";

/** Ends the helper, if it is still the one that was started. Idempotent. */
export async function closeNetwork({ stateDir }: { readonly stateDir: string }): Promise<void> {
  const record = await readRecord(stateDir);
  if (record) await endHelper(record);
  await removeRelaySocket(stateDir);
  await removeRecord(stateDir);
}
