/**
 * What a run with rules does before its command: it waits for the way to the router.
 *
 * That is opened from outside once the run has been started; a client that is the run's whole command
 * would come too early. Without rules nothing waits: who asks its own endpoint has started it before.
 *
 * @module
 */

const TRIES = 100;
const PAUSE_SECONDS = 0.02;
/** 127.0.0.1 as the kernel writes it, and the state of a socket that listens. */
const LOOPBACK = "0100007F";
const LISTENS = "0A";

/** A shell command on one line that never fails: returns when the port is there, or after a while. */
export function awaitRouterScript(port: number): string {
  const address = `${LOOPBACK}:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  return [
    `(n=0; while [ $n -lt ${TRIES} ] && [ -r /proc/net/tcp ]`,
    `do while read -r _ at _ state _`,
    `do [ "$at $state" != "${address} ${LISTENS}" ] || exit 0`,
    `done </proc/net/tcp`,
    `n=$((n + 1))`,
    `sleep ${PAUSE_SECONDS}`,
    `done) 2>/dev/null || :`,
  ].join("; ");
}
