/**
 * Remembers that sandboxes work here, so that later commands need not try.
 *
 * The stamp names everything that could change the answer: the boot, the user, the program, the
 * kernel's switches. Only a real start writes it.
 *
 * @module
 */

import { dirname, join } from "node:path";
import type { RuntimeEnvironment } from "../../core/plugin/contract.ts";
import { isThere } from "../../core/store/files.ts";
import { findProgram } from "./find_program.ts";
import { type Backend, readText, writeWhole } from "./sandbox_state.ts";

const SWITCHES = [
  "/proc/sys/kernel/random/boot_id",
  "/proc/sys/user/max_user_namespaces",
  "/proc/sys/kernel/unprivileged_userns_clone",
  "/proc/sys/kernel/apparmor_restrict_unprivileged_userns",
];

/** Whether a sandbox was started here before, and nothing has changed since. */
export async function isStamped(
  environment: RuntimeEnvironment,
  backend: Backend,
): Promise<boolean> {
  const stamp = await readText(stampPath(environment, backend));
  return stamp !== undefined && stamp === await describe(environment, backend);
}

/** Remembers a success. Writes only when something changed. */
export async function stamp(environment: RuntimeEnvironment, backend: Backend): Promise<void> {
  const directory = dirname(stampPath(environment, backend));
  // A home is not made for this.
  if (!await isThere(dirname(directory))) return;
  const text = await describe(environment, backend);
  if (await readText(stampPath(environment, backend)) === text) return;
  await Deno.mkdir(directory, { recursive: true, mode: 0o700 });
  await writeWhole(stampPath(environment, backend), text);
}

function stampPath(
  { stateDir, findingsDir = stateDir }: RuntimeEnvironment,
  backend: Backend,
): string {
  return join(findingsDir, `works-${backend}-${Deno.uid() ?? 0}`);
}

async function describe({ env }: RuntimeEnvironment, backend: Backend): Promise<string> {
  const program = backend === "bubblewrap" ? findProgram("bwrap", env) : "/usr/bin/perl";
  const found = program === undefined ? undefined : await Deno.stat(program);
  const switches = await Promise.all(SWITCHES.map(readText));
  return `${
    [FORMAT, program, found?.size, found?.mtime?.getTime(), ...switches.map((text) => text?.trim())]
      .join("\n")
  }\n`;
}

/** Raised when the walls change, so that a stamp of older ones does not count. */
const FORMAT = "1";
