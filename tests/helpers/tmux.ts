/**
 * A real terminal for tests: a tmux server of its own with one window.
 *
 * @module
 */

import { until } from "./until.ts";

/** Options of {@linkcode Tmux.start}. */
export interface TmuxOptions {
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  readonly columns?: number;
  readonly rows?: number;
}

/** One terminal. Disposing ends the server and everything in it. */
export class Tmux implements AsyncDisposable {
  readonly #directory: string;

  private constructor(directory: string) {
    this.#directory = directory;
  }

  /** Starts a plain shell with the prompt `$ ` in the terminal. */
  static async start({ env, cwd, columns = 80, rows = 24 }: TmuxOptions): Promise<Tmux> {
    const tmux = new Tmux(await Deno.makeTempDir({ prefix: "moat-tmux-" }));
    await using undo = new AsyncDisposableStack();
    undo.use(tmux);
    const pairs = Object.entries({ ...env, PS1: "host$ ", ENV: "" }).map(([key, value]) =>
      `${key}=${value}`
    );
    await tmux.#run([
      "-f",
      "/dev/null",
      "new-session",
      "-d",
      "-x",
      String(columns),
      "-y",
      String(rows),
      "-c",
      cwd,
      "env",
      "-i",
      ...pairs,
      "TERM=screen",
      "sh",
    ]);
    await tmux.waitFor(/host\$/);
    undo.move();
    return tmux;
  }

  /** Types text, then Enter. */
  async type(text: string): Promise<void> {
    await this.#run(["send-keys", "-l", text]);
    await this.keys("Enter");
  }

  /** Presses keys by tmux's names: `C-c`, `Enter`, `Up`. */
  async keys(...keys: readonly string[]): Promise<void> {
    await this.#run(["send-keys", ...keys]);
  }

  /** Changes the terminal's size. */
  async resize(columns: number, rows: number): Promise<void> {
    await this.#run(["resize-window", "-x", String(columns), "-y", String(rows)]);
  }

  /** What is on the screen now. */
  async screen(): Promise<string> {
    return await this.#run(["capture-pane", "-p"]);
  }

  /** Waits until the screen matches; fails with the screen. */
  async waitFor(pattern: RegExp, timeoutMs = 20_000): Promise<string> {
    let last = "";
    try {
      return await until(String(pattern), async () => {
        last = await this.screen();
        return pattern.test(last) && last;
      }, { timeoutMs });
    } catch (error) {
      throw new Error(`The screen never showed ${pattern}:\n${last}`, { cause: error });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#run(["kill-server"]);
    await Deno.remove(this.#directory, { recursive: true });
  }

  async #run(args: readonly string[]): Promise<string> {
    const { success, stdout, stderr } = await new Deno.Command("tmux", {
      args: ["-S", `${this.#directory}/socket`, ...args],
    }).output();
    if (!success) throw new Error(`tmux ${args[0]}: ${new TextDecoder().decode(stderr)}`);
    return new TextDecoder().decode(stdout);
  }
}
