/**
 * `https://` URLs inside a run, by clients that are told nothing.
 *
 * @module
 */

import assert from "node:assert/strict";
import { has } from "../helpers/machine.ts";
import { type Outcome, TestHome } from "../helpers/moat.ts";
import { runtimesUnderTest, type RuntimeUnderTest } from "../helpers/runtimes_under_test.ts";
import { until } from "../helpers/until.ts";

/** A program that serves "served" on port 3000, and clients that print what they get. */
interface Tools {
  readonly image?: string;
  readonly server: readonly string[];
  readonly clients: Readonly<Record<string, (url: string) => readonly string[]>>;
}

const NODE: Tools = {
  image: "node:22-slim",
  server: ["node", "-e", "require('http').createServer((_, a) => a.end('served')).listen(3000)"],
  clients: {
    "Node.js": (url) => [
      "node",
      "-e",
      `fetch("${url}").then((answer) => answer.text()).then(console.log)`,
    ],
  },
};

const PYTHON_SERVER = `from http.server import *
class Served(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers(); self.wfile.write(b"served")
HTTPServer(("127.0.0.1", 3000), Served).serve_forever()`;

const PYTHON: Tools = {
  image: "python:3.11-slim",
  server: ["python3", "-c", PYTHON_SERVER],
  clients: {
    "Python": (url) => [
      "python3",
      "-c",
      `import urllib.request as u; print(u.urlopen("${url}").read().decode())`,
    ],
  },
};

/** The machine's own. */
const HOST: Tools = {
  server: ["/usr/bin/perl", "server.pl"],
  clients: {
    ...(has("python") ? PYTHON.clients : {}),
    "curl": (url) => ["curl", "-sS", url],
  },
};

const PERL_SERVER = `use IO::Socket::INET;
my $s = IO::Socket::INET->new(LocalAddr => "127.0.0.1", LocalPort => 3000, Listen => 9, ReuseAddr => 1);
while (my $c = $s->accept) {
  while (<$c>) { last if /^\\r?\\n$/ }
  print $c "HTTP/1.1 200 OK\\r\\nContent-Length: 6\\r\\nConnection: close\\r\\n\\r\\nserved";
  close $c;
}
`;

/** Those of others, and docker with gVisor. */
function runtimes(): readonly RuntimeUnderTest[] {
  return runtimesUnderTest().flatMap((runtime) => {
    const { MOAT_NO_SANDBOX: _, ...env } = runtime.env;
    const guarded = { ...runtime, label: `${runtime.label} with gVisor`, env };
    return runtime.isDocker && has("gvisor") ? [runtime, guarded] : [runtime];
  });
}

/** Under gVisor one suffices: what differs is who writes the files. */
function toolsFor({ isDocker, env }: RuntimeUnderTest): readonly Tools[] {
  if (!isDocker) return [HOST];
  return env.MOAT_NO_SANDBOX === undefined ? [PYTHON] : [NODE, PYTHON];
}

for (const runtime of runtimes()) {
  const { label, env } = runtime;
  for (const { image, server, clients } of toolsFor(runtime)) {
    const names = Object.keys(clients).join(", ");
    Deno.test(`${label}: ${names} inside a run trust the router without being told`, async () => {
      await using home = await TestHome.create(env);
      await home.write("server.pl", PERL_SERVER);
      await home.write(
        "moat.yaml",
        JSON.stringify({
          name: "shop",
          ports: { web: 3000 },
          command: server,
          ...(image === undefined ? {} : { base_image: image }),
        }),
      );
      await home.ok(["run", "-d", "-q", "--trust"]);
      const url = (await home.ok(["open", "--print", "--https"])).trim();
      for (const [name, client] of Object.entries(clients)) {
        let last: Outcome | undefined;
        const answer = until(`${name}'s answer`, async () => {
          last = await home.moat(["exec", "shop", "--", ...client(url)]);
          return last.code === 0 && last.stdout.trim();
        });
        assert.equal(await answer.catch(() => last?.stderr), "served");
      }
    });
  }
}
