/**
 * Amounts as typed on the command line: memory, processors, durations, endpoints.
 *
 * @module
 */

import { UsageError } from "../errors.ts";
import { isDnsLabel } from "../ids.ts";

const MEMORY_UNITS: Readonly<Record<string, number>> = {
  "": 1024 ** 2,
  k: 1024,
  m: 1024 ** 2,
  g: 1024 ** 3,
  t: 1024 ** 4,
};
const TIME_UNITS: Readonly<Record<string, number>> = {
  "": 1000,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};
/** The least memory that an engine and moat's init start with. */
const LEAST_MEMORY_MIB = 128;

/** Bytes from `512m`, `2g`, or MiB without a unit. @throws UsageError */
export function parseMemory(text: string): number {
  const [, digits, unit] = /^(\d+(?:\.\d+)?)([kmgt]?)b?$/i.exec(text) ?? [];
  const factor = MEMORY_UNITS[unit?.toLowerCase() ?? "?"];
  if (digits === undefined || factor === undefined) {
    throw new UsageError(`Cannot read memory "${text}": it is not a size`, {
      hint: "Write it as 512m or 2g",
    });
  }
  const bytes = Math.round(Number(digits) * factor);
  if (bytes < LEAST_MEMORY_MIB * 1024 ** 2) {
    throw new UsageError(`Cannot limit memory to "${text}": the least is ${LEAST_MEMORY_MIB}m`, {
      hint: `Write at least ${LEAST_MEMORY_MIB}m`,
    });
  }
  return bytes;
}

/** Processors, whole or fractional, above 0. @throws UsageError */
export function parseCpus(text: string): number {
  const cpus = /^\d+(\.\d+)?$/.test(text) ? Number(text) : NaN;
  if (!(cpus > 0)) {
    throw new UsageError(`Cannot read processors "${text}": it is not a number above 0`, {
      hint: "Write it as 2 or 0.5",
    });
  }
  return cpus;
}

/** Milliseconds from `500ms`, `90`, `30s`, `5m`, `1h`, `30d`. @throws UsageError */
export function parseDuration(text: string): number {
  const [, digits, unit] = /^(\d+(?:\.\d+)?)(ms|[smhd]?)$/.exec(text) ?? [];
  const factor = TIME_UNITS[unit ?? "?"];
  const ms = Number(digits) * (factor ?? NaN);
  if (!(ms > 0) || ms > Number.MAX_SAFE_INTEGER) {
    throw new UsageError(`Cannot read duration "${text}": it is not a time above 0`, {
      hint: "Write it as 30s, 5m or 1h",
    });
  }
  return ms;
}

/** An endpoint from `web=3000`. @throws UsageError */
export function parseEndpoint(text: string): { readonly name: string; readonly port: number } {
  const [, name, digits] = /^([^=]*)=(\d{1,5})$/.exec(text) ?? [];
  const port = Number(digits);
  if (name === undefined || !isDnsLabel(name) || !(port >= 1 && port <= 65535)) {
    throw new UsageError(`Cannot read endpoint "${text}": it is not a name and a port`, {
      hint: "Write it as web=3000: a name of a-z, 0-9 and -, a port from 1 to 65535",
    });
  }
  return { name, port };
}
