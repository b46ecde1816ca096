/**
 * `sudo moat proxy start --port 80`: the router of the user who called sudo, on a port that only root
 * may open.
 *
 * Root opens the port and touches nothing of the user's: all else, and all that stays, runs as the user.
 *
 * @module
 */

import { dirname } from "node:path";
import type { Context } from "../context.ts";
import { keeperPath } from "../daemon/kept_port.ts";
import {
  commandAs,
  findSystemUser,
  type PortToKeep,
  type SystemUser,
} from "../daemon/port_keeper.ts";
import { FIRST_FREE_PORT, wishedPort } from "../daemon/router_port.ts";
import { resolvePaths } from "../store/paths.ts";

/** Options of {@linkcode startForCaller}. */
export interface StartForCallerOptions {
  readonly json: boolean;
  readonly flag?: number;
}

/** Who called sudo to run this process as root; `undefined` where nobody did. */
export function callerOf({ env }: Pick<Context, "env">): number | undefined {
  const uid = Number(env.SUDO_UID || 0);
  return Deno.uid() === 0 && Number.isInteger(uid) && uid > 0 ? uid : undefined;
}

/** The environment that the user's own processes get: theirs, not that of sudo. Pure. */
export function callerEnv(
  env: Readonly<Record<string, string>>,
  { name, home }: Pick<SystemUser, "name" | "home">,
): Readonly<Record<string, string>> {
  const kept = Object.entries(env).filter(([variable]) => !variable.startsWith("SUDO_"));
  return { ...Object.fromEntries(kept), HOME: home, USER: name, LOGNAME: name };
}

/** Starts the caller's router; returns the exit code. @throws MoatError naming who has the port */
export async function startForCaller(
  uid: number,
  context: Context,
  { json, flag }: StartForCallerOptions,
): Promise<number> {
  const user = await findSystemUser(uid, context);
  const env = callerEnv(context.env, user);
  const wish = wishedPort({ env, homeConfig: {}, ...(flag === undefined ? {} : { flag }) });
  const needsRoot = wish !== undefined && wish.port < FIRST_FREE_PORT &&
    !(await isServing(context, { user, env }));
  const keep = needsRoot ? await portToKeep(wish.port, context, { user, env }) : undefined;
  const words = [
    ...(flag === undefined ? [] : ["--port", String(flag)]),
    ...(json ? ["--json"] : []),
  ];
  const { code } = await commandAs([...context.self, "proxy", "start", ...words], {
    user,
    env,
    ...(keep === undefined ? {} : { keep }),
  }).spawn().status;
  return code;
}

interface Caller {
  readonly user: SystemUser;
  readonly env: Readonly<Record<string, string>>;
}

/** Then the daemon says what is the case. */
async function isServing({ self }: Context, { user, env }: Caller): Promise<boolean> {
  const { success } = await commandAs([...self, "proxy", "status", "--json"], {
    user,
    env,
    stdout: "piped",
  }).output();
  return success;
}

/** Opens the port for a moment: who has it can only be told here, where all processes can be seen. */
async function portToKeep(
  port: number,
  { openRouter }: Context,
  { user, env }: Caller,
): Promise<PortToKeep> {
  const router = await openRouter({ ports: [port], log: () => {} });
  await router[Symbol.asyncDispose]();
  const path = keeperPath(resolvePaths(env), { uid: user.uid });
  return { port, path, directory: dirname(path) };
}
