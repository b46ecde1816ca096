/**
 * Who listens on a port of this machine, for messages. Only on Linux, and only programs that this
 * user may look at; otherwise nobody is named.
 *
 * @module
 */

const LISTEN = "0A";

/** `nginx (pid 12)`, or `undefined` where it cannot be told. */
export async function findPortHolder(port: number): Promise<string | undefined> {
  try {
    const inodes = await listeningInodes(port);
    return inodes.size === 0 ? undefined : await findProcess(inodes);
  } catch (error) {
    if (isHidden(error)) return undefined;
    throw error;
  }
}

/** The sockets' inode numbers, out of the kernel's tables. */
async function listeningInodes(port: number): Promise<ReadonlySet<string>> {
  const inodes = new Set<string>();
  const hex = port.toString(16).toUpperCase().padStart(4, "0");
  for (const table of ["/proc/net/tcp", "/proc/net/tcp6"]) {
    for (const line of (await readIfThere(table)).split("\n")) {
      const [, local = "", , state, , , , , , inode] = line.trim().split(/\s+/);
      if (local.endsWith(`:${hex}`) && state === LISTEN && inode !== undefined) inodes.add(inode);
    }
  }
  return inodes;
}

async function findProcess(inodes: ReadonlySet<string>): Promise<string | undefined> {
  for await (const { name: pid } of Deno.readDir("/proc")) {
    if (!/^\d+$/.test(pid) || !(await holdsOne(pid, inodes))) continue;
    const command = (await readIfThere(`/proc/${pid}/comm`)).trim();
    return `${command || "process"} (pid ${pid})`;
  }
  return undefined;
}

async function holdsOne(pid: string, inodes: ReadonlySet<string>): Promise<boolean> {
  try {
    for await (const { name } of Deno.readDir(`/proc/${pid}/fd`)) {
      const target = await Deno.readLink(`/proc/${pid}/fd/${name}`);
      const inode = /^socket:\[(\d+)\]$/.exec(target)?.[1];
      if (inode !== undefined && inodes.has(inode)) return true;
    }
  } catch (error) {
    if (!isHidden(error)) throw error;
  }
  return false;
}

async function readIfThere(path: string): Promise<string> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    if (isHidden(error)) return "";
    throw error;
  }
}

/** Processes end while they are looked at, and others' are not shown. */
function isHidden(error: unknown): boolean {
  return error instanceof Deno.errors.NotFound || error instanceof Deno.errors.PermissionDenied ||
    error instanceof Deno.errors.NotCapable ||
    (error instanceof Error && /ESRCH|No such process/i.test(error.message));
}
