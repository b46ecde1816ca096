/**
 * `deno task bench router --corpus`: what each proxy does with the requests of the tests' corpus.
 *
 * A proxy that forwards a request which is refused here may have repaired it first: the table counts,
 * it does not judge. What forwards, and in which bytes, is written to standard output with `--list`.
 *
 * @module
 */

import { REQUEST_CASES, type RequestCase } from "../tests/fixtures/http1/requests.ts";
import { toBytes, toText } from "../tests/helpers/raw_http.ts";
import { compileFront, type Server, startServers } from "./bench_router_servers.ts";

/** How long nothing is taken for an answer. */
const PATIENCE_MS = 1500;
const SETTLE_MS = 20;

/** An endpoint that keeps what it is sent. */
class Recorder {
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  /** Whole requests since it was last set to 0. */
  requests = 0;

  constructor() {
    this.#accept();
  }

  get port(): number {
    return this.#listener.addr.port;
  }

  close(): void {
    this.#listener.close();
  }

  async #accept(): Promise<void> {
    for (;;) {
      try {
        this.#serve(await this.#listener.accept()).catch(() => {});
      } catch (error) {
        // A connection that was reset before it was accepted.
        if (error instanceof Deno.errors.NotConnected) continue;
        if (error instanceof Deno.errors.BadResource) return;
        throw error;
      }
    }
  }

  async #serve(connection: Deno.TcpConn): Promise<void> {
    let text = "";
    const buffer = new Uint8Array(65_536);
    for (;;) {
      const count = await connection.read(buffer);
      if (count === null) break;
      text += toText(buffer.subarray(0, count));
      if (!isWhole(text)) continue;
      this.requests += 1;
      await connection.write(
        toBytes("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"),
      );
      break;
    }
    connection.close();
  }
}

/** As a plain server would see it. */
function isWhole(text: string): boolean {
  const [head = "", ...rest] = text.split("\r\n\r\n");
  if (rest.length === 0) return false;
  if (/^transfer-encoding:.*chunked/im.test(head)) return /\r\n0+\r\n(.*\r\n)?\r\n/s.test(text);
  const length = Number(/^content-length: *([0-9]+)/im.exec(head)?.[1] ?? 0);
  return text.length >= head.length + 4 + length;
}

type Outcome = "forwarded" | "refused";

/** Prints one line a proxy. */
export async function compareCorpus(): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "moat-corpus-" });
  const recorders = new Map<string, Recorder>();
  try {
    const front = await compileFront(directory);
    const endpointPort = (name: string) => {
      const recorder = new Recorder();
      recorders.set(name, recorder);
      return recorder.port;
    };
    await using servers = await startServers(directory, { front, routes: [1], endpointPort });
    const rows = await Promise.all(servers.list.map(async (server) => {
      const recorder = recorders.get(server.name);
      return recorder === undefined ? undefined : await row(server, recorder);
    }));
    const shouldRefuse = REQUEST_CASES.filter(({ expect }) => expect === "refused").length;
    console.log(
      `${"".padEnd(20)} forwards of ${shouldRefuse} to refuse   refuses of ${
        REQUEST_CASES.length - shouldRefuse
      } to forward`,
    );
    for (const found of rows) {
      if (found === undefined) continue;
      const { name, lax, strict } = found;
      console.log(
        `${name.padEnd(20)} ${String(lax.length).padStart(8)} ${
          String(strict.length).padStart(26)
        }`,
      );
    }
    if (!Deno.args.includes("--list")) return;
    for (const found of rows) {
      console.log(`\n${found?.name} forwards:`);
      for (const name of found?.lax ?? []) console.log(`  ${name}`);
      console.log(`${found?.name} refuses:`);
      for (const name of found?.strict ?? []) console.log(`  ${name}`);
    }
  } finally {
    for (const recorder of recorders.values()) recorder.close();
    await Deno.remove(directory, { recursive: true });
  }
}

async function row(server: Server, recorder: Recorder): Promise<{
  readonly name: string;
  readonly lax: readonly string[];
  readonly strict: readonly string[];
}> {
  const lax: string[] = [];
  const strict: string[] = [];
  for (const example of REQUEST_CASES) {
    const outcome = await tryCase(server, recorder, example);
    if (outcome === example.expect) continue;
    if (outcome === "forwarded") lax.push(example.name);
    else strict.push(example.name);
  }
  return { name: server.name, lax, strict };
}

/** Forwarded: the endpoint saw a whole request. */
async function tryCase(
  server: Server,
  recorder: Recorder,
  { send }: RequestCase,
): Promise<Outcome> {
  recorder.requests = 0;
  const connection = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
  const buffer = new Uint8Array(65_536);
  const limit = Date.now() + PATIENCE_MS;
  let answer = "";
  try {
    await writeAll(connection, toBytes(send));
    while (Date.now() < limit && !/^HTTP\/1\.[01] [2-9]/m.test(answer)) {
      const count = await Promise.race([connection.read(buffer), pause(limit - Date.now())]);
      if (count === null || count === undefined) break;
      answer += toText(buffer.subarray(0, count));
    }
  } catch (error) {
    if (
      !(error instanceof Deno.errors.ConnectionReset || error instanceof Deno.errors.BrokenPipe)
    ) throw error;
  }
  await connection.closeWrite().catch(() => {});
  connection.close();
  // What was forwarded without an answer to wait for, such as a second request, is on its way.
  await pause(SETTLE_MS);
  return recorder.requests > 0 ? "forwarded" : "refused";
}

async function writeAll(connection: Deno.TcpConn, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await connection.write(bytes.subarray(at));
}

function pause(ms: number): Promise<undefined> {
  return new Promise((resolve) => setTimeout(() => resolve(undefined), ms));
}
