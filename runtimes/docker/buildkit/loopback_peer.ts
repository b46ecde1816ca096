/**
 * Tells whether the other end of a loopback connection is this very process.
 *
 * Behind the bridge the engine listens, which is root: no other user of the machine may reach it
 * through a port of ours. Linux only, by /proc. To be deleted when the base executable is newer
 * than 2.7.
 *
 * @module
 */

/** True when this process holds the socket at the connection's other end. */
export async function isOwnLoopbackPeer(connection: Deno.Conn): Promise<boolean> {
  const { localAddr, remoteAddr } = connection;
  if (localAddr.transport !== "tcp" || remoteAddr.transport !== "tcp") return false;
  const table = await Deno.readTextFile("/proc/self/net/tcp");
  const inode = findInode(table, { from: remoteAddr.port, to: localAddr.port });
  return inode !== undefined && await holdsSocket(inode);
}

/** Finds the socket on 127.0.0.1 with these ports in the text of /proc/net/tcp. */
export function findInode(
  table: string,
  { from, to }: { readonly from: number; readonly to: number },
): string | undefined {
  for (const line of table.split("\n").slice(1)) {
    const [, local, remote, , , , , , , inode] = line.trim().split(/\s+/);
    if (local === loopback(from) && remote === loopback(to)) return inode;
  }
}

/** As /proc writes 127.0.0.1 and a port on little-endian machines, which all targets are. */
function loopback(port: number): string {
  return `0100007F:${port.toString(16).toUpperCase().padStart(4, "0")}`;
}

async function holdsSocket(inode: string): Promise<boolean> {
  for await (const { name } of Deno.readDir("/proc/self/fd")) {
    try {
      if (await Deno.readLink(`/proc/self/fd/${name}`) === `socket:[${inode}]`) return true;
    } catch (error) {
      // The descriptor of the directory itself is gone by now.
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  return false;
}
