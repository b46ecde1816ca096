/**
 * Endpoints of a run under their names: has the daemon serve them, and prints where.
 *
 * @module
 */

import type { HomeConfig } from "../config/project_config.ts";
import type { Context } from "../context.ts";
import { ensureDaemon, findDaemon } from "../daemon/ensure_daemon.ts";
import type { RouterState } from "../daemon/route_keeper.ts";
import { wishedPort } from "../daemon/router_port.ts";
import { MoatError, UnavailableError } from "../errors.ts";
import { endpointUrl } from "../run/endpoint_url.ts";
import type { RunRecord } from "../store/run_record.ts";
import type { Store } from "../store/store.ts";
import { alignColumns } from "./table.ts";

/** Options of {@linkcode publishEndpoints}. */
export interface PublishOptions {
  readonly homeConfig: Pick<HomeConfig, "proxyPort">;
  readonly signal: AbortSignal;
  /** Told when the port is not the expected one. */
  notice(text: string): void;
}

/** How long daemons that are killed one after another may keep a run waiting. */
const PATIENCE_MS = 30_000;

/** Starts daemon and router where needed; resolves when the run's endpoints are served. */
export async function publishEndpoints(
  runId: string,
  context: Context,
  { homeConfig, signal, notice }: PublishOptions,
): Promise<RouterState> {
  const wish = wishedPort({ env: context.env, homeConfig });
  const state = await askUntilServed(runId, context, { wish, signal });
  if (wish !== undefined && wish.port !== state.port) {
    notice(`The router serves on port ${state.port} already; ${wish.origin} counts when it starts`);
  } else if (state.taken !== undefined) notice(takenText(state));
  return state;
}

/** What to say when the default port was taken. */
export function takenText({ port, taken }: RouterState): string {
  return `Port ${taken?.port} is taken by ${taken?.holder ?? "another program"}: ` +
    `the router serves on port ${port}`;
}

/** A daemon that was killed meanwhile is followed by another, which knows what was served. */
async function askUntilServed(
  runId: string,
  context: Context,
  { wish, signal }: {
    readonly wish: ReturnType<typeof wishedPort>;
    readonly signal: AbortSignal;
  },
): Promise<RouterState> {
  const deadline = performance.now() + PATIENCE_MS;
  for (;;) {
    const daemon = await ensureDaemon(context);
    try {
      return await daemon.route(runId, wish ?? {}, { signal });
    } catch (error) {
      if (!(error instanceof UnavailableError) || performance.now() > deadline) throw error;
    }
  }
}

/** Tells the daemon that the run's command has been started; what it does not hear it finds itself. */
export async function announceStart(runId: string, store: Store): Promise<void> {
  try {
    await (await findDaemon(store))?.enter(runId);
  } catch (error) {
    // The run goes on without: no reason to end it.
    if (!(error instanceof MoatError)) throw error;
  }
}

/** Has the daemon look for routes of runs that have ended; what it does not hear it finds itself. */
export async function withdrawEndpoints(store: Store): Promise<void> {
  try {
    await (await findDaemon(store))?.tidyRoutes();
  } catch (error) {
    // The run is over, and how it ended is not to be hidden by this.
    if (!(error instanceof MoatError)) throw error;
  }
}

/** A line for each endpoint: `  web  http://web.myapp.localhost:8080  →  :3000`. */
export function endpointLines(
  { name: run, endpoints }: Pick<RunRecord, "name" | "endpoints">,
  port: number | undefined,
): readonly string[] {
  return alignColumns(
    endpoints.map(({ name: endpoint, port: inside }) =>
      port === undefined
        ? [`  ${endpoint}`, `:${inside}`]
        : [`  ${endpoint}`, endpointUrl({ run, endpoint }, port), "→", `:${inside}`]
    ),
  );
}
