/**
 * Connections to ports inside containers: by the container's address where this machine has the
 * engine's networks, otherwise, and to what listens on the loopback only, from within.
 *
 * @module
 */

import { MoatError } from "../../core/errors.ts";
import { LABEL } from "../../core/ids.ts";
import type { ByteStream, CallOptions } from "../../core/plugin/runtime.ts";
import type { DialRelays } from "./dial_relays.ts";
import type { Engine } from "./engine.ts";
import { readContainer } from "./inspect_container.ts";
import { entriesAt, textAt, valueAt } from "./json.ts";
import { isGone } from "./wire/connection.ts";
import { interruptible } from "./wire/interruptible.ts";

/** A container on this machine answers at once, or its address leads elsewhere. */
const DIRECT_MS = 1_000;

/** Where to connect to. */
export interface DialOptions extends CallOptions {
  readonly port: number;
  /** The engine runs on this machine itself. */
  readonly isHere: boolean;
  readonly relays: DialRelays;
}

/** Connects. @throws MoatError when nothing listens there */
export async function dialContainer(
  engine: Engine,
  name: string,
  { port, isHere, relays, signal }: DialOptions,
): Promise<ByteStream> {
  signal?.throwIfAborted();
  const again = await relays.dialAgain(name, port, { signal });
  if (again !== undefined) return again;
  const doing = `connect to port ${port} of container "${name}"`;
  const container = await readContainer(engine, name, { signal });
  if (valueAt(container, "State", "Running") !== true) {
    throw new MoatError(`Cannot ${doing}: it is not running`, { hint: "moat list" });
  }
  const endpoints = entriesAt(container, "NetworkSettings", "Networks").flatMap(([, endpoint]) => {
    const address = textAt(endpoint, "IPAddress");
    return address ? [{ address, gateway: textAt(endpoint, "Gateway") }] : [];
  });
  const near = isHere ? endpoints.find(({ gateway }) => isOwnAddress(gateway)) : undefined;
  const direct = near && await connectTo(near.address, { port, signal });
  if (typeof direct === "object") return direct;
  // A companion is there for others, so it listens for others.
  const isCompanion = textAt(container, "Config", "Labels", LABEL.role) !== "run";
  const hosts = ["127.0.0.1", "::1", ...endpoints.map(({ address }) => address)];
  const stream = direct === "refused" && isCompanion
    ? undefined
    : await relays.dial({ name, port, hosts, doing }, { signal });
  if (stream === undefined) throw new MoatError(`Cannot ${doing}: nothing listens there`);
  return stream;
}

/**
 * Only where the network's gateway is this machine is the address the container's: the engine's own
 * machine may be a virtual one, in whose place this machine has other networks.
 */
function isOwnAddress(gateway: string | undefined): boolean {
  return Deno.networkInterfaces().some(({ address }) => address === gateway);
}

async function connectTo(
  hostname: string,
  { port, signal }: { readonly port: number; readonly signal: AbortSignal | undefined },
): Promise<ByteStream | "refused" | "unreachable"> {
  const over = new AbortController();
  const timer = setTimeout(() => over.abort(), DIRECT_MS);
  try {
    const both = AbortSignal.any([over.signal, ...(signal === undefined ? [] : [signal])]);
    return streamOf(await Deno.connect({ hostname, port, signal: both }));
  } catch (error) {
    signal?.throwIfAborted();
    return error instanceof Deno.errors.ConnectionRefused ? "refused" : "unreachable";
  } finally {
    clearTimeout(timer);
  }
}

function streamOf(conn: Deno.TcpConn): ByteStream {
  conn.setNoDelay(true);
  const connection = interruptible(conn);
  let closed = false;
  const close = () => {
    closed = true;
    connection.close();
  };
  return {
    async read(into) {
      if (closed) return null;
      try {
        return await connection.read(into);
      } catch (error) {
        if (closed && isGone(error)) return null;
        throw error;
      }
    },
    write: (data) => connection.write(data),
    closeWrite: () => connection.closeWrite(),
    close,
    [Symbol.dispose]: close,
  };
}
