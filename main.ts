/**
 * Joins core, runtimes, plugins and proxy; nothing else knows them all.
 *
 * @module
 */

import config from "./deno.json" with { type: "json" };
import { runCli } from "./core/cli/run_cli.ts";
import { reportError } from "./core/cli/report_error.ts";
import type { Context, Stdio } from "./core/context.ts";
import { Registry } from "./core/plugin/registry.ts";
import { resolvePaths } from "./core/store/paths.ts";
import { type DeliveredSignals, deliverSignals } from "./core/terminal/deliver_signals.ts";
import { denoStdio } from "./core/terminal/deno_stdio.ts";
import { PLUGINS } from "./plugins/mod.ts";
import { RUNTIMES } from "./runtimes/mod.ts";

/** Runs one command line and returns its exit code. */
export async function main(args: readonly string[]): Promise<number> {
  using signals = deliverSignals();
  const stdio = denoStdio();
  try {
    return await runCli(args, createContext(signals, stdio));
  } catch (error) {
    return await reportError(error, stdio);
  }
}

function createContext({ signal, onSignal }: DeliveredSignals, stdio: Stdio): Context {
  const env = Deno.env.toObject();
  return {
    version: config.version,
    os: Deno.build.os === "darwin" ? "darwin" : "linux",
    arch: Deno.build.arch === "aarch64" ? "arm64" : "amd64",
    env,
    cwd: Deno.cwd(),
    paths: resolvePaths(env),
    registry: new Registry([...RUNTIMES, ...PLUGINS]),
    openRouter: async (options) => (await import("./proxy/mod.ts")).openRouter(options),
    openAuthority: async (directory) => (await import("./proxy/mod.ts")).openAuthority(directory),
    stdio,
    signal,
    onSignal,
    self: Deno.build.standalone
      ? [Deno.execPath()]
      : [Deno.execPath(), "run", "--quiet", "--allow-all", import.meta.filename ?? "main.ts"],
  };
}

if (import.meta.main) Deno.exit(await main(Deno.args));
