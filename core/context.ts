/**
 * What a command gets to work with, in place of globals: the one argument besides its own flags.
 *
 * `main.ts` makes the real one; tests make their own.
 *
 * @module
 */

import type { Plugin, RuntimeEnvironment } from "./plugin/contract.ts";
import type { Registry } from "./plugin/registry.ts";
import type { OpenAuthority, OpenRouter } from "./plugin/router.ts";
import type { TerminalSize } from "./plugin/runtime.ts";
import type { Paths } from "./store/paths.ts";

/** Standard streams. Output is the program's and results; everything else goes to `error`. */
export interface Stdio {
  readonly input: ReadableStream<Uint8Array>;
  /** Writes all of it. */
  output(data: Uint8Array | string): void | Promise<void>;
  error(text: string | Uint8Array): void | Promise<void>;
  readonly inputIsTerminal: boolean;
  readonly outputIsTerminal: boolean;
  readonly errorIsTerminal: boolean;
  /** Size of the user's terminal, if any. */
  size(): TerminalSize | undefined;
}

/** The surroundings of one command. */
export interface Context {
  readonly version: string;
  readonly os: "linux" | "darwin";
  readonly arch: "amd64" | "arm64";
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  readonly paths: Paths;
  readonly registry: Registry<Plugin>;
  /** Opens the router that serves endpoints under their names; the daemon's alone. */
  readonly openRouter: OpenRouter;
  /** Opens the router's certificate authority, or makes it. */
  readonly openAuthority: OpenAuthority;
  readonly stdio: Stdio;
  /** Aborted on Ctrl-C, TERM and HUP outside of an attached program; the reason names the signal. */
  readonly signal: AbortSignal;
  /** Takes INT, TERM and HUP over, as an attached program does, until the result is disposed. */
  onSignal(handler: (signal: "SIGINT" | "SIGTERM" | "SIGHUP") => void): Disposable;
  /** argv prefix that starts this very program again, for the daemon. */
  readonly self: readonly string[];
}

/** The environment that runtime plugins probe and open with. */
export function runtimeEnvironment(
  context: Context,
  options: { readonly runtime: string; readonly home: string },
): RuntimeEnvironment {
  return {
    os: context.os,
    arch: context.arch,
    env: context.env,
    stateDir: `${context.paths.store}/${options.runtime}`,
    home: options.home,
  };
}
