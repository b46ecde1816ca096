/**
 * Reads and cleans the text of a git configuration, with git itself on a private copy.
 *
 * Git never opens the file that a run could write: that one may be a link, a pipe, or locked. The
 * copy is read without includes and without the user's own configuration.
 *
 * @module
 */

import { join } from "node:path";
import { MoatError, UnavailableError } from "../errors.ts";

/** One setting; `value` is `true` where none was written. */
export interface GitSetting {
  readonly key: string;
  readonly value: string;
}

/** Long for a file of some megabytes; git waits for nothing here. */
const DEADLINE_MS = 10_000;

/** A copy of a configuration, removed when disposed. */
export class GitConfigCopy implements AsyncDisposable {
  readonly #directory: string;
  readonly #file: string;

  private constructor(directory: string) {
    this.#directory = directory;
    this.#file = join(directory, "config");
  }

  /** Copies the text. */
  static async create(text: string | Uint8Array): Promise<GitConfigCopy> {
    const copy = new GitConfigCopy(await Deno.makeTempDir({ prefix: "moat-git-" }));
    const bytes = typeof text === "string" ? new TextEncoder().encode(text) : text;
    await Deno.writeFile(copy.#file, bytes, { mode: 0o600 });
    return copy;
  }

  /** All settings in order. @throws MoatError when git cannot read them, or is not there */
  async list(): Promise<readonly GitSetting[]> {
    const output = await this.#git(["--list", "-z"]);
    return output.split("\0").filter((entry) => entry !== "").map((entry) => {
      const at = entry.indexOf("\n");
      return at < 0
        ? { key: entry, value: "true" }
        : { key: entry.slice(0, at), value: entry.slice(at + 1) };
    });
  }

  /** Gives the key exactly these values. */
  async set(key: string, values: readonly string[]): Promise<void> {
    await this.#git(["--unset-all", "--", key]);
    for (const value of values) await this.#git(["--add", "--", key, value]);
  }

  /** The copy as it is now. */
  async read(): Promise<Uint8Array> {
    return await Deno.readFile(this.#file);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.#directory, { recursive: true });
  }

  async #git(args: readonly string[]): Promise<string> {
    const { success, stdout, stderr } = await this.#start(args);
    if (success) return new TextDecoder().decode(stdout);
    const said = new TextDecoder().decode(stderr).trim().split("\n")[0] ?? "";
    throw new MoatError(`Cannot read the git configuration: ${said.replaceAll(this.#file, "it")}`);
  }

  async #start(args: readonly string[]): Promise<Deno.CommandOutput> {
    const command = new Deno.Command("git", {
      args: ["config", "--file", this.#file, "--no-includes", ...args],
      cwd: this.#directory,
      env: {
        GIT_CONFIG_NOSYSTEM: "1",
        GIT_CONFIG_GLOBAL: "/dev/null",
        GIT_CEILING_DIRECTORIES: this.#directory,
        HOME: this.#directory,
        LC_ALL: "C",
        PATH: Deno.env.get("PATH") ?? "/usr/local/bin:/usr/bin:/bin",
      },
      clearEnv: true,
      stdin: "null",
      signal: AbortSignal.timeout(DEADLINE_MS),
    });
    try {
      return await command.output();
    } catch (cause) {
      if (!(cause instanceof Deno.errors.NotFound)) throw cause;
      throw new UnavailableError("Cannot read the git configuration: git is not on this machine", {
        cause,
        hint: "Install git, or read the file yourself",
      });
    }
  }
}
