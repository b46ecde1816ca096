/**
 * Whether this process may read from its terminal without being stopped.
 *
 * @module
 */

/**
 * Says whether this process is in its terminal's foreground; true where the system does not tell. A
 * background job that reads is stopped by SIGTTIN.
 */
export async function isForeground(stat = "/proc/self/stat"): Promise<boolean> {
  try {
    const text = await Deno.readTextFile(stat);
    // The program's name, in parentheses, may hold anything; proc_pid_stat(5).
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
    const [, , group, , , foreground] = fields;
    return group === undefined || foreground === undefined || group === foreground ||
      foreground === "-1";
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return true;
    throw error;
  }
}
