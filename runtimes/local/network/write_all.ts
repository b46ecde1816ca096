/**
 * Writes all bytes: a single write may take fewer.
 *
 * @module
 */

/** Resolves when everything is taken. */
export async function writeAll(to: Deno.Conn, data: Uint8Array): Promise<void> {
  for (let sent = 0; sent < data.length;) sent += await to.write(data.subarray(sent));
}
