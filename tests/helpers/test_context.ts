/**
 * A context without terminal and with the directory runtime alone.
 *
 * @module
 */

import type { Context } from "../../core/context.ts";
import { Registry } from "../../core/plugin/registry.ts";
import { type Paths, resolvePaths } from "../../core/store/paths.ts";
import { directoryRuntime } from "./directory_runtime.ts";

/** Makes one for the home; what is given replaces what it has. */
export function testContext(paths: Paths, overrides: Partial<Context> = {}): Context {
  const main = new URL("./daemon_main.ts", import.meta.url).pathname;
  return {
    version: "0.0.0",
    os: Deno.build.os === "darwin" ? "darwin" : "linux",
    arch: Deno.build.arch === "aarch64" ? "arm64" : "amd64",
    env: Deno.env.toObject(),
    cwd: "/",
    paths: resolvePaths({ MOAT_HOME: paths.home }),
    registry: new Registry([directoryRuntime]),
    openRouter: async (options) => (await import("../../proxy/mod.ts")).openRouter(options),
    openAuthority: async (directory) =>
      (await import("../../proxy/mod.ts")).openAuthority(directory),
    stdio: {
      input: new ReadableStream(),
      output: () => {},
      error: () => {},
      inputIsTerminal: false,
      outputIsTerminal: false,
      errorIsTerminal: false,
      size: () => undefined,
    },
    signal: new AbortController().signal,
    onSignal: () => ({ [Symbol.dispose]: () => {} }),
    self: [Deno.execPath(), "run", "--quiet", "--no-check", "--allow-all", main],
    ...overrides,
  };
}
