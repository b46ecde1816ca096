/**
 * What `moat proxy` does: the router started, stopped, shown and restarted.
 *
 * @module
 */

import { loadHomeConfig } from "../config/load_home_config.ts";
import type { Context } from "../context.ts";
import { type DaemonClient, ensureDaemon, findDaemon } from "../daemon/ensure_daemon.ts";
import type { RouterState } from "../daemon/route_keeper.ts";
import { wishedPort } from "../daemon/router_port.ts";
import { delay } from "../delay.ts";
import { EXIT, UnavailableError, UsageError } from "../errors.ts";
import { ROUTER_PORT_FACT, Store } from "../store/store.ts";
import { toJson } from "./describe_run.ts";
import { printNotices } from "./notices.ts";
import { endpointLines, takenText } from "./publish_endpoints.ts";

/** Options of the functions here. */
export interface ControlRouterOptions {
  readonly json: boolean;
}

const MAX_TRIES = 5;
const POLL_MS = 15;
const LEAVE_MS = 10_000;

/** Starts it until it is stopped. */
export async function startRouter(
  context: Context,
  { json, flag }: ControlRouterOptions & { readonly flag?: number },
): Promise<number> {
  const homeConfig = await loadHomeConfig(context.paths);
  const wish = wishedPort({
    env: context.env,
    homeConfig,
    ...(flag === undefined ? {} : { flag }),
  });
  const state = await askRunning(context, (daemon) => daemon.startRouter(wish ?? {}));
  if (state.taken !== undefined) {
    await printNotices({ warnings: [], notices: [takenText(state)] }, context.stdio, {
      quiet: false,
    });
  }
  await context.stdio.output(json ? toJson(describe(state)) : `${urlOf(state)}\n`);
  return EXIT.ok;
}

/** Stops it, or says what keeps it. */
export async function stopRouter(
  context: Context,
  { json, force }: ControlRouterOptions & { readonly force: boolean },
): Promise<number> {
  using store = Store.openExisting(context.paths);
  const isServing = store !== undefined && store.fact(ROUTER_PORT_FACT) !== undefined;
  // One that was killed comes back by itself, with its router.
  const daemon = isServing ? await ensureDaemon(context) : undefined;
  const before = daemon?.router;
  const left = await daemon?.stopRouter({ force });
  if (json) await context.stdio.output(toJson(describe(left)));
  else await context.stdio.error(`${stoppedText(before, left)}\n`);
  return EXIT.ok;
}

/** Shows it; returns whether it listens. */
export async function showRouter(
  context: Context,
  { json }: ControlRouterOptions,
): Promise<boolean> {
  using store = Store.openExisting(context.paths);
  const daemon = store === undefined ? undefined : await findDaemon(store);
  const state = daemon?.router;
  const runs = store?.routedRuns() ?? [];
  if (json) {
    await context.stdio.output(toJson(describe(state)));
  } else if (state === undefined) {
    await context.stdio.output(
      "The router does not run; it starts with the first run that has " +
        "endpoints\n",
    );
  } else {
    const kept = state.pinned ? "until moat proxy stop" : "until the last of its runs ends";
    const lines = [
      `The router listens on ${urlOf(state)} ${kept}`,
      ...(state.keeper === undefined
        ? []
        : [`Process ${state.keeper}, started by sudo, keeps port ${state.port} open for it`]),
      ...runs.flatMap((run) => [`${run.name} (${run.id})`, ...endpointLines(run, state.port)]),
    ];
    await context.stdio.output(`${lines.join("\n")}\n`);
  }
  return state !== undefined;
}

/** Ends it gently and starts it again, on the same port, with the same routes. */
export async function restartRouter(
  context: Context,
  { json }: ControlRouterOptions,
): Promise<number> {
  using store = Store.openExisting(context.paths);
  const daemon = store === undefined ? undefined : await findDaemon(store);
  if (store === undefined || store.fact(ROUTER_PORT_FACT) === undefined) {
    throw new UsageError("Cannot restart router: it does not run", { hint: "moat proxy start" });
  }
  if (daemon !== undefined) await leave(daemon, store);
  const { router } = await ensureDaemon(context);
  if (router === undefined) {
    throw new UnavailableError("Cannot restart router: its port could not be had again", {
      hint: "moat proxy start",
    });
  }
  await context.stdio.output(json ? toJson(describe(router)) : `${urlOf(router)}\n`);
  return EXIT.ok;
}

/** Ends the daemon; returns when it answers no more, while it may still be answering requests. */
async function leave(daemon: DaemonClient, store: Store): Promise<void> {
  await daemon.leave();
  const deadline = performance.now() + LEAVE_MS;
  while (performance.now() < deadline) {
    if ((await findDaemon(store))?.pid !== daemon.pid) return;
    await delay(POLL_MS);
  }
  throw new UnavailableError(`Cannot restart router: process ${daemon.pid} does not end`, {
    hint: `kill ${daemon.pid}`,
  });
}

/** A daemon that was about to end is followed by another. */
async function askRunning(
  context: Context,
  ask: (daemon: DaemonClient) => Promise<RouterState>,
): Promise<RouterState> {
  for (let tries = 1;; tries++) {
    const daemon = await ensureDaemon(context);
    try {
      return await ask(daemon);
    } catch (error) {
      if (!(error instanceof UnavailableError) || tries === MAX_TRIES) throw error;
    }
  }
}

function urlOf({ port }: RouterState): string {
  return `http://localhost:${port}`;
}

function stoppedText(before: RouterState | undefined, left: RouterState | undefined): string {
  if (before === undefined) return "The router does not run";
  if (left === undefined) return "Stopped the router";
  const runs = left.routes === 1 ? "1 run" : `${left.routes} runs`;
  return `The router goes on for ${runs} and stops after the last; now: moat proxy stop --force`;
}

/** As `--json` prints it; `null` when it does not listen. */
function describe(state: RouterState | undefined): unknown {
  if (state === undefined) return null;
  const { port, pinned, routes, keeper = null } = state;
  return { url: urlOf(state), port, pinned, routes, keeper };
}
