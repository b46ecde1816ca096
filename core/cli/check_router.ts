/**
 * Looks at the router for `moat doctor`: where it serves, or whether it could. Changes nothing.
 *
 * @module
 */

import { loadHomeConfig } from "../config/load_home_config.ts";
import type { Context } from "../context.ts";
import { findDaemon } from "../daemon/ensure_daemon.ts";
import type { RouterState } from "../daemon/route_keeper.ts";
import { FIRST_FREE_PORT, portsToTry, type WishedPort, wishedPort } from "../daemon/router_port.ts";
import { describeError, MoatError } from "../errors.ts";
import type { Paths } from "../store/paths.ts";
import { ROUTER_PORT_FACT, Store } from "../store/store.ts";
import type { Check } from "./diagnose.ts";
import { findAuthority, isTrustedBySystem } from "./trust_router.ts";

/** Where endpoints are served, or would be. */
export async function checkRouter(
  context: Pick<Context, "paths" | "env">,
): Promise<readonly Check[]> {
  const subject = "router";
  const state = await findRouter(context.paths);
  if (state === "unreachable") {
    const text = "its daemon does not answer; endpoints of runs cannot be reached";
    return [{ subject, state: "warning", text, fix: "moat proxy start" }];
  }
  if (state !== undefined) {
    const runs = state.routes === 1 ? "1 run" : `${state.routes} runs`;
    const text = `http://localhost:${state.port} serves ${runs}`;
    return [{ subject, state: "ok", text, fix: null }];
  }
  let wish: WishedPort | undefined;
  try {
    const homeConfig = await loadHomeConfig(context.paths);
    wish = wishedPort({ env: context.env, homeConfig });
  } catch (error) {
    if (!(error instanceof MoatError)) throw error;
    const text = describeError(error);
    return [{ subject, state: "problem", text, fix: error.hint ?? null }];
  }
  const [port] = portsToTry(wish?.port);
  if (isFree(port)) {
    return [{ subject, state: "ok", text: `port ${port} is free for it`, fix: null }];
  }
  if (wish === undefined) {
    const text = `port ${port} is taken; the next free one will be used`;
    return [{ subject, state: "ok", text, fix: null }];
  }
  const text = `port ${port} cannot be had, which ${wish.origin} asks for`;
  const fix = port < FIRST_FREE_PORT
    ? `sudo moat proxy start --port ${port}`
    : "moat proxy start --port 8081";
  return [{ subject, state: "problem", text, fix }];
}

/** Whether HTTPS is believed here; no line before the first run with endpoints. */
export async function checkRouterTrust(
  context: Pick<Context, "paths" | "os">,
): Promise<readonly Check[]> {
  const subject = "https";
  try {
    const authority = await findAuthority(context);
    if (authority === undefined) return [];
    if (await isTrustedBySystem(authority, context)) {
      const text = "the system trusts the router's certificates";
      return [{ subject, state: "ok", text, fix: null }];
    }
    // Most people never need it.
    const text = "the system does not trust the router's certificates; browsers warn of https:// " +
      "URLs until moat proxy trust";
    return [{ subject, state: "ok", text, fix: null }];
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    const text = `the router's certificates cannot be looked at: ${describeError(error)}`;
    return [{ subject, state: "warning", text, fix: "moat proxy trust" }];
  }
}

async function findRouter(paths: Paths): Promise<RouterState | "unreachable" | undefined> {
  try {
    using store = Store.openExisting(paths);
    if (store?.fact(ROUTER_PORT_FACT) === undefined) return undefined;
    return (await findDaemon(store))?.router ?? "unreachable";
  } catch (error) {
    // What is wrong with the store is a line of its own.
    if (error instanceof MoatError || error instanceof Deno.errors.PermissionDenied) {
      return undefined;
    }
    throw error;
  }
}

/** Listens for a moment, which nobody notices. */
function isFree(port: number): boolean {
  try {
    Deno.listen({ hostname: "127.0.0.1", port }).close();
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.AddrInUse || error instanceof Deno.errors.PermissionDenied) {
      return false;
    }
    throw error;
  }
}
