/**
 * Drives moat as a user does: the compiled program when MOAT_TEST_BINARY names one, else the source.
 *
 * Every {@linkcode TestHome} is a MOAT_HOME of its own with an empty project, removed at the end.
 *
 * @module
 */

import assert from "node:assert/strict";
import { join } from "node:path";

/** How a command ended. */
export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Options of {@linkcode TestHome.moat}. */
export interface MoatOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string | Uint8Array;
}

/** argv prefix of the program under test. */
export function moatCommand(): readonly string[] {
  const binary = Deno.env.get("MOAT_TEST_BINARY");
  if (binary) return [binary];
  const main = join(import.meta.dirname ?? ".", "..", "..", "main.ts");
  return [Deno.execPath(), "run", "--quiet", "--no-check", "--allow-all", main];
}

/** A MOAT_HOME and a project, both empty and of its own. */
export class TestHome implements AsyncDisposable {
  readonly directory: string;
  readonly home: string;
  readonly project: string;
  readonly #env: Readonly<Record<string, string>>;

  private constructor(directory: string, env: Readonly<Record<string, string>>) {
    this.directory = directory;
    this.home = join(directory, "home");
    this.project = join(directory, "project");
    this.#env = env;
  }

  /** `env` is added to the environment of every command, such as MOAT_RUNTIME. */
  static async create(env: Readonly<Record<string, string>> = {}): Promise<TestHome> {
    const made = new TestHome(await Deno.makeTempDir({ prefix: "moat-e2e-" }), env);
    await Deno.mkdir(made.project);
    return made;
  }

  /** Writes a file of the project. */
  async write(path: string, text: string): Promise<void> {
    await Deno.writeTextFile(join(this.project, path), text);
  }

  /** The environment that commands of this home get. */
  get env(): Record<string, string> {
    const { PATH = "", DENO_DIR, HOME = "/", TERM = "dumb" } = Deno.env.toObject();
    return {
      PATH,
      HOME,
      TERM,
      ...(DENO_DIR === undefined ? {} : { DENO_DIR }),
      NO_COLOR: "1",
      MOAT_HOME: this.home,
      ...this.#env,
    };
  }

  /** Starts a command in the project; the caller awaits its status. */
  spawn(
    args: readonly string[],
    { cwd = this.project, env = {} }: MoatOptions = {},
  ): Deno.ChildProcess {
    const [program = "", ...prefix] = moatCommand();
    return new Deno.Command(program, {
      args: [...prefix, ...args],
      cwd,
      env: { ...this.env, ...env },
      clearEnv: true,
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
  }

  /** Runs a command to its end. */
  async moat(args: readonly string[], options: MoatOptions = {}): Promise<Outcome> {
    const child = this.spawn(args, options);
    const feeding = feed(child, options.input);
    const { code, stdout, stderr } = await child.output();
    await feeding;
    const decoder = new TextDecoder();
    return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
  }

  /** Runs a command that must succeed and returns its standard output. */
  async ok(args: readonly string[], options: MoatOptions = {}): Promise<string> {
    const { code, stdout, stderr } = await this.moat(args, options);
    assert.equal(code, 0, `moat ${args.join(" ")} exited with ${code}\n${stderr}`);
    return stdout;
  }

  /** Ends what still runs and removes the directory. */
  async [Symbol.asyncDispose](): Promise<void> {
    const listed = await this.moat(["list", "--json"]);
    if (listed.code === 0) {
      const runs: unknown = JSON.parse(listed.stdout);
      for (const run of Array.isArray(runs) ? runs : []) {
        if (typeof run?.id === "string") await this.moat(["destroy", "-f", run.id]);
      }
    }
    await this.moat(["clean", "--force"]);
    await removeTree(this.directory);
  }
}

async function feed(
  child: Deno.ChildProcess,
  input: string | Uint8Array | undefined,
): Promise<void> {
  const writer = child.stdin.getWriter();
  try {
    if (input !== undefined) {
      await writer.write(typeof input === "string" ? new TextEncoder().encode(input) : input);
    }
    await writer.close();
  } catch (error) {
    // The program may end without reading its input.
    if (!(error instanceof Error) || !/EPIPE|[Bb]roken pipe|closed|errored/.test(error.message)) {
      throw error;
    }
  }
}

/** A daemon that is just ending may still write; it then removes nothing, so try again shortly. */
async function removeTree(directory: string): Promise<void> {
  for (let attempt = 0;; attempt++) {
    try {
      return await Deno.remove(directory, { recursive: true });
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return;
      if (attempt >= 20) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}
