/**
 * The walls of a sandbox by name, so that a test can take one out and see that its check notices.
 *
 * Nothing but tests ever takes one out; there is no flag or variable for it.
 *
 * @module
 */

/** Every wall that can be taken out on its own. */
export const WALLS = [
  "allowed etc",
  "capabilities",
  "cgroup",
  "descriptors",
  "devices",
  "hidden host",
  "hidden init",
  "hostname",
  "inner user",
  "ipc",
  "keyring",
  "masked proc",
  "mount flags",
  "nested namespaces",
  "network",
  "no new privileges",
  "processes",
  "read-only proc",
  "read-only system",
  "sealed root",
  "session",
  /** No wall: has the setup do without a call that older kernels lack. */
  "mount_setattr",
] as const;

/** A wall's name. */
export type Wall = typeof WALLS[number];
