/**
 * Credentials for a registry out of the docker CLI's own configuration: `auths`, `credHelpers`,
 * `credsStore`. They go into one header of the pull and nowhere else.
 *
 * @module
 */

import { parseJson, textAt } from "./json.ts";
import { readDockerConfig } from "./docker_config.ts";

/** Docker Hub's key in the configuration. */
const HUB = "https://index.docker.io/v1/";
const HELPER_DEADLINE_MS = 10_000;
const HELPER_NAME = /^[A-Za-z0-9_-]+$/;

interface Credentials {
  readonly username: string;
  readonly secret: string;
}

/** The value of `X-Registry-Auth` for the image, or `undefined` when nothing is known. */
export async function registryAuthHeader(
  ref: string,
  env: Readonly<Record<string, string>>,
): Promise<string | undefined> {
  const config = await readDockerConfig(env);
  if (config === undefined) return undefined;
  const registry = registryOf(ref);
  const found = await fromHelper(config, registry, env) ?? fromAuths(config, registry);
  if (found === undefined) return undefined;
  // Helpers say so when the secret is an identity token.
  const auth = found.username === "<token>"
    ? { identitytoken: found.secret, serveraddress: registry }
    : { username: found.username, password: found.secret, serveraddress: registry };
  return new TextEncoder().encode(JSON.stringify(auth)).toBase64({ alphabet: "base64url" });
}

/** The registry's key: the first part of a reference when it looks like a host. */
export function registryOf(ref: string): string {
  const [first = "", ...rest] = ref.split("/");
  const isHost = rest.length > 0 && (/[.:]/.test(first) || first === "localhost");
  return !isHost || first === "docker.io" || first === "index.docker.io" ? HUB : first;
}

async function fromHelper(
  config: unknown,
  registry: string,
  env: Readonly<Record<string, string>>,
): Promise<Credentials | undefined> {
  const helper = textAt(config, "credHelpers", registry) ?? textAt(config, "credsStore");
  if (helper === undefined || !HELPER_NAME.test(helper)) return undefined;
  const output = await runHelper(`docker-credential-${helper}`, registry, env);
  const value = output === undefined ? undefined : parseJson(output);
  const username = textAt(value, "Username");
  const secret = textAt(value, "Secret");
  return username === undefined || secret === undefined ? undefined : { username, secret };
}

async function runHelper(
  program: string,
  input: string,
  env: Readonly<Record<string, string>>,
): Promise<string | undefined> {
  try {
    const child = new Deno.Command(program, {
      args: ["get"],
      env: { ...env },
      stdin: "piped",
      stdout: "piped",
      stderr: "null",
      signal: AbortSignal.timeout(HELPER_DEADLINE_MS),
    }).spawn();
    const writer = child.stdin.getWriter();
    await writer.write(new TextEncoder().encode(input));
    await writer.close();
    const { success, stdout } = await child.output();
    return success ? new TextDecoder().decode(stdout) : undefined;
  } catch (error) {
    // A helper that is not installed knows nothing; the pull then says what the registry thinks.
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.BrokenPipe) {
      return undefined;
    }
    throw error;
  }
}

function fromAuths(config: unknown, registry: string): Credentials | undefined {
  const keys = registry === HUB
    ? [HUB, "docker.io", "index.docker.io"]
    : [registry, `https://${registry}`, `http://${registry}`];
  for (const key of keys) {
    const token = textAt(config, "auths", key, "identitytoken");
    if (token) return { username: "<token>", secret: token };
    const encoded = textAt(config, "auths", key, "auth");
    if (!encoded) continue;
    const text = new TextDecoder().decode(Uint8Array.fromBase64(encoded));
    const at = text.indexOf(":");
    if (at > 0) return { username: text.slice(0, at), secret: text.slice(at + 1) };
  }
  return undefined;
}
