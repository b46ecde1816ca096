/**
 * The proxies that `bench_router.ts` compares with, and the endpoint behind all: how each is set up.
 *
 * Every one forwards `/` to the endpoint over connections that it keeps, and `/upgrade` to the
 * echo; those that can do so serve TLS with the same certificate on a port of its own.
 *
 * @module
 */

/** Where a program is to listen and to forward to. */
export interface PeerPorts {
  readonly own: number;
  readonly tls: number;
  /** For HTTP/2 without TLS. */
  readonly h2c: number;
  readonly endpoint: number;
  /** What answers upgrades. */
  readonly echo: number;
}

/** PEM files: the certificate, its key, and both in one. */
export interface Certificate {
  readonly certificate: string;
  readonly key: string;
  readonly both: string;
}

/** Options of {@linkcode Peer.prepare}. */
export interface PrepareOptions {
  readonly ports: PeerPorts;
  readonly certificate: Certificate;
}

/** A program to compare with. */
export interface Peer {
  readonly name: string;
  /** The command without which it is left out. */
  readonly needs: string;
  /** What it is not asked for, as it has no such thing. */
  readonly lacks?: readonly ("h2" | "h2c" | "upgrade")[];
  /** Writes what the program reads and returns the argv of each process to start. */
  prepare(directory: string, options: PrepareOptions): Promise<readonly (readonly string[])[]>;
}

/** What is behind all proxies, and loaded by itself for comparison. */
export const ENDPOINT: Peer = {
  name: "direct",
  needs: "nginx",
  lacks: ["h2c"],
  async prepare(directory, { ports: { own, tls }, certificate: { certificate, key } }) {
    await Deno.mkdir(`${directory}/www`);
    await Deno.writeFile(`${directory}/www/large`, new Uint8Array(1 << 20));
    return await nginx(directory, {
      name: "endpoint",
      body:
        `server { listen 127.0.0.1:${own} backlog=4096; listen 127.0.0.1:${tls} ssl http2 backlog=4096;
        ssl_certificate ${certificate}; ssl_certificate_key ${key}; root ${directory}/www;
        location = / { return 200 "hello world\\n"; } }`,
    });
  },
};

/** In the order in which they are listed. */
export const PEERS: readonly Peer[] = [
  {
    name: "nginx",
    needs: "nginx",
    prepare: (directory, { ports, certificate: { certificate, key } }) =>
      nginx(directory, {
        name: "proxy",
        body: `upstream app { server 127.0.0.1:${ports.endpoint}; keepalive 128; }
          server { listen 127.0.0.1:${ports.own} backlog=4096;
            listen 127.0.0.1:${ports.tls} ssl http2 backlog=4096;
            listen 127.0.0.1:${ports.h2c} http2;
            ssl_certificate ${certificate}; ssl_certificate_key ${key};
            proxy_http_version 1.1; proxy_set_header Host $host;
            proxy_set_header X-Forwarded-For $remote_addr;
            location / { proxy_pass http://app; proxy_set_header Connection ""; }
            location /upgrade { proxy_pass http://127.0.0.1:${ports.echo};
              proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection Upgrade; } }`,
      }),
  },
  {
    name: "haproxy",
    needs: "haproxy",
    async prepare(directory, { ports, certificate: { both } }) {
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
  timeout tunnel 60s
  option forwardfor
  http-reuse always
frontend in
  bind 127.0.0.1:${ports.own} backlog 4096
  bind 127.0.0.1:${ports.tls} backlog 4096 ssl crt ${both} alpn h2,http/1.1
  bind 127.0.0.1:${ports.h2c} proto h2
  use_backend echo if { path /upgrade }
  default_backend app
backend app
  server app 127.0.0.1:${ports.endpoint}
backend echo
  server echo 127.0.0.1:${ports.echo}
`,
      );
      return [["haproxy", "-db", "-f", path]];
    },
  },
  {
    name: "caddy",
    needs: "caddy",
    async prepare(directory, { ports, certificate }) {
      const path = `${directory}/caddy.json`;
      const forwardTo = (port: number) => ({
        handler: "reverse_proxy",
        upstreams: [{ dial: `127.0.0.1:${port}` }],
      });
      const routes = [
        { match: [{ path: ["/upgrade"] }], handle: [forwardTo(ports.echo)], terminal: true },
        { handle: [forwardTo(ports.endpoint)] },
      ];
      const rest = { routes, automatic_https: { disable: true } };
      const servers = {
        plain: { listen: [`127.0.0.1:${ports.own}`], ...rest },
        h2c: { listen: [`127.0.0.1:${ports.h2c}`], protocols: ["h1", "h2", "h2c"], ...rest },
        tls: {
          listen: [`127.0.0.1:${ports.tls}`],
          tls_connection_policies: [{}],
          ...rest,
        },
      };
      const files = [{ certificate: certificate.certificate, key: certificate.key }];
      const apps = { http: { servers }, tls: { certificates: { load_files: files } } };
      await Deno.writeTextFile(path, JSON.stringify({ admin: { disabled: true }, apps }));
      return [["env", `HOME=${directory}`, "caddy", "run", "--config", path]];
    },
  },
  {
    name: "http-proxy (npm)",
    needs: "npm",
    lacks: ["h2", "h2c"],
    async prepare(directory, { ports, certificate }) {
      await install(directory, "http-proxy@1.18.1");
      return await nodeProxy(`${directory}/http_proxy.cjs`, {
        ports,
        certificate,
        setUp: `
const { Agent } = require("node:http");
const agent = new Agent({ keepAlive: true, maxSockets: 256 });
const proxy = require("http-proxy").createProxyServer({ target: "http://127.0.0.1:${ports.endpoint}", agent, xfwd: true });
proxy.on("error", () => {});
const onRequest = (request, response) => proxy.web(request, response);
const onUpgrade = (request, socket, head) => proxy.ws(request, socket, head, { target: "http://127.0.0.1:${ports.echo}" });`,
      });
    },
  },
  {
    name: "fast-proxy (npm)",
    needs: "npm",
    lacks: ["h2", "h2c", "upgrade"],
    async prepare(directory, { ports, certificate }) {
      await install(directory, "fast-proxy@2.2.0");
      return await nodeProxy(`${directory}/fast_proxy.cjs`, {
        ports,
        certificate,
        setUp: `
const { proxy } = require("fast-proxy")({ base: "http://127.0.0.1:${ports.endpoint}" });
const onRequest = (request, response) => proxy(request, response, request.url, {});
const onUpgrade = (request, socket) => socket.destroy();`,
      });
    },
  },
  {
    name: "portless (npm)",
    needs: "npm",
    lacks: ["h2c"],
    async prepare(directory, { ports, certificate }) {
      await install(directory, "portless@0.15.6");
      const program = `${directory}/node_modules/portless/dist/cli.js`;
      const portless = (port: number, ...more: readonly string[]) => [
        "env",
        `HOME=${directory}`,
        `PORTLESS_STATE_DIR=${directory}/portless-${port}`,
        "node",
        program,
        ...more,
      ];
      const start = ["proxy", "start", "--foreground", "--skip-trust"];
      const files = ["--cert", certificate.certificate, "--key", certificate.key];
      for (const port of [ports.own, ports.tls]) {
        for (const [name, to] of [["a", ports.endpoint], ["api.a", ports.echo]] as const) {
          await run(portless(port, "alias", name, String(to)));
        }
      }
      return [
        portless(ports.own, ...start, "--no-tls", "--port", String(ports.own)),
        portless(ports.tls, ...start, ...files, "--port", String(ports.tls)),
      ];
    },
  },
];

async function nginx(
  directory: string,
  { name, body }: { readonly name: string; readonly body: string },
): Promise<readonly (readonly string[])[]> {
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
  return [["nginx", "-p", own, "-e", `${own}/error.log`, "-c", `${own}/nginx.conf`]];
}

async function nodeProxy(
  path: string,
  { setUp, ports: { own, tls }, certificate: { certificate, key } }: PrepareOptions & {
    /** Defines `onRequest` and `onUpgrade`. */
    readonly setUp: string;
  },
): Promise<readonly (readonly string[])[]> {
  await Deno.writeTextFile(
    path,
    `process.on("uncaughtException", () => {});
const { readFileSync } = require("node:fs");
${setUp}
const tls = { cert: readFileSync("${certificate}"), key: readFileSync("${key}") };
const plain = require("node:http").createServer(onRequest);
const secure = require("node:https").createServer(tls, onRequest);
for (const server of [plain, secure]) server.on("upgrade", onUpgrade);
plain.listen({ port: ${own}, host: "127.0.0.1", backlog: 4096 });
secure.listen({ port: ${tls}, host: "127.0.0.1", backlog: 4096 });
`,
  );
  return [["node", path]];
}

async function install(directory: string, packageName: string): Promise<void> {
  const quiet = ["--silent", "--no-audit", "--no-fund"];
  await run(["npm", "install", ...quiet, "--prefix", directory, packageName]);
}

/** Runs a program to its end. @throws Error with what it said */
export async function run([program = "", ...args]: readonly string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command(program, { args, stdin: "null" }).output();
  if (!success) throw new Error(`${program} ${args[0]}: ${new TextDecoder().decode(stderr)}`);
}
