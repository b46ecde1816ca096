/**
 * Connects to the outside for a sandbox: resolves the name itself, checks every address, and
 * connects to the very address that it checked, so that a name cannot change in between.
 *
 * @module
 */

import { lookup } from "node:dns/promises";
import { parseAddress } from "./ip_address.ts";
import { type OwnAddress, refusedAddress } from "./refused_address.ts";

/** Refused by the wall, or not reachable: what the proxy answers with. */
export class RelayRefusal extends Error {
  override readonly name = "RelayRefusal";
  readonly status: 403 | 502;

  constructor(status: 403 | 502, message: string, options?: ErrorOptions) {
    super(message, options);
    this.status = status;
  }
}

/** The surroundings of a relay; tests pass their own. */
export interface RelayMachine {
  /** All addresses of a name, in order of preference. */
  resolve(name: string): Promise<readonly string[]>;
  /** The host's own addresses, now. */
  ownAddresses(): readonly OwnAddress[];
  connect(address: string, port: number): Promise<Deno.Conn>;
}

/** Time for one address to answer. */
const CONNECT_TIMEOUT_MS = 10_000;

/** The real machine. */
export const MACHINE: RelayMachine = {
  async resolve(name) {
    return (await lookup(name, { all: true })).map(({ address }) => address);
  },
  ownAddresses: () => Deno.networkInterfaces(),
  connect: (hostname, port) => connectWithin(hostname, port),
};

/** Addresses of the host that may be connected to. @throws RelayRefusal */
export async function resolveOutside(
  host: string,
  machine: RelayMachine,
): Promise<readonly string[]> {
  const name = host.toLowerCase().replace(/\.$/, "");
  if (name === "localhost" || name.endsWith(".localhost")) {
    throw new RelayRefusal(403, "it is the host's loopback");
  }
  let addresses: readonly string[];
  try {
    addresses = parseAddress(host) ? [host] : await machine.resolve(host);
  } catch (cause) {
    throw new RelayRefusal(502, "the host cannot resolve the name", { cause });
  }
  const own = machine.ownAddresses();
  const checked = addresses.map((address) => ({ address, refusal: refusedAddress(address, own) }));
  const allowed = checked.filter(({ refusal }) => refusal === undefined);
  const [first] = checked;
  if (first === undefined) throw new RelayRefusal(502, "the name has no address");
  if (allowed.length === 0) throw new RelayRefusal(403, `${first.address} is ${first.refusal}`);
  return allowed.map(({ address }) => address);
}

/** Connects to the first address that answers. @throws RelayRefusal */
export async function connectOutside(
  target: { readonly host: string; readonly port: number },
  machine: RelayMachine,
): Promise<Deno.Conn> {
  let last: unknown;
  for (const address of await resolveOutside(target.host, machine)) {
    try {
      const connection = await machine.connect(address, target.port);
      refuseHost(connection);
      return connection;
    } catch (error) {
      if (error instanceof RelayRefusal) throw error;
      last = error;
    }
  }
  throw new RelayRefusal(502, last instanceof Error ? last.message : String(last));
}

/**
 * A connection to this very machine has the same address at both ends. Catches addresses that the
 * interfaces do not list, such as routes of type local.
 */
function refuseHost(connection: Deno.Conn): void {
  const { localAddr, remoteAddr } = connection;
  if (localAddr.transport !== "tcp" || remoteAddr.transport !== "tcp") return;
  if (localAddr.hostname !== remoteAddr.hostname) return;
  connection.close();
  throw new RelayRefusal(403, `${remoteAddr.hostname} is an address of the host itself`);
}

async function connectWithin(hostname: string, port: number): Promise<Deno.Conn> {
  const connecting = Deno.connect({ hostname, port });
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => reject(new Error(`${hostname} does not answer`)),
    CONNECT_TIMEOUT_MS,
  );
  try {
    return await Promise.race([connecting, promise]);
  } catch (error) {
    connecting.then((late) => late.close(), () => undefined);
    throw error;
  } finally {
    clearTimeout(timer);
  }
}
