/**
 * A headless Chromium, driven by its DevTools protocol.
 *
 * @module
 */

import { join } from "node:path";
import { until } from "./until.ts";

/** Options of {@linkcode Chromium.start}. */
export interface ChromiumOptions {
  /** PEM file of an authority that it trusts, as a user would make it: in the store of certificates. */
  readonly authority?: string;
}

/** What a page does that takes longer than this hangs. */
const COMMAND_MS = 20_000;
/** What it says of requests that it gives up because an interface of the machine came or went. */
const NETWORK_CHANGED = "ERR_NETWORK_CHANGED";
const MAX_TRIES = 5;

/** One browser with one page; disposing it removes its profile. */
export class Chromium implements AsyncDisposable {
  readonly #process: Deno.ChildProcess;
  readonly #home: string;
  readonly #socket: WebSocket;
  readonly #waiting = new Map<number, PromiseWithResolvers<unknown>>();
  /** What its console would show of failed requests and errors. */
  readonly messages: string[] = [];
  #count = 0;

  private constructor(process: Deno.ChildProcess, home: string, socket: WebSocket) {
    this.#process = process;
    this.#home = home;
    this.#socket = socket;
    socket.onmessage = ({ data }) => {
      const { id, result, error, method, params } = Object(JSON.parse(String(data)));
      if (method === "Log.entryAdded") {
        const { text, url } = Object(Object(params).entry);
        this.messages.push(`${text} (${url})`);
      }
      const waiting = this.#waiting.get(Number(id));
      this.#waiting.delete(Number(id));
      if (error === undefined) waiting?.resolve(result);
      else waiting?.reject(new Error(Object(error).message));
    };
  }

  /** Starts one with a profile of its own. */
  static async start({ authority }: ChromiumOptions = {}): Promise<Chromium> {
    const home = await Deno.makeTempDir({ prefix: "moat-chromium-" });
    if (authority !== undefined) await trust(home, authority);
    const process = new Deno.Command("chromium", {
      args: [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--disable-dev-shm-usage",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        `--user-data-dir=${join(home, "profile")}`,
        "--remote-debugging-port=0",
        "about:blank",
      ],
      env: { HOME: home },
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
    try {
      const port = await until("Chromium", () => readPort(join(home, "profile")));
      const pages: unknown = await (await fetch(`http://127.0.0.1:${port}/json/list`)).json();
      const page = Array.isArray(pages) ? pages.find(({ type }) => type === "page") : undefined;
      const socket = new WebSocket(String(page?.webSocketDebuggerUrl));
      await new Promise((resolve, reject) => {
        socket.onopen = resolve;
        socket.onerror = reject;
      });
      const chromium = new Chromium(process, home, socket);
      await chromium.#ask("Log.enable", {});
      return chromium;
    } catch (error) {
      await end(process, home);
      throw error;
    }
  }

  /** Does it again where containers that start or end elsewhere on the machine made requests fail. */
  async undisturbed(attempt: () => Promise<void>): Promise<void> {
    for (let tries = 1;; tries++) {
      const before = this.messages.length;
      try {
        return await attempt();
      } catch (error) {
        const said = [String(error), ...this.messages.slice(before)];
        const isDisturbed = said.some((text) => text.includes(NETWORK_CHANGED));
        if (!isDisturbed || tries === MAX_TRIES) throw error;
      }
    }
  }

  /** Shows a page, once it has come. @throws Error with Chromium's word for what is wrong */
  async open(url: string): Promise<void> {
    const { errorText } = Object(await this.#ask("Page.navigate", { url }));
    if (errorText !== undefined) throw new Error(`${url}: ${errorText}`);
    await until(url, async () => await this.evaluate("document.readyState") === "complete");
  }

  /** What the expression comes to in the page, which may be a promise; plain data only. */
  async evaluate(expression: string): Promise<unknown> {
    const { result, exceptionDetails } = Object(
      await this.#ask("Runtime.evaluate", {
        expression,
        awaitPromise: true,
        returnByValue: true,
      }),
    );
    if (exceptionDetails !== undefined) {
      const { exception, text } = Object(exceptionDetails);
      throw new Error(`${expression}: ${Object(exception).description ?? text}`);
    }
    return Object(result).value;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise((resolve) => this.#socket.onclose = resolve);
    this.#socket.close();
    await closed;
    await end(this.#process, this.#home);
  }

  async #ask(method: string, params: Readonly<Record<string, unknown>>): Promise<unknown> {
    const id = ++this.#count;
    const waiting = Promise.withResolvers<unknown>();
    this.#waiting.set(id, waiting);
    const timer = setTimeout(
      () => waiting.reject(new Error(`Chromium did not answer: ${method}`)),
      COMMAND_MS,
    );
    this.#socket.send(JSON.stringify({ id, method, params }));
    try {
      return await waiting.promise;
    } finally {
      clearTimeout(timer);
    }
  }
}

/** Where the browser listens, once it says so. */
async function readPort(profile: string): Promise<number | undefined> {
  try {
    const [port] = (await Deno.readTextFile(join(profile, "DevToolsActivePort"))).split("\n");
    return Number(port) || undefined;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** Puts the authority into the user's NSS database, as `moat proxy trust` says. */
async function trust(home: string, authority: string): Promise<void> {
  const database = join(home, ".pki", "nssdb");
  await Deno.mkdir(database, { recursive: true });
  const { success, stderr } = await new Deno.Command("certutil", {
    args: ["-d", `sql:${database}`, "-A", "-t", "C,,", "-n", "moat-router", "-i", authority],
  }).output();
  if (!success) throw new Error(`certutil: ${new TextDecoder().decode(stderr)}`);
}

async function end(process: Deno.ChildProcess, home: string): Promise<void> {
  process.kill("SIGTERM");
  await process.status;
  // Its helpers write for a moment longer.
  await until("the profile's end", async () => {
    try {
      await Deno.remove(home, { recursive: true });
      return true;
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      return false;
    }
  });
}
