/**
 * Opens byte connections to an engine's address: `unix://`, `tcp://` (with TLS where certificates
 * are given) and `ssh://`, which goes through `docker system dial-stdio` on the other machine.
 *
 * @module
 */

import { join } from "node:path";
import { UsageError } from "../../core/errors.ts";
import type { Connect, Connection } from "./wire/connection.ts";
import { interruptible } from "./wire/interruptible.ts";

/** Where an engine is and how to get in. */
export interface EngineAddress {
  /** `unix:///path`, `tcp://host:port`, `ssh://user@host`. */
  readonly url: string;
  /** Directory of ca.pem, cert.pem and key.pem, for tcp. */
  readonly certificates?: string;
}

/** Makes connections to the address. @throws UsageError for an address that cannot be meant */
export function connectTo(address: EngineAddress): Connect {
  const { url, certificates } = address;
  const scheme = url.slice(0, Math.max(0, url.indexOf("://")));
  const rest = url.slice(scheme.length + 3);
  switch (scheme) {
    case "unix":
      return async () => interruptible(await Deno.connect({ transport: "unix", path: rest }));
    case "tcp":
    case "http":
    case "https": {
      const tls = certificates !== undefined || scheme === "https";
      const { hostname, port } = parseHost(rest, { url, port: tls ? 2376 : 2375 });
      if (!tls) return async () => interruptible(await Deno.connect({ hostname, port }));
      return () => connectTls({ hostname, port }, certificates);
    }
    case "ssh":
      return () => Promise.resolve(dialOverSsh(url));
    default:
      throw new UsageError(`Cannot reach engine "${url}": its address is not understood`, {
        hint: "Write DOCKER_HOST as unix:///path, tcp://host:port or ssh://user@host",
      });
  }
}

function parseHost(
  rest: string,
  defaults: { readonly url: string; readonly port: number },
): { hostname: string; port: number } {
  const parsed = URL.parse(`http://${rest}`);
  if (parsed === null || parsed.hostname === "") {
    throw new UsageError(`Cannot reach engine "${defaults.url}": it names no host`, {
      hint: "Write DOCKER_HOST as tcp://host:port",
    });
  }
  return {
    hostname: parsed.hostname.replace(/^\[|\]$/g, ""),
    port: parsed.port === "" ? defaults.port : Number(parsed.port),
  };
}

async function connectTls(
  host: { readonly hostname: string; readonly port: number },
  certificates: string | undefined,
): Promise<Connection> {
  if (certificates === undefined) return interruptible(await Deno.connectTls(host));
  const [ca, cert, key] = await Promise.all(
    ["ca.pem", "cert.pem", "key.pem"].map((name) => readOrNothing(join(certificates, name))),
  );
  return interruptible(
    await Deno.connectTls({
      ...host,
      ...(ca === undefined ? {} : { caCerts: [ca] }),
      ...(cert === undefined || key === undefined ? {} : { cert, key }),
    }),
  );
}

async function readOrNothing(path: string): Promise<string | undefined> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** BatchMode: a question about a password would be asked on the program's terminal. */
function dialOverSsh(url: string): Connection {
  const { hostname, port, username } = new URL(url);
  const child = new Deno.Command("ssh", {
    args: [
      "-o",
      "BatchMode=yes",
      "-o",
      "ConnectTimeout=20",
      ...(port === "" ? [] : ["-p", port]),
      ...(username === "" ? [] : ["-l", decodeURIComponent(username)]),
      "--",
      hostname,
      "docker",
      "system",
      "dial-stdio",
    ],
    stdin: "piped",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  return processConnection(child);
}

/** A connection over a process's standard streams; closing it ends the process. */
export function processConnection(child: Deno.ChildProcess): Connection {
  const writer = child.stdin.getWriter();
  const reader = child.stdout.getReader();
  let rest: Uint8Array = new Uint8Array(0);
  let closed = false;
  return {
    async read(buffer) {
      if (rest.length === 0) {
        const { value } = await reader.read();
        if (value === undefined) return null;
        rest = value;
      }
      const taken = rest.subarray(0, buffer.length);
      buffer.set(taken);
      rest = rest.subarray(taken.length);
      return taken.length;
    },
    async write(data) {
      await writer.write(data);
      return data.length;
    },
    async closeWrite() {
      await writer.close();
    },
    close() {
      if (closed) return;
      closed = true;
      reader.cancel().catch(() => {});
      writer.abort().catch(() => {});
      try {
        child.kill("SIGTERM");
      } catch (error) {
        // Already gone: that is what closing is for.
        if (!(error instanceof TypeError || error instanceof Deno.errors.NotFound)) throw error;
      }
    },
  };
}
