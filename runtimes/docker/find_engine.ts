/**
 * Finds the engine: an ordered list of small strategies, each of which may not apply. What the user
 * named (DOCKER_HOST, a context) is taken as it is; only the usual sockets are tried in turn.
 *
 * @module
 */

import { join } from "node:path";
import { UnavailableError } from "../../core/errors.ts";
import type { RuntimeEnvironment } from "../../core/plugin/contract.ts";
import type { EngineAddress } from "./connect_engine.ts";
import { dockerConfigDirectory, readDockerConfig, readJsonFile } from "./docker_config.ts";
import { textAt, valueAt } from "./json.ts";

/** The prefix of targets that are docker contexts, whose certificates lie with them. */
const CONTEXT_TARGET = "context:";

/** What finding may look at. */
export type Surroundings = Pick<RuntimeEnvironment, "os" | "env">;

/** An engine's address, and the text by which `addressOf` finds it again. */
export interface FoundEngine {
  readonly target: string;
  readonly address: EngineAddress;
}

/** Where no engine was found, and why not. */
export interface TriedSocket {
  readonly path: string;
  readonly reason: "missing" | "denied" | "dead";
}

type Strategy = (surroundings: Surroundings) => Promise<FoundEngine | undefined>;

const NAMED: readonly Strategy[] = [fromHostVariable, fromContext];

/** The engine that the user named, else the first usual socket that answers. */
export async function findEngine(
  surroundings: Surroundings,
): Promise<FoundEngine | readonly TriedSocket[]> {
  for (const strategy of NAMED) {
    const found = await strategy(surroundings);
    if (found !== undefined) return found;
  }
  const tried: TriedSocket[] = [];
  for (const path of usualSockets(surroundings)) {
    const reason = await trySocket(path);
    if (reason === undefined) return at(`unix://${path}`);
    tried.push({ path, reason });
  }
  return tried;
}

/** The address behind a target that `findEngine` gave. */
export async function addressOf(target: string, { env }: Surroundings): Promise<EngineAddress> {
  if (target.startsWith(CONTEXT_TARGET)) {
    return await contextAddress(target.slice(CONTEXT_TARGET.length), env);
  }
  const secured = /^(tcp|https):/.test(target) && env.DOCKER_TLS_VERIFY !== undefined &&
    env.DOCKER_TLS_VERIFY !== "";
  const certificates = env.DOCKER_CERT_PATH || dockerConfigDirectory(env);
  return secured && certificates !== undefined ? { url: target, certificates } : { url: target };
}

/** Sockets that engines use, the most common first. */
export function usualSockets({ os, env }: Surroundings): readonly string[] {
  const { HOME: home, XDG_RUNTIME_DIR: runtimeDir } = env;
  const inHome = home === undefined ? [] : [
    join(home, ".docker/run/docker.sock"),
    join(home, ".docker/desktop/docker.sock"),
    join(home, ".colima/default/docker.sock"),
    join(home, ".orbstack/run/docker.sock"),
    join(home, ".rd/docker.sock"),
  ];
  const system = os === "linux" ? ["/run/podman/podman.sock"] : [];
  return [
    "/var/run/docker.sock",
    ...(runtimeDir ? [join(runtimeDir, "docker.sock")] : []),
    ...inHome,
    ...(runtimeDir ? [join(runtimeDir, "podman/podman.sock")] : []),
    ...system,
  ];
}

async function fromHostVariable(surroundings: Surroundings): Promise<FoundEngine | undefined> {
  const target = surroundings.env.DOCKER_HOST;
  if (!target) return undefined;
  return { target, address: await addressOf(target, surroundings) };
}

async function fromContext(surroundings: Surroundings): Promise<FoundEngine | undefined> {
  const { env } = surroundings;
  const name = env.DOCKER_CONTEXT || textAt(await readDockerConfig(env), "currentContext");
  if (!name || name === "default") return undefined;
  const address = await contextAddress(name, env);
  return address.certificates === undefined
    ? at(address.url)
    : { target: `${CONTEXT_TARGET}${name}`, address };
}

/** The CLI keeps a context in a directory named by the digest of the context's name. */
async function contextAddress(
  name: string,
  env: Readonly<Record<string, string>>,
): Promise<EngineAddress> {
  const contexts = join(dockerConfigDirectory(env) ?? "", "contexts");
  const digest = await sha256(name);
  const meta = await readJsonFile(join(contexts, "meta", digest, "meta.json"));
  const url = textAt(meta, "Endpoints", "docker", "Host");
  if (url === undefined || url === "") {
    throw new UnavailableError(`Cannot use docker context "${name}": it is not there`, {
      hint: "docker context ls",
    });
  }
  const certificates = join(contexts, "tls", digest, "docker");
  const secured = /^(tcp|https):/.test(url) && await isDirectory(certificates) &&
    valueAt(meta, "Endpoints", "docker", "SkipTLSVerify") !== true;
  return secured ? { url, certificates } : { url };
}

/** Why the socket is of no use, or `undefined` when an engine listens. */
async function trySocket(path: string): Promise<TriedSocket["reason"] | undefined> {
  try {
    (await Deno.connect({ transport: "unix", path })).close();
    return undefined;
  } catch (error) {
    if (error instanceof Deno.errors.PermissionDenied) return "denied";
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) {
      return "missing";
    }
    return "dead";
  }
}

function at(url: string): FoundEngine {
  return { target: url, address: { url } };
}

async function isDirectory(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isDirectory;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

async function sha256(text: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return new Uint8Array(digest).toHex();
}
