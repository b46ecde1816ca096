/**
 * A context whose streams are kept, for commands that run inside the test's process.
 *
 * @module
 */

import type { Context } from "../../core/context.ts";
import type { Plugin } from "../../core/plugin/contract.ts";
import { Registry } from "../../core/plugin/registry.ts";
import { resolvePaths } from "../../core/store/paths.ts";
import { PLUGINS } from "../../plugins/mod.ts";
import { RUNTIMES } from "../../runtimes/mod.ts";

/** What {@linkcode captureContext} is made from. */
export interface CaptureOptions {
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  /** @default "" */
  readonly input?: string;
  /** @default all that moat has */
  readonly plugins?: readonly Plugin[];
  /** All three streams are terminals. @default false */
  readonly terminal?: boolean;
}

/** A context and what was written to it. */
export interface CapturedContext {
  readonly context: Context;
  stdout(): string;
  stderr(): string;
}

/** Makes a context of version `0.0.0` that nothing interrupts. */
export function captureContext(
  { env, cwd, input = "", plugins = [...RUNTIMES, ...PLUGINS], terminal = false }: CaptureOptions,
): CapturedContext {
  const stdout = new Captured();
  const stderr = new Captured();
  const context: Context = {
    version: "0.0.0",
    os: Deno.build.os === "darwin" ? "darwin" : "linux",
    arch: Deno.build.arch === "aarch64" ? "arm64" : "amd64",
    env,
    cwd,
    paths: resolvePaths(env),
    registry: new Registry(plugins),
    openRouter: async (options) => (await import("../../proxy/mod.ts")).openRouter(options),
    openAuthority: async (directory) =>
      (await import("../../proxy/mod.ts")).openAuthority(directory),
    stdio: {
      input: new Blob([input]).stream(),
      output: (data) => stdout.write(data),
      error: (data) => stderr.write(data),
      inputIsTerminal: terminal,
      outputIsTerminal: terminal,
      errorIsTerminal: terminal,
      size: () => terminal ? { columns: 80, rows: 24 } : undefined,
    },
    signal: new AbortController().signal,
    onSignal: () => ({ [Symbol.dispose]: () => {} }),
    self: [],
  };
  return { context, stdout: () => stdout.text, stderr: () => stderr.text };
}

class Captured {
  text = "";
  readonly #decoder = new TextDecoder();

  write(data: Uint8Array | string): void {
    this.text += typeof data === "string" ? data : this.#decoder.decode(data, { stream: true });
  }
}
