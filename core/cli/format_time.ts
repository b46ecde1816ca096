/**
 * Times as people read them.
 *
 * @module
 */

const STEPS: readonly (readonly [string, number])[] = [
  ["d", 86_400],
  ["h", 3600],
  ["m", 60],
  ["s", 1],
];

/** How long ago, in its largest unit: `12s`, `5m`, `3h`, `2d`. */
export function formatAge(since: string, now: number = Date.now()): string {
  const seconds = Math.max(0, Math.floor((now - Date.parse(since)) / 1000));
  for (const [unit, length] of STEPS) {
    if (seconds >= length) return `${Math.floor(seconds / length)}${unit}`;
  }
  return "0s";
}

/** A number of bytes with its unit, such as `1.5 MB`. */
export function formatBytes(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let value = bytes;
  let index = 0;
  while (value >= 1000 && index < units.length - 1) {
    value /= 1000;
    index++;
  }
  return `${index === 0 ? value : value.toFixed(value < 10 ? 1 : 0)} ${units[index]}`;
}
