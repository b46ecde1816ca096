/**
 * The Perl program that listens on a port inside a sandbox's network, for `accept`.
 *
 * @module
 */

import { RELAY_LISTEN, RELAY_SERVE } from "../../relay/relay_program.ts";
import { commonScript } from "./common_script.ts";
import { JOIN_NETWORK } from "./join_network_script.ts";

/**
 * The whole program, for the bootstrap; one frame follows, with the pid of a process in the sandbox and
 * the port. It ends with that process and with its standard input.
 */
export function acceptProgram(arch: "amd64" | "arm64"): string {
  return commonScript(arch) + JOIN_NETWORK + ENTER + RELAY_LISTEN + LEAVE + RELAY_SERVE;
}

const ENTER = String.raw`
our ($target, $watched);
($target, $ARGV[0]) = split(/\0/, frame(), -1);
close_inherited();
syscall($NR{setsid});
chdir("/");
{
  my $number = join_network($target);
  $watched = $number if $number >= 0;
}
`;

/** A low port needs the rights that it has until here. */
const LEAVE = String.raw`
drop_privileges();
`;
