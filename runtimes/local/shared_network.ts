/**
 * The network namespace that a run shares with its services: made before the first of them, gone
 * after the last sandbox of the run.
 *
 * It is held by the process through which moat reaches ports inside (`dial_relay.ts`). As root it
 * belongs to the host's user namespace, otherwise to one that maps this user alone.
 *
 * @module
 */

import { join } from "node:path";
import { endRelay, readRelay, startRelay } from "./dial_relay.ts";
import { isAlive } from "./process_identity.ts";
import type { ProcessIdentity } from "./sandbox_state.ts";
import { removeIfThere } from "../../core/store/files.ts";
import { directoryNames } from "./state_files.ts";
import type { Launch } from "./unshare.ts";

/** Names one: sandboxes of the same run in the same state directory share it. */
export interface SharedNetworkKey {
  readonly stateDir: string;
  readonly runId: string;
}

/** A namespace that stands. */
export interface SharedNetwork {
  /** Where its relay's socket is. */
  readonly directory: string;
  readonly holder: ProcessIdentity;
}

/** Makes it unless it is there. One process does so for a run. @throws MoatError */
export async function ensureSharedNetwork(
  key: SharedNetworkKey,
  arch: "amd64" | "arm64",
): Promise<SharedNetwork> {
  const found = await findSharedNetwork(key);
  if (found !== undefined) return found;
  const directory = directoryOf(key);
  await Deno.mkdir(directory, { recursive: true, mode: 0o700 });
  return { directory, holder: await startRelay({ directory, arch }) };
}

/** The namespace, or `undefined` where the run has none of this kind. */
export async function findSharedNetwork(key: SharedNetworkKey): Promise<SharedNetwork | undefined> {
  const directory = directoryOf(key);
  const holder = await readRelay(directory);
  return holder !== undefined && isAlive(holder) ? { directory, holder } : undefined;
}

/** Runs whose namespace, or what is left of it, is there. */
export async function listSharedNetworks(stateDir: string): Promise<readonly string[]> {
  return await directoryNames(networksDirectory(stateDir));
}

/** Lets go of it. Idempotent. */
export async function removeSharedNetwork(key: SharedNetworkKey): Promise<void> {
  const directory = directoryOf(key);
  await endRelay(directory);
  await removeIfThere(directory);
}

/** The same launch, with its processes in the namespace instead of one of their own. Pure. */
export function launchWithin({ holder }: SharedNetwork, launch: Launch): Launch {
  const enter = ["/usr/bin/perl", "-e", ENTER, String(holder.pid)];
  return { ...launch, command: [...enter, ...launch.command] };
}

function networksDirectory(stateDir: string): string {
  return join(stateDir, "networks");
}

function directoryOf({ stateDir, runId }: SharedNetworkKey): string {
  return join(networksDirectory(stateDir), runId);
}

/** setns has one number on each of the two processors. */
const SETNS = { x86_64: 308, aarch64: 268 } as const;

/** Joins the namespace of the process in the first argument and becomes the rest. */
const ENTER = String.raw`
my $pid = shift;
sub enter { syscall(${
  SETNS[Deno.build.arch]
}, fileno($_[0]), $_[1]) == 0 or fail("join the run's network") }
sub fail { print STDERR "moat: cannot $_[0]: $!\n"; exit 125 }
open(my $net, "<", "/proc/$pid/ns/net") or fail("find the run's network");
my $number = ioctl($net, 0xb701, 0) or fail("find the owner of the run's network");
open(my $owner, "<&=", $number + 0) or fail("find the owner of the run's network");
enter($owner, 0x10000000) if (stat($owner))[1] != (stat("/proc/self/ns/user"))[1];
enter($net, 0x40000000);
close($owner); close($net);
exec { $ARGV[0] } @ARGV;
fail("run $ARGV[0]");
`;
