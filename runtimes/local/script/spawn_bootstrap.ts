/**
 * Starts a Perl that waits for its program.
 *
 * @module
 */

import { BOOTSTRAP } from "./common_script.ts";

/** A process without variables that reads its program as a frame, see {@linkcode BOOTSTRAP}. */
export function spawnBootstrap(): Deno.ChildProcess {
  return new Deno.Command("/usr/bin/perl", {
    args: ["-e", BOOTSTRAP],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
    clearEnv: true,
    cwd: "/",
  }).spawn();
}
