/**
 * The URL of a service: the one that its live run has, for use there or from this machine.
 *
 * @module
 */

import type { Context } from "../context.ts";
import { MoatError } from "../errors.ts";
import type { Runtime } from "../plugin/runtime.ts";
import { execInside } from "../run/companions/exec_inside.ts";
import { openRuntime } from "../run/open_runtime.ts";
import { shownState } from "./describe_run.ts";
import type { FoundService } from "./find_service.ts";

/** A URL and where it works. */
export interface ServiceUrl {
  readonly service: string;
  readonly url: string;
  /** `host`: from this machine too; `run`: inside the run only. */
  readonly from: "host" | "run";
}

/** How long a connection may take; what is reachable is on this machine. */
const CONNECT_MS = 500;

/** Asks the live run. @throws MoatError when it is not running, or the service has no URL */
export async function findServiceUrl(
  { record, service, store }: FoundService,
  context: Context,
  { inside }: { readonly inside: boolean },
): Promise<ServiceUrl> {
  const { name } = service;
  const refused = (state: string, hint: string) =>
    new MoatError(`Cannot tell the URL of service "${name}": ${state}`, { hint });
  const variable = "variables" in service
    ? Object.keys(service.variables).find((key) => key.endsWith("_URL"))
    : undefined;
  if (variable === undefined || !("port" in service)) {
    throw refused("it has none", "moat service ls");
  }
  const state = await shownState(record, context.paths);
  if (state !== "running") {
    throw refused(`run "${record.name}" is ${state}`, "moat list");
  }
  await using runtime = await openRuntime(record, context, { homeId: store.homeId });
  const { container } = record.plan;
  const { output } = await execInside(runtime, container.name, {
    command: ["sh", "-c", `printf %s "$${variable}"`],
    user: container,
    signal: context.signal,
  });
  if (output === "") throw refused(`the run has no variable ${variable}`, "moat service ls");
  const address = inside
    ? undefined
    : await reachableAddress(runtime, service, { signal: context.signal });
  return address === undefined
    ? { service: name, url: output, from: "run" }
    : { service: name, url: withHost(output, { name, address }), from: "host" };
}

async function reachableAddress(
  runtime: Runtime,
  { container, port }: { readonly container: string; readonly port: number },
  { signal }: { readonly signal: AbortSignal },
): Promise<string | undefined> {
  const state = await runtime.inspect(container, { signal });
  for (const address of state?.addresses ?? []) {
    if (await isReachable(address, port)) return address;
  }
  return undefined;
}

async function isReachable(hostname: string, port: number): Promise<boolean> {
  try {
    using _ = await Deno.connect({ hostname, port, signal: AbortSignal.timeout(CONNECT_MS) });
    return true;
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    return false;
  }
}

/** Puts the address in the place of the name; the password holds no `@`, the rest is escaped. */
function withHost(
  url: string,
  { name, address }: { readonly name: string; readonly address: string },
): string {
  const host = address.includes(":") ? `[${address}]` : address;
  const [scheme = "", rest = ""] = split(url, "://");
  const end = rest.search(/[/?#]/);
  const authority = end < 0 ? rest : rest.slice(0, end);
  const at = authority.lastIndexOf("@") + 1;
  if (!authority.slice(at).startsWith(name)) return url;
  return `${scheme}://${rest.slice(0, at)}${host}${rest.slice(at + name.length)}`;
}

function split(text: string, separator: string): readonly string[] {
  const at = text.indexOf(separator);
  return at < 0 ? ["", text] : [text.slice(0, at), text.slice(at + separator.length)];
}
