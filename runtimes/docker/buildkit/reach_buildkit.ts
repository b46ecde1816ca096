/**
 * Ways to a BuildKit: the engine's own, through its socket, and the one that BUILDKIT_HOST names.
 *
 * The engine is asked to upgrade a connection first; engines that will have dropped that speak
 * HTTP/2 on the same socket at once. An engine that does neither has no BuildKit.
 *
 * @module
 */

import type { Client } from "@grpc/grpc-js";
import { MoatError, UnavailableError, UsageError } from "../../../core/errors.ts";
import type { BuildResult } from "../../../core/plugin/runtime.ts";
import type { Connect } from "../wire/connection.ts";
import { callConnection } from "./call_connection.ts";
import { joinClient, needsLoopback } from "./grpc_joint.ts";
import type { Services } from "./services.ts";
import type { Session } from "./session.ts";
import { speaksHttp2 } from "./speaks_http2.ts";
import { upgrade } from "./upgrade.ts";

/** A BuildKit that can be asked to build. */
export interface Buildkit extends AsyncDisposable {
  readonly via: BuildResult["via"];
  /** For messages. */
  readonly name: string;
  readonly client: Client;
  /** Gives it a session; resolves when that has ended. */
  readonly attach: (session: Session) => Promise<void>;
}

/** What reaching needs. */
export interface ReachOptions {
  readonly services: Services;
  readonly signal: AbortSignal | undefined;
}

/** Answers of engines that do not know `/grpc`. */
const UNKNOWN_PATH = [400, 404];
const READY_MS = 15_000;

/** The engine's own; `undefined` when it has none. @throws MoatError when it refuses */
export async function reachEngine(
  connect: Connect,
  { services, signal }: ReachOptions,
): Promise<Buildkit | undefined> {
  const connection = await connect();
  const { status, line } = await upgrade(connection, { path: "/grpc" });
  if (status === 101) {
    const joint = await joinClient(connection);
    const client = createClient(services, joint.address);
    return {
      via: "buildkit-engine",
      name: "the engine's BuildKit",
      client,
      attach: (session) => attachByUpgrade(connect, session),
      async [Symbol.asyncDispose]() {
        client.close();
        await joint[Symbol.asyncDispose]();
      },
    };
  }
  connection.close();
  if (!UNKNOWN_PATH.includes(status)) {
    throw new MoatError(`Cannot reach the engine's BuildKit: the engine answered "${line}"`, {
      hint: "moat doctor",
    });
  }
  if (!await speaksHttp2(connect, { signal })) return undefined;
  return await reachByPriorKnowledge(connect, services);
}

/** The engine's own, without an upgrade: HTTP/2 from the first byte. */
export async function reachByPriorKnowledge(
  connect: Connect,
  services: Services,
): Promise<Buildkit> {
  const joint = await joinClient(await connect());
  const client = createClient(services, joint.address);
  return {
    via: "buildkit-engine",
    name: "the engine's BuildKit",
    client,
    attach: (session) => attachByCall({ services, client }, session),
    async [Symbol.asyncDispose]() {
      client.close();
      await joint[Symbol.asyncDispose]();
    },
  };
}

/** The one at an address such as `tcp://host:1234` or `unix:///path`. */
export async function reachRemote(
  host: string,
  { services, signal }: ReachOptions,
): Promise<Buildkit> {
  const address = remoteAddress(host);
  // To be deleted when the base executable is newer than 2.7: there a large image never arrives.
  if (needsLoopback()) {
    throw new MoatError(
      `Cannot build with BUILDKIT_HOST "${host}": this program's runtime is too old for it`,
      { hint: "Unset BUILDKIT_HOST, so that the engine's own BuildKit builds" },
    );
  }
  const client = createClient(services, address);
  try {
    // The library tries for its whole deadline, also where nothing listens.
    (await dial(host)).close();
    await ready(client, signal);
  } catch (cause) {
    client.close();
    signal?.throwIfAborted();
    throw new UnavailableError(`Cannot reach BuildKit "${host}": nothing answers there`, {
      cause,
      hint: "Start it, or unset BUILDKIT_HOST so that the engine's own BuildKit builds",
    });
  }
  return {
    via: "buildkit-remote",
    name: `BuildKit "${host}"`,
    client,
    attach: (session) => attachByCall({ services, client }, session),
    [Symbol.asyncDispose]() {
      client.close();
      return Promise.resolve();
    },
  };
}

/** The library's form of an address. @throws UsageError for one that cannot be meant */
export function remoteAddress(host: string): string {
  const path = /^unix:\/\/(\/.+)$/.exec(host)?.[1];
  if (path !== undefined) return `unix:${path}`;
  const url = host.startsWith("tcp://") ? URL.parse(`http://${host.slice("tcp://".length)}`) : null;
  if (url === null || url.port === "" || url.pathname !== "/") {
    throw new UsageError(`Cannot use BUILDKIT_HOST "${host}": its address is not understood`, {
      hint: "Write BUILDKIT_HOST as tcp://host:port or unix:///path",
    });
  }
  return `${url.hostname.startsWith("[") ? "ipv6" : "dns"}:${url.host}`;
}

function dial(host: string): Promise<Deno.Conn> {
  if (host.startsWith("unix://")) {
    return Deno.connect({ transport: "unix", path: host.slice("unix://".length) });
  }
  const { hostname, port } = new URL(`http://${host.slice("tcp://".length)}`);
  return Deno.connect({ hostname: hostname.replace(/^\[|\]$/g, ""), port: Number(port) });
}

function createClient({ grpc }: Services, address: string): Client {
  return new grpc.Client(address, grpc.credentials.createInsecure(), {
    "grpc.enable_http_proxy": 0,
    "grpc.service_config_disable_resolution": 1,
    "grpc.use_local_subchannel_pool": 1,
    "grpc.max_receive_message_length": -1,
    "grpc.max_send_message_length": -1,
  });
}

function ready(client: Client, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal?.reason);
    signal?.addEventListener("abort", abort, { once: true });
    client.waitForReady(Date.now() + READY_MS, (error) => {
      signal?.removeEventListener("abort", abort);
      if (error === undefined || error === null) resolve();
      else reject(error);
    });
  });
}

async function attachByUpgrade(connect: Connect, session: Session): Promise<void> {
  const connection = await connect();
  const { status, line } = await upgrade(connection, {
    path: "/session",
    headers: session.headers,
  });
  if (status === 101) return await session.serve(connection);
  connection.close();
  throw new MoatError(`Cannot start a build session: the engine answered "${line}"`);
}

/** The same bytes, in messages of a call. */
async function attachByCall(
  { services: { grpc, session: method }, client }: {
    readonly services: Services;
    readonly client: Client;
  },
  session: Session,
): Promise<void> {
  const metadata = new grpc.Metadata();
  for (const [name, value] of session.headers) metadata.add(name.toLowerCase(), value);
  const call = client.makeBidiStreamRequest(
    method.path,
    method.requestSerialize,
    method.responseDeserialize,
    metadata,
  );
  await session.serve(callConnection(call));
}
