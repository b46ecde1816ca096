/**
 * The programs that `bench_router.ts` compares, started and ended.
 *
 * @module
 */

import { type Certificate, ENDPOINT, type Peer, PEERS, run } from "./bench_router_peers.ts";

/** A proxy, or the endpoint itself. All listen on 127.0.0.1. */
export interface Server {
  readonly name: string;
  /** Plain HTTP. */
  readonly port: number;
  readonly tlsPort: number;
  readonly speaksH2: boolean;
  /** HTTP/2 without TLS, by prior knowledge; absent where it cannot. */
  readonly h2cPort: number | undefined;
  /** Where `/upgrade` of `api.a.localhost` becomes WebSocket; absent where it cannot. */
  readonly upgradePort: number | undefined;
  /** Of the program and its children. */
  memoryMib(): Promise<number>;
  /** Processor time that the program and its children have used; Linux only. */
  cpuMs(): Promise<number>;
}

/** Everything that runs; disposing ends it. */
export interface Servers extends AsyncDisposable {
  readonly list: readonly Server[];
}

/** Compiles the router's front, so that what is measured runs as what is shipped does: see compile.ts. */
export async function compileFront(directory: string): Promise<string> {
  const output = `${directory}/front`;
  await run([
    Deno.execPath(),
    "compile",
    "--quiet",
    "--no-check",
    "-A",
    "--bundle",
    "--minify",
    "--v8-flags=--max-semi-space-size=2",
    "--output",
    output,
    "scripts/bench_router_front.ts",
  ]);
  return output;
}

/** Options of {@linkcode startServers}. */
export interface StartServersOptions {
  /** The router as a program. */
  readonly front: string;
  /** Numbers of routes: a router is started for each. */
  readonly routes: readonly number[];
  /** What answers behind them, given the server's name; absent: one nginx, which is listed too. */
  readonly endpointPort?: (name: string) => number;
}

/** Starts all that the machine has; names the others. */
export async function startServers(
  directory: string,
  { front, routes, endpointPort }: StartServersOptions,
): Promise<Servers> {
  const children: Deno.ChildProcess[] = [];
  const list: Server[] = [];
  const dispose = async () => {
    for (const child of children) await end(child);
  };
  try {
    const certificate = await makeCertificate(directory);
    const echo = await startWithPort([
      Deno.execPath(),
      "run",
      "-A",
      "scripts/bench_router_echo.ts",
    ]);
    children.push(echo.child);
    const own = () => ({ own: freePort(), tls: freePort(), h2c: freePort(), echo: echo.port });
    const direct = { ...own(), endpoint: 0 };
    const start = async (peer: Peer, ports: typeof direct) => {
      const commands = await peer.prepare(directory, { ports, certificate });
      const started = commands.map(startQuietly);
      children.push(...started);
      const { name, lacks = [] } = peer;
      const upgradePort = lacks.includes("upgrade") ? undefined : ports.own;
      const speaksH2 = !lacks.includes("h2");
      const h2cPort = lacks.includes("h2c") ? undefined : ports.h2c;
      const { own: port, tls: tlsPort } = ports;
      list.push({ name, port, tlsPort, h2cPort, speaksH2, upgradePort, ...usageOf(started) });
    };
    if (endpointPort === undefined) {
      await start(ENDPOINT, direct);
      list.push({ ...list.pop()!, upgradePort: echo.port });
    }
    for (const count of routes) {
      const name = count === 1 ? "moat, 1 route" : `moat, ${count.toLocaleString("en")} routes`;
      const endpoint = endpointPort?.(name) ?? direct.own;
      const store = await Deno.makeTempDir({ dir: directory });
      const { child, port } = await startWithPort(
        [front, String(endpoint), String(count), String(echo.port), store],
      );
      children.push(child);
      const ports = { port, tlsPort: port, h2cPort: port, upgradePort: port };
      list.push({ name, ...ports, speaksH2: true, ...usageOf([child]) });
    }
    for (const peer of PEERS) {
      if (!await has(peer.needs)) {
        console.log(`${peer.name} is left out: ${peer.needs} is not there`);
        continue;
      }
      const endpoint = endpointPort?.(peer.name) ?? direct.own;
      await start(peer, { ...own(), endpoint });
    }
    for (const server of list) await answers(server, { fromEndpoint: endpointPort === undefined });
    return { list, [Symbol.asyncDispose]: dispose };
  } catch (error) {
    await dispose();
    throw error;
  }
}

/** Says whether the machine has the command. */
export async function has(program: string): Promise<boolean> {
  return await succeeds(["sh", "-c", `command -v ${program}`]);
}

/** One for all but moat, which makes its own of the same kind. */
async function makeCertificate(directory: string): Promise<Certificate> {
  const certificate = `${directory}/certificate.pem`;
  const key = `${directory}/key.pem`;
  const both = `${directory}/both.pem`;
  await run([
    "openssl",
    "req",
    "-x509",
    "-newkey",
    "ec",
    "-pkeyopt",
    "ec_paramgen_curve:prime256v1",
    "-noenc",
    "-days",
    "2",
    "-subj",
    "/CN=localhost",
    "-addext",
    "subjectAltName=DNS:localhost,DNS:a.localhost,DNS:api.a.localhost",
    "-keyout",
    key,
    "-out",
    certificate,
  ]);
  const texts = [await Deno.readTextFile(certificate), await Deno.readTextFile(key)];
  await Deno.writeTextFile(both, texts.join(""));
  return { certificate, key, both };
}

function startQuietly([program = "", ...args]: readonly string[]): Deno.ChildProcess {
  return new Deno.Command(program, { args, stdin: "null", stdout: "null", stderr: "null" }).spawn();
}

/** Starts a program that prints its port. */
async function startWithPort([program = "", ...args]: readonly string[]): Promise<{
  readonly child: Deno.ChildProcess;
  readonly port: number;
}> {
  const child = new Deno.Command(program, { args, stdin: "null", stdout: "piped" }).spawn();
  const reader = child.stdout.getReader();
  const { value } = await reader.read();
  await reader.cancel();
  return { child, port: Number(new TextDecoder().decode(value)) };
}

async function end(child: Deno.ChildProcess): Promise<void> {
  try {
    child.kill("SIGTERM");
  } catch (error) {
    // It ended by itself.
    if (!(error instanceof TypeError)) throw error;
  }
  await child.status;
}

function usageOf(children: readonly Deno.ChildProcess[]): Pick<Server, "memoryMib" | "cpuMs"> {
  const sum = async (figure: (pid: number) => Promise<number>) => {
    let total = 0;
    for (const { pid } of children) total += await figure(pid);
    return total;
  };
  return { memoryMib: () => sum(memoryOf), cpuMs: () => sum(cpuOf) };
}

async function memoryOf(pid: number): Promise<number> {
  let pages = 0;
  for (const one of await familyOf(pid)) {
    pages += Number((await Deno.readTextFile(`/proc/${one}/statm`)).split(" ")[1]);
  }
  return pages * 4096 / 1024 ** 2;
}

/** User and system time, in ticks of 10 ms. */
async function cpuOf(pid: number): Promise<number> {
  let ticks = 0;
  for (const one of await familyOf(pid)) {
    // Behind the name, which is in parentheses and may have spaces.
    const fields = (await Deno.readTextFile(`/proc/${one}/stat`)).replace(/^.*\) /, "").split(" ");
    ticks += Number(fields[11]) + Number(fields[12]);
  }
  return ticks * 10;
}

async function familyOf(pid: number): Promise<readonly number[]> {
  const text = await Deno.readTextFile(`/proc/${pid}/task/${pid}/children`);
  return [pid, ...text.trim().split(" ").filter((one) => one !== "").map(Number)];
}

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

/**
 * Waits until it accepts a connection; `fromEndpoint`: until the answer is the endpoint's, and it has
 * what it needs for TLS.
 */
async function answers(
  { name, port, tlsPort }: Server,
  { fromEndpoint }: { readonly fromEndpoint: boolean },
): Promise<void> {
  for (let tries = 0; tries < 400; tries++) {
    const isReady = fromEndpoint
      ? await succeeds(["curl", "-sf", ...HOST, `http://127.0.0.1:${port}/`]) &&
        await succeeds(["curl", "-sfk", ...HOST, `https://localhost:${tlsPort}/`])
      : await accepts(port);
    if (isReady) return;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  throw new Error(`${name} does not answer on port ${port}`);
}

const HOST = ["-H", "Host: a.localhost"];

async function succeeds([program = "", ...args]: readonly string[]): Promise<boolean> {
  const options = { args, stdout: "null", stderr: "null" } as const;
  return (await new Deno.Command(program, options).output()).success;
}

async function accepts(port: number): Promise<boolean> {
  try {
    (await Deno.connect({ hostname: "127.0.0.1", port })).close();
    return true;
  } catch (error) {
    if (!(error instanceof Deno.errors.ConnectionRefused)) throw error;
    return false;
  }
}
