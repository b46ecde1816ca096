/**
 * The processes of this machine that belong to some MOAT_HOME, by /proc.
 *
 * @module
 */

/** One process. */
export interface Proc {
  readonly pid: number;
  readonly parent: number;
  readonly argv: readonly string[];
  /** MOAT_HOME in its environment, or that of an ancestor. */
  readonly home: string;
}

/** Processes whose environment, or an ancestor's, has one of the homes; the caller's own are not. */
export async function processesOf(homes: readonly string[]): Promise<readonly Proc[]> {
  const all = new Map<number, Omit<Proc, "home"> & { readonly home: string | undefined }>();
  for await (const { name } of Deno.readDir("/proc")) {
    const pid = Number(name);
    if (!Number.isInteger(pid) || pid === Deno.pid) continue;
    const read = await readProcess(pid);
    if (read !== undefined) all.set(pid, read);
  }
  const homeOf = (pid: number): string | undefined => {
    for (let at = all.get(pid); at !== undefined; at = all.get(at.parent)) {
      if (at.home !== undefined) return homes.includes(at.home) ? at.home : undefined;
    }
    return undefined;
  };
  return [...all.values()].flatMap(({ pid, parent, argv }) => {
    const home = homeOf(pid);
    return home === undefined ? [] : [{ pid, parent, argv, home }];
  });
}

/** Kills a process that may just have ended. */
export function kill9(pid: number): void {
  try {
    Deno.kill(pid, "SIGKILL");
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound) && !(error instanceof TypeError)) throw error;
  }
}

async function readProcess(
  pid: number,
): Promise<Omit<Proc, "home"> & { readonly home: string | undefined } | undefined> {
  try {
    const [environ, cmdline, stat] = await Promise.all(
      ["environ", "cmdline", "stat"].map((file) => Deno.readTextFile(`/proc/${pid}/${file}`)),
    );
    const argv = (cmdline ?? "").split("\0").slice(0, -1);
    if (argv.length === 0) return undefined;
    const fields = (stat ?? "").slice((stat ?? "").lastIndexOf(")") + 2).split(" ");
    const home = (environ ?? "").split("\0").find((pair) => pair.startsWith("MOAT_HOME="));
    return { pid, parent: Number(fields[1]), argv, home: home?.slice("MOAT_HOME=".length) };
  } catch (error) {
    // Processes end while they are looked at, and some are not ours to read.
    if (error instanceof Error) return undefined;
    throw error;
  }
}
