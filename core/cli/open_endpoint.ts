/**
 * Finds an endpoint's URL and shows it in the user's browser.
 *
 * @module
 */

import type { Context } from "../context.ts";
import { MoatError, UsageError } from "../errors.ts";
import { nearest } from "../nearest.ts";
import { endpointUrl } from "../run/endpoint_url.ts";
import { routerPort } from "./describe_run.ts";
import type { FoundRun } from "./find_run.ts";

/** Options of {@linkcode findEndpointUrl}. */
export interface FindEndpointOptions {
  /** @default the one named web, else the first */
  readonly endpoint?: string | undefined;
  /** @default "http" */
  readonly scheme?: "http" | "https";
}

/** Where the run's endpoint is served now. @throws UsageError, MoatError when it is not */
export function findEndpointUrl(
  { store, record }: Pick<FoundRun, "store" | "record">,
  { endpoint: wished, scheme = "http" }: FindEndpointOptions = {},
): string {
  const { name: run, endpoints } = record;
  const names = endpoints.map(({ name }) => name);
  const endpoint = wished ?? (names.includes("web") ? "web" : names[0]);
  if (endpoint === undefined) {
    throw new UsageError(`Cannot open run "${run}": it has no endpoints`, {
      hint: "Name a port of it when it starts: moat run --port web=3000",
    });
  }
  if (!names.includes(endpoint)) {
    const guess = nearest(endpoint, names);
    throw new UsageError(`Cannot open endpoint "${endpoint}" of run "${run}": there is none`, {
      hint: `moat open ${run} ${guess ?? names[0] ?? ""}`.trimEnd(),
    });
  }
  const port = routerPort(record, store);
  if (port === undefined) {
    throw new MoatError(`Cannot open run "${run}": its endpoints are not served`, {
      hint: "moat list",
    });
  }
  return endpointUrl({ run, endpoint }, port, scheme);
}

/** Starts the system's opener; a machine without one is told so, which is no failure. */
export async function openInBrowser(url: string, { os, stdio }: Context): Promise<void> {
  const program = os === "darwin" ? "open" : "xdg-open";
  try {
    const { success } = await new Deno.Command(program, {
      args: [url],
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).output();
    if (success) return;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  await stdio.error(`note: ${program} could not open a browser here\n`);
}
