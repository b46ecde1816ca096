/**
 * Which port the router takes.
 *
 * @module
 */

import type { HomeConfig } from "../config/project_config.ts";
import { UsageError } from "../errors.ts";

/** A port that the user asked for. */
export interface WishedPort {
  readonly port: number;
  /** Where it was asked for: `--port`, `MOAT_PROXY_PORT`, `proxy.port`. */
  readonly origin: string;
}

/** Those below are root's to open. */
export const FIRST_FREE_PORT = 1024;

const DEFAULT_PORT = 8080;
/** The default moves on so far; then any free port is taken. */
const NEIGHBOURS = 20;

/** What flag, environment and config.yaml ask for, in this order. @throws UsageError */
export function wishedPort(
  { flag, env, homeConfig }: {
    readonly flag?: number;
    readonly env: Readonly<Record<string, string>>;
    readonly homeConfig: Pick<HomeConfig, "proxyPort">;
  },
): WishedPort | undefined {
  if (flag !== undefined) return { port: checked(String(flag), "--port"), origin: "--port" };
  const text = env.MOAT_PROXY_PORT;
  if (text) return { port: checked(text, "MOAT_PROXY_PORT"), origin: "MOAT_PROXY_PORT" };
  const { proxyPort } = homeConfig;
  return proxyPort === undefined ? undefined : { port: proxyPort, origin: "proxy.port" };
}

/** Where the router will serve as far as can be told: where it does, else where it is tried first. */
export function expectedPort(
  { recorded, ...wish }: Parameters<typeof wishedPort>[0] & {
    /** On which it serves, or will again after the daemon was killed. */
    readonly recorded: number | undefined;
  },
): number {
  return recorded ?? wishedPort(wish)?.port ?? DEFAULT_PORT;
}

/** The ports to try, in order: what was asked for alone; only the default moves. */
export function portsToTry(asked: number | undefined): readonly [number, ...number[]] {
  if (asked !== undefined) return [asked];
  const next = Array.from({ length: NEIGHBOURS }, (_, index) => DEFAULT_PORT + 1 + index);
  return [DEFAULT_PORT, ...next, 0];
}

function checked(text: string, origin: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (port >= 1 && port <= 65_535) return port;
  throw new UsageError(`Cannot use ${origin} "${text}": it is not a port from 1 to 65535`, {
    hint: "moat proxy start --port 8081",
  });
}
