/**
 * Compares API versions such as `1.41`.
 *
 * @module
 */

/** The lower of two API versions such as `1.41`. */
export function lowerVersion(one: string, other: string): string {
  const [major = 0, minor = 0] = one.split(".").map(Number);
  const [otherMajor = 0, otherMinor = 0] = other.split(".").map(Number);
  return major < otherMajor || (major === otherMajor && minor < otherMinor) ? one : other;
}

/** Says whether an API version such as `1.41` is at least the other. */
export function isAtLeast(version: string, wanted: string): boolean {
  return lowerVersion(version, wanted) === wanted;
}
