/**
 * The router's port: on 127.0.0.1 and, where the machine has it, on ::1. Never anywhere else.
 *
 * @module
 */

import { MoatError } from "../../core/errors.ts";
import type { TakenPort } from "../../core/plugin/router.ts";
import { findPortHolder } from "./port_holder.ts";

/** Sockets of one port. */
export interface OpenPort {
  readonly port: number;
  readonly listeners: readonly Deno.Listener[];
  /** The port that was wished for, when another program has it. */
  readonly taken: TakenPort | undefined;
}

/** How often any free port is tried: it may be free on one of the addresses only. */
const MAX_TRIES = 20;

/** Opens the first of the ports that can be had. @throws MoatError naming the first's holder */
export async function listen(ports: readonly [number, ...number[]]): Promise<OpenPort> {
  const [wished] = ports;
  let refused: unknown;
  for (const wish of ports) {
    try {
      const listeners = listenOn(wish);
      const port = portOf(listeners);
      const taken = refused === undefined ? undefined : await takenPort(wished);
      return { port, listeners, taken };
    } catch (error) {
      refused ??= error;
      if (!(error instanceof Deno.errors.AddrInUse)) break;
    }
  }
  throw await explain(wished, refused);
}

function listenOn(port: number): readonly Deno.Listener[] {
  for (let tries = 1;; tries++) {
    const first = Deno.listen({ hostname: "127.0.0.1", port });
    try {
      const second = listenOnIpv6(portOf([first]));
      return second === undefined ? [first] : [first, second];
    } catch (error) {
      first.close();
      const mayTryAnother = port === 0 && tries < MAX_TRIES &&
        error instanceof Deno.errors.AddrInUse;
      if (!mayTryAnother) throw error;
    }
  }
}

/** `undefined` on machines without IPv6. */
function listenOnIpv6(port: number): Deno.Listener | undefined {
  try {
    return Deno.listen({ hostname: "::1", port });
  } catch (error) {
    if (error instanceof Deno.errors.AddrNotAvailable) return undefined;
    // "Address family not supported by protocol": there is no class for it.
    if (error instanceof Error && /address family|EAFNOSUPPORT/i.test(error.message)) {
      return undefined;
    }
    throw error;
  }
}

function portOf([listener]: readonly Deno.Listener[]): number {
  if (listener?.addr.transport !== "tcp") throw new TypeError("A port is TCP");
  return listener.addr.port;
}

async function takenPort(port: number): Promise<TakenPort> {
  const holder = await findPortHolder(port);
  return { port, ...(holder === undefined ? {} : { holder }) };
}

async function explain(port: number, cause: unknown): Promise<unknown> {
  if (cause instanceof Deno.errors.AddrInUse) {
    const holder = await findPortHolder(port) ?? "another program";
    return new MoatError(`Cannot serve on port ${port}: ${holder} has it`, {
      hint: "End that program, or choose another port: moat proxy start --port 8081",
    });
  }
  if (cause instanceof Deno.errors.PermissionDenied) {
    return new MoatError(`Cannot serve on port ${port}: it is reserved for root`, {
      hint: `sudo moat proxy start --port ${port}, or choose a port above 1023`,
      cause,
    });
  }
  return cause;
}
