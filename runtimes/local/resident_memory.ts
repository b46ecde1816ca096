/**
 * What the processes of a sandbox have in memory, read from the host's own /proc: nothing inside
 * can change it or hide from it.
 *
 * Whatever a process of a sandbox leaves behind becomes a child of its process 1, so the tree below
 * that one is all there is.
 *
 * @module
 */

/** Resident bytes of the process and all below it; memory that several share counts for each. */
export function residentBytes(pid: number): number {
  let bytes = 0;
  const waiting = [pid];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const status = readTextNow(`/proc/${next}/status`);
    bytes += Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) * 1024;
    waiting.push(...childrenOf(next));
  }
  return bytes;
}

/** Each thread has the children that it started. */
function childrenOf(pid: number): readonly number[] {
  const threads = `/proc/${pid}/task`;
  return namesNow(threads).flatMap((thread) =>
    [...readTextNow(`${threads}/${thread}/children`).matchAll(/\d+/g)].map(([word]) => Number(word))
  );
}

/** Nothing when the process ended meanwhile. */
function readTextNow(path: string): string {
  return orGone(() => Deno.readTextFileSync(path), "");
}

function namesNow(path: string): readonly string[] {
  return orGone(() => [...Deno.readDirSync(path)].map(({ name }) => name), []);
}

function orGone<T>(read: () => T, nothing: T): T {
  try {
    return read();
  } catch (error) {
    // Reading a process that ends meanwhile gives ESRCH, which Deno has no class for.
    const isGone = error instanceof Error && error.message.includes("os error 3");
    if (error instanceof Deno.errors.NotFound || isGone) return nothing;
    throw error;
  }
}
