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

/** Clients by name; each prints what it gets. */
type Clients = Readonly<Record<string, (url: string) => readonly string[]>>;

/** In the image that runs have without being asked: it has no authorities of its own. */
const IMAGE: Clients = {
  "apt": (url) => [
    "sh",
    "-c",
    `/usr/lib/apt/apt-helper download-file "${url}/" /tmp/answer >&2 && cat /tmp/answer`,
  ],
};

/** The machine's own. */
const HOST: Clients = {
  ...(has("node")
    ? {
      "Node.js": (url) => [
        "node",
        "-e",
        `fetch("${url}").then((answer) => answer.text()).then(console.log)`,
      ],
    }
    : {}),
  ...(has("python")
    ? {
      "Python": (url) => [
        "python3",
        "-c",
        `import urllib.request as u; print(u.urlopen("${url}").read().decode())`,
      ],
    }
    : {}),
  ...(has("curl") ? { "curl": (url: string) => ["curl", "-sS", url] } : {}),
};

const SERVER = `use IO::Socket::INET;
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

for (const { label, env, isDocker } of runtimes()) {
  const clients = isDocker ? IMAGE : HOST;
  const names = Object.keys(clients).join(", ");
  Deno.test(`${label}: ${names} inside a run trust the router without being told`, async () => {
    await using home = await TestHome.create(env);
    await home.write("server.pl", SERVER);
    await home.write(
      "moat.yaml",
      "name: shop\nports: {web: 3000}\ncommand: [perl, server.pl]\n",
    );
    await home.ok(["run", "-d", "-q"]);
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
