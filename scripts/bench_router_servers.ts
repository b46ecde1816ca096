/**
 * The programs that `bench_router.ts` compares, started and ended.
 *
 * @module
 */

/** A proxy, or the endpoint itself. */
export interface Server {
  readonly name: string;
  readonly port: number;
  /** Of the program and its children. */
  memoryMib(): Promise<number>;
  /** Processor time that the program and its children have used; Linux only. */
  cpuMs(): Promise<number>;
}

/** Everything that runs; disposing ends it. */
export interface Servers extends AsyncDisposable {
  readonly list: readonly Server[];
}

interface Definition {
  readonly name: string;
  readonly needs: string;
  /** Writes what the program reads and returns its argv. */
  prepare(
    directory: string,
    ports: { readonly own: number; readonly endpoint: number },
  ): Promise<readonly string[]>;
}

/** Compiles the router's front, so that what is measured runs as what is shipped does: see compile.ts. */
export async function compileFront(directory: string): Promise<string> {
  const output = `${directory}/front`;
  await run(Deno.execPath(), [
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
    const nginxPort = freePort();
    if (endpointPort === undefined) {
      const ports = { own: nginxPort, endpoint: nginxPort };
      children.push(start(await NGINX_ENDPOINT.prepare(directory, ports)));
      list.push(server("direct", nginxPort, children.at(-1)));
    }
    for (const count of routes) {
      const name = `moat, ${count.toLocaleString("en")} routes`;
      const endpoint = endpointPort?.(name) ?? nginxPort;
      const child = new Deno.Command(front, {
        args: [String(endpoint), String(count)],
        stdout: "piped",
      }).spawn();
      children.push(child);
      list.push(server(name, await readPort(child), child));
    }
    for (const definition of PEERS) {
      if (!await has(definition.needs)) {
        console.log(`${definition.name} is left out: ${definition.needs} is not there`);
        continue;
      }
      const own = freePort();
      const endpoint = endpointPort?.(definition.name) ?? nginxPort;
      children.push(start(await definition.prepare(directory, { own, endpoint })));
      list.push(server(definition.name, own, children.at(-1)));
    }
    for (const { port } of list) await answers(port);
    return { list, [Symbol.asyncDispose]: dispose };
  } catch (error) {
    await dispose();
    throw error;
  }
}

const NGINX_ENDPOINT: Definition = {
  name: "nginx, the endpoint",
  needs: "nginx",
  async prepare(directory, { own }) {
    await Deno.mkdir(`${directory}/www`);
    await Deno.writeFile(`${directory}/www/large`, new Uint8Array(1 << 20));
    return await nginx(directory, {
      name: "endpoint",
      body: `server { listen 127.0.0.1:${own}; root ${directory}/www;
        location = / { return 200 "hello world\\n"; } }`,
    });
  },
};

const PEERS: readonly Definition[] = [
  {
    name: "nginx",
    needs: "nginx",
    prepare: (directory, { own, endpoint }) =>
      nginx(directory, {
        name: "proxy",
        body: `upstream app { server 127.0.0.1:${endpoint}; keepalive 128; }
          server { listen 127.0.0.1:${own}; location / {
            proxy_pass http://app; proxy_http_version 1.1; proxy_set_header Connection "";
            proxy_set_header Host $host; proxy_set_header X-Forwarded-For $remote_addr; } }`,
      }),
  },
  {
    name: "haproxy",
    needs: "haproxy",
    async prepare(directory, { own, endpoint }) {
      const path = `${directory}/haproxy.cfg`;
      await Deno.writeTextFile(
        path,
        `global
  maxconn 4096
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  option forwardfor
  http-reuse always
frontend in
  bind 127.0.0.1:${own}
  default_backend app
backend app
  server app 127.0.0.1:${endpoint}
`,
      );
      return ["haproxy", "-db", "-f", path];
    },
  },
  {
    name: "caddy",
    needs: "caddy",
    async prepare(directory, { own, endpoint }) {
      const path = `${directory}/caddy.json`;
      const route = {
        handle: [{ handler: "reverse_proxy", upstreams: [{ dial: `127.0.0.1:${endpoint}` }] }],
      };
      const servers = {
        app: { listen: [`127.0.0.1:${own}`], routes: [route], automatic_https: { disable: true } },
      };
      await Deno.writeTextFile(
        path,
        JSON.stringify({ admin: { disabled: true }, apps: { http: { servers } } }),
      );
      return ["env", `HOME=${directory}`, "caddy", "run", "--config", path];
    },
  },
  {
    name: "http-proxy (npm)",
    needs: "npm",
    async prepare(directory, { own, endpoint }) {
      await install(directory, "http-proxy@1.18.1");
      const path = `${directory}/http_proxy.cjs`;
      await Deno.writeTextFile(
        path,
        `process.on("uncaughtException", () => {});
const { Agent } = require("node:http");
const agent = new Agent({ keepAlive: true, maxSockets: 256 });
const proxy = require("http-proxy").createProxyServer({ target: "http://127.0.0.1:${endpoint}", agent, xfwd: true });
proxy.on("error", () => {});
require("node:http").createServer((request, response) => proxy.web(request, response)).listen(${own}, "127.0.0.1");
`,
      );
      return ["node", path];
    },
  },
  {
    name: "fast-proxy (npm)",
    needs: "npm",
    async prepare(directory, { own, endpoint }) {
      await install(directory, "fast-proxy@2.2.0");
      const path = `${directory}/fast_proxy.cjs`;
      await Deno.writeTextFile(
        path,
        `process.on("uncaughtException", () => {});
const { proxy } = require("fast-proxy")({ base: "http://127.0.0.1:${endpoint}" });
require("node:http").createServer((request, response) => proxy(request, response, request.url, {})).listen(${own}, "127.0.0.1");
`,
      );
      return ["node", path];
    },
  },
];

async function nginx(
  directory: string,
  { name, body }: { readonly name: string; readonly body: string },
): Promise<readonly string[]> {
  const own = `${directory}/nginx-${name}`;
  await Deno.mkdir(own);
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    .map((kind) => `${kind}_temp_path ${own}/${kind};`).join(" ");
  await Deno.writeTextFile(
    `${own}/nginx.conf`,
    `${
      Deno.uid() === 0 ? "user root; " : ""
    }worker_processes auto; daemon off; pid ${own}/pid; error_log ${own}/error.log;
    events { worker_connections 4096; }
    http { access_log off; keepalive_requests 100000000; ${temporary} ${body} }`,
  );
  return ["nginx", "-p", own, "-e", `${own}/error.log`, "-c", `${own}/nginx.conf`];
}

async function install(directory: string, packageName: string): Promise<void> {
  await run("npm", [
    "install",
    "--silent",
    "--no-audit",
    "--no-fund",
    "--prefix",
    directory,
    packageName,
  ]);
}

async function run(program: string, args: readonly string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command(program, { args: [...args] }).output();
  if (!success) throw new Error(`${program} ${args[0]}: ${new TextDecoder().decode(stderr)}`);
}

function start([program = "", ...args]: readonly string[]): Deno.ChildProcess {
  return new Deno.Command(program, { args, stdin: "null", stdout: "null", stderr: "null" }).spawn();
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

function server(name: string, port: number, child: Deno.ChildProcess | undefined): Server {
  const pid = child?.pid ?? 0;
  return { name, port, memoryMib: () => memoryOf(pid), cpuMs: () => cpuOf(pid) };
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

async function readPort(child: Deno.ChildProcess): Promise<number> {
  const reader = child.stdout.getReader();
  const { value } = await reader.read();
  await reader.cancel();
  return Number(new TextDecoder().decode(value));
}

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

async function answers(port: number): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    try {
      (await Deno.connect({ hostname: "127.0.0.1", port })).close();
      return;
    } catch (error) {
      if (!(error instanceof Deno.errors.ConnectionRefused)) throw error;
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
  }
  throw new Error(`Nothing answers on port ${port}`);
}

async function has(program: string): Promise<boolean> {
  const { success } = await new Deno.Command("sh", {
    args: ["-c", `command -v ${program}`],
    stdout: "null",
  }).output();
  return success;
}
