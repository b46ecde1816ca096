/**
 * Points in time as typed: how long ago, or RFC 3339.
 *
 * @module
 */

import { UsageError } from "../errors.ts";
import { parseDuration } from "../run/parse_amount.ts";

/** The time that `10m` or `2026-01-31T10:00:00Z` means. @throws UsageError */
export function parseSince(text: string, now: number = Date.now()): Date {
  if (/^\d+(\.\d+)?[a-z]*$/.test(text)) return new Date(now - parseDuration(text));
  const time = new Date(/^\d{4}-\d{2}-\d{2}/.test(text) ? text : NaN);
  if (!Number.isNaN(time.getTime())) return time;
  throw new UsageError(`Cannot read time "${text}": it is neither how long ago nor RFC 3339`, {
    hint: "Write it as 10m, 2h or 2026-01-31T10:00:00Z",
  });
}
