/**
 * Starts a program as another user, who then has a port that only root may open: see
 * `port_keeper.pl`. Needs root; what is started is not root any more.
 *
 * @module
 */

import type { Context } from "../context.ts";
import { MoatError } from "../errors.ts";
import script from "./port_keeper.pl" with { type: "text" };

/** A user of the system. */
export interface SystemUser {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  /** The ids of all their groups. */
  readonly groups: readonly number[];
  readonly home: string;
}

/** A port that is to be kept. */
export interface PortToKeep {
  readonly port: number;
  /** Where the keeper listens, and the directory that it makes for that. */
  readonly path: string;
  readonly directory: string;
}

/** Options of {@linkcode commandAs}. */
export interface CommandAsOptions {
  readonly user: SystemUser;
  readonly env: Readonly<Record<string, string>>;
  readonly keep?: PortToKeep;
  /** @default "inherit" */
  readonly stdout?: "piped" | "inherit";
}

/** The command that becomes the user and then the program. */
export function commandAs(
  program: readonly string[],
  { user, env, keep, stdout = "inherit" }: CommandAsOptions,
): Deno.Command {
  const { uid, gid, groups } = user;
  const { port, path, directory } = keep ?? { port: 0, path: "", directory: "" };
  const words = [uid, gid, groups.join(","), port, path, directory].map(String);
  return new Deno.Command("perl", {
    args: ["-e", script, ...words, ...program],
    env: { ...env },
    clearEnv: true,
    cwd: "/",
    stdin: "inherit",
    stdout,
    stderr: "inherit",
  });
}

const LOOK_UP = String.raw`my ($name, $gid, $home) = (getpwuid($ARGV[0]))[0, 3, 7] or exit 1;
open(my $id, "-|", "id", "-G", "--", $name) or exit 1;
print join("\n", $name, $gid, $home, split(/\s+/, <$id>));`;

/** Looks a user up. @throws MoatError when the system knows none of that id, or perl is not there */
export async function findSystemUser(
  uid: number,
  { signal }: Pick<Context, "signal">,
): Promise<SystemUser> {
  const { success, stdout } = await lookUp(uid, signal);
  const [name, gid, home, ...groups] = new TextDecoder().decode(stdout).trim().split("\n");
  if (!success || name === undefined || gid === undefined || home === undefined) {
    throw new MoatError(`Cannot start router for user ${uid}: the system knows no such user`);
  }
  return { name, uid, gid: Number(gid), home, groups: groups.map(Number) };
}

async function lookUp(uid: number, signal: AbortSignal): Promise<Deno.CommandOutput> {
  try {
    return await new Deno.Command("perl", {
      args: ["-e", LOOK_UP, String(uid)],
      stdin: "null",
      stderr: "null",
      signal,
    }).output();
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new MoatError(`Cannot start router for user ${uid}: perl is not installed`, {
      hint: "Install perl, or choose a port above 1023: moat proxy start --port 8080",
      cause: error,
    });
  }
}
