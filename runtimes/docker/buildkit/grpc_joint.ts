/**
 * Joins the gRPC library to connections that it did not open itself, through a private socket.
 *
 * The library dials, and listens at, addresses only. So a Unix socket in a directory of mode 0700
 * stands between it and the engine's upgraded connection. On the 2.7 runtime the library reaches
 * no Unix socket; there a loopback port that only this very process can use takes its place.
 *
 * @module
 */

import { type Connection, isGone } from "../wire/connection.ts";
import { interruptible } from "../wire/interruptible.ts";
import { joinConnections } from "./join_connections.ts";
import { isOwnLoopbackPeer } from "./loopback_peer.ts";

/** An address for the library; disposing closes what is open behind it. */
export interface Joint extends AsyncDisposable {
  /** In the library's form: `unix:/…/s` or `127.0.0.1:4000`. */
  readonly address: string;
}

/** An address for the library's server, and the way to give it a connection. */
export interface ServerJoint extends Joint {
  /** Serves the connection once the library listens; resolves when it has ended. */
  readonly serve: (connection: Connection) => Promise<void>;
  /** True for the peer that `serve` is: whoever else finds a loopback port is refused. */
  readonly isOwnPeer: (peer: string) => boolean;
}

/** To be deleted, with `loopback_peer.ts`, when the base executable is newer than 2.7. */
export function needsLoopback(): boolean {
  return Deno.version.deno.startsWith("2.7.");
}

/** Gives the library's client an address behind which the connection is. Takes one client. */
export async function joinClient(connection: Connection): Promise<Joint> {
  const place = await createPlace();
  const listener = place.listen();
  const accepted = acceptOne(listener);
  const joined = accepted.then((client) =>
    client === undefined ? connection.close() : joinConnections(interruptible(client), connection)
  );
  return {
    address: place.addressOf(listener),
    async [Symbol.asyncDispose]() {
      closeListener(listener);
      connection.close();
      await joined;
      await place.remove();
    },
  };
}

/** Gives the library's server an address, and connections to it. */
export async function joinServer(
  listen: (address: string) => Promise<number>,
): Promise<ServerJoint> {
  const place = await createPlace();
  const port = await listen(place.address);
  const peers = new Set<string>();
  return {
    address: place.address,
    async serve(connection) {
      try {
        const { socket, peer } = await place.connect(port);
        peers.add(peer);
        await joinConnections(interruptible(socket), connection);
      } finally {
        connection.close();
      }
    },
    isOwnPeer: (peer) => !needsLoopback() || peers.has(peer),
    [Symbol.asyncDispose]: () => place.remove(),
  };
}

/** The first connection, after which nobody else gets in; `undefined` when there is none. */
async function acceptOne(listener: Deno.Listener): Promise<Deno.Conn | undefined> {
  try {
    const client = await listener.accept();
    if (!needsLoopback() || await isOwnLoopbackPeer(client)) return client;
    client.close();
  } catch (error) {
    if (!isGone(error)) throw error;
  } finally {
    closeListener(listener);
  }
}

function closeListener(listener: Deno.Listener): void {
  try {
    listener.close();
  } catch (error) {
    if (!isGone(error)) throw error;
  }
}

/** Where library and bridge meet. */
interface Place {
  /** For a server of the library to listen at; port 0 is any. */
  readonly address: string;
  listen(): Deno.Listener;
  addressOf(listener: Deno.Listener): string;
  connect(port: number): Promise<{ readonly socket: Deno.Conn; readonly peer: string }>;
  remove(): Promise<void>;
}

async function createPlace(): Promise<Place> {
  return needsLoopback() ? LOOPBACK : await createDirectory();
}

async function createDirectory(): Promise<Place> {
  const directory = await Deno.makeTempDir({ prefix: "moat-build-" });
  const path = `${directory}/s`;
  return {
    address: `unix:${path}`,
    listen: () => Deno.listen({ transport: "unix", path }),
    addressOf: () => `unix:${path}`,
    connect: async () => ({ socket: await Deno.connect({ transport: "unix", path }), peer: "" }),
    remove: () => Deno.remove(directory, { recursive: true }),
  };
}

const LOOPBACK: Place = {
  address: "127.0.0.1:0",
  listen: () => Deno.listen({ hostname: "127.0.0.1", port: 0 }),
  addressOf: ({ addr }) => addr.transport === "tcp" ? `127.0.0.1:${addr.port}` : "",
  async connect(port) {
    const socket = await Deno.connect({ hostname: "127.0.0.1", port });
    return { socket, peer: `127.0.0.1:${socket.localAddr.port}` };
  },
  remove: () => Promise.resolve(),
};
