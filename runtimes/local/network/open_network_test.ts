import assert from "node:assert/strict";
import { delimiter } from "node:path";
import { has } from "../../../tests/helpers/machine.ts";
import {
  openNamespace,
  openOutside,
  startServer,
  type TestNamespace,
} from "../../../tests/helpers/network_namespace.ts";
import { closeNetwork } from "./close_network.ts";
import { type Network, RELAY_TARGET, relayDirectory } from "./contract.ts";
import { findHelpers } from "./find_helpers.ts";
import { identifyProcess, isAlive } from "../process_identity.ts";
import { readRecord } from "./helper_record.ts";
import { waitUntil } from "../wait_until.ts";
import { openNetwork } from "./open_network.ts";
import { superviseNetwork } from "./supervise_network.ts";

const WAYS = ["pasta", "slirp4netns", "relay"] as const;
type Way = typeof WAYS[number];

const installed = findHelpers(Deno.env.toObject());
const hasNamespaces = has("linux") && await namespacesWork();

async function namespacesWork(): Promise<boolean> {
  try {
    return (await new Deno.Command("unshare", { args: ["-Urn", "perl", "-e", "1"] }).output())
      .success;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

function canUse(way: Way): boolean {
  return hasNamespaces && (way === "relay" || installed.some(({ kind }) => kind === way)) &&
    (way === "relay" || has("root"));
}

/** A directory for PATH with links to some helpers, and programs of the test's own. */
async function helpersPath(
  { directory, links, programs = {} }: {
    readonly directory: string;
    readonly links: readonly Way[];
    readonly programs?: Readonly<Record<string, string>>;
  },
): Promise<string> {
  const path = `${directory}/bin`;
  await Deno.mkdir(path);
  const tools = (Deno.env.get("PATH") ?? "").split(delimiter);
  for (const tool of ["perl"]) {
    const found = tools.find((entry) => exists(`${entry}/${tool}`));
    if (found) await Deno.symlink(`${found}/${tool}`, `${path}/${tool}`);
  }
  for (const { kind, path: helper } of installed) {
    if (links.includes(kind)) await Deno.symlink(helper, `${path}/${kind}`);
  }
  for (const [name, text] of Object.entries(programs)) {
    await Deno.writeTextFile(`${path}/${name}`, text, { mode: 0o755 });
  }
  return path;
}

function exists(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

interface Opened extends AsyncDisposable {
  readonly namespace: TestNamespace;
  readonly network: Network;
  readonly stateDir: string;
  readonly env: Readonly<Record<string, string>>;
}

async function open(
  links: readonly Way[],
  { programs = {}, detached = false, deep = false, directory, env = {} }: {
    readonly programs?: Readonly<Record<string, string>>;
    readonly detached?: boolean;
    readonly deep?: boolean;
    readonly directory?: string;
    readonly env?: Readonly<Record<string, string>>;
  } = {},
): Promise<Opened> {
  await using stack = new AsyncDisposableStack();
  const root = directory ?? await Deno.makeTempDir();
  if (directory === undefined) stack.defer(() => Deno.remove(root, { recursive: true }));
  const stateDir = `${root}/sandboxes/${deep ? "d".repeat(120) : crypto.randomUUID()}`;
  await Deno.mkdir(stateDir, { recursive: true, mode: 0o700 });
  const bin = await Deno.makeTempDir({ dir: root });
  const path = await helpersPath({ directory: bin, links, programs });
  const namespace = stack.use(await openNamespace());
  const environment = { PATH: path, ...env };
  const network = stack.use(
    await openNetwork({
      pid: namespace.pid,
      stateDir,
      mode: "private",
      detached,
      dns: [],
      env: environment,
    }),
  );
  stack.defer(() => closeNetwork({ stateDir }));
  const { insideHelper } = network;
  if (insideHelper !== undefined) {
    // A sandbox has the directory at a short path of its own; here a link stands for the mount.
    const link = `${bin}/net`;
    await Deno.symlink(relayDirectory(stateDir), link);
    await namespace.start(insideHelper.replace(RELAY_TARGET, link));
  }
  const kept = stack.move();
  return {
    namespace,
    network,
    stateDir,
    env: environment,
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

/** Fetches as programs do: through the proxy if there is one. Prints all that came. */
const FETCH = String.raw`
use strict; use Socket; my ($proxy, $host, $port) = @ARGV;
my ($to, $at) = $proxy =~ m{http://([^:]+):(\d+)} ? ($1, $2) : ($host, $port);
my $shown = $host =~ /:/ ? "[$host]" : $host;
$SIG{ALRM} = sub { print "time out\n"; exit }; alarm 8;
socket(my $s, PF_INET, SOCK_STREAM, 0);
connect($s, sockaddr_in($at, inet_aton($to))) or do { print "no: $!\n"; exit };
if ($proxy) {
  syswrite $s, "CONNECT $shown:$port HTTP/1.1\r\nHost: $shown:$port\r\n\r\n";
  my $head = ""; while ($head !~ /\r\n\r\n/) { sysread($s, my $c, 1) or last; $head .= $c }
  print $head; exit if $head !~ m{^HTTP/1.. 200};
}
syswrite $s, "GET / HTTP/1.0\r\n\r\n"; while (sysread($s, my $data, 65536)) { print $data }
`;

/** Tries to reach addresses over TCP and UDP, plainly and bound to each interface. */
const ATTACK = String.raw`
use strict; use Socket; use Fcntl; my ($tcp, $udp, @addresses) = @ARGV; my %open;
for my $address (@addresses) { for my $device ("", "tap0", "lo") {
  socket(my $s, PF_INET, SOCK_STREAM, 0); socket(my $u, PF_INET, SOCK_DGRAM, 0);
  setsockopt($u, SOL_SOCKET, SO_BROADCAST, 1);
  for ($s, $u) {
    setsockopt($_, SOL_SOCKET, 25, "$device\0") if $device ne "";
    fcntl($_, F_SETFL, O_NONBLOCK); $open{fileno $_} = [$_, "$address by '$device'"];
  }
  connect($s, sockaddr_in($tcp, inet_aton($address)));
  send($u, "$address by '$device'", 0, sockaddr_in($udp, inet_aton($address)));
} }
my $until = time + 2;
while (%open && time < $until) {
  my $r = ""; vec($r, $_, 1) = 1 for keys %open;
  select($r, undef, undef, 0.5) > 0 or last;
  for (grep { vec($r, $_, 1) } keys %open) {
    # Ports are few: one of these sockets may by chance reach another.
    my $data = ""; sysread($open{$_}[0], $data, 100);
    print "reached $open{$_}[1]: $data\n" if $data =~ /the host/;
    delete $open{$_};
  }
}
print "tried\n";
`;

/** Every IPv4 address that means the host, by any road. */
function hostAddresses(): readonly string[] {
  const own = Deno.networkInterfaces().filter(({ family }) => family === "IPv4");
  const broadcasts = own.map(({ address }) => address.replace(/\d+$/, "255"));
  const inside = ["10.0.2.1", "10.0.2.2", "10.0.2.3", "10.0.2.100", "10.0.2.255"];
  const fixed = ["127.0.0.1", "127.0.0.53", "0.0.0.0", "0.0.0.1", "169.254.169.254"];
  return [...own.map(({ address }) => address), ...broadcasts, ...inside, ...fixed];
}

const PROXY = (network: Network) => network.env.http_proxy ?? "";

for (const way of WAYS) {
  const links: readonly Way[] = way === "relay" ? [] : [way];
  const ignore = !canUse(way);

  Deno.test(`${way}: a server outside is reached`, { ignore: ignore || !has("root") }, async () => {
    await using outside = await openOutside();
    await using server = await startServer("hello from outside", outside);
    await using run = await open(links);
    assert.equal(run.network.kind, way);
    const answer = await run.namespace.perl(
      FETCH,
      PROXY(run.network),
      outside.address,
      String(server.port),
    );
    assert.match(answer, /hello from outside/);
  });

  Deno.test(`${way}: no address of the host is reached`, { ignore }, async () => {
    await using server = await startServer("the host");
    await using run = await open(links);
    assert.equal(run.network.kind, way);
    const ports = [String(server.port), String(server.udpPort)];
    assert.equal(await run.namespace.perl(ATTACK, ...ports, ...hostAddresses()), "tried\n");
    assert.deepEqual(server.seen(), []);
  });
}

for (const way of ["pasta", "slirp4netns"] as const) {
  Deno.test(`${way}: there is no IPv6`, { ignore: !canUse(way) }, async () => {
    await using run = await open([way]);
    const addresses = await run.namespace.perl('open F, "<", "/proc/self/net/if_inet6"; print <F>');
    assert.doesNotMatch(addresses, /tap0/);
  });
}

for (const way of ["pasta", "slirp4netns"] as const) {
  Deno.test(`${way}: multicast does not leave`, { ignore: !canUse(way) }, async () => {
    await using server = await startServer("the host");
    await using run = await open([way]);
    const ports = [String(server.port), String(server.udpPort)];
    await run.namespace.perl(ATTACK, ...ports, "224.0.0.1", "224.0.0.251");
    assert.deepEqual(server.seen(), []);
  });
}

Deno.test("relay: every spelling of the host is refused", { ignore: !hasNamespaces }, async () => {
  await using server = await startServer("the host");
  await using run = await open([]);
  const own = Deno.networkInterfaces().map(({ address }) => address);
  const mapped = own.filter((address) => !address.includes(":")).map((text) => `::ffff:${text}`);
  const names = ["localhost", "LOCALHOST", "localhost.", "a.localhost", "127.1", "0x7f000001"];
  const others = ["2130706433", "0177.0.0.1", "::1", "::", "0", "ip6-localhost", Deno.hostname()];
  for (const host of [...own, ...mapped, ...hostAddresses(), ...names, ...others]) {
    if (host.startsWith("10.0.2.")) continue;
    const answer = await run.namespace.perl(FETCH, PROXY(run.network), host, String(server.port));
    assert.match(answer, /^HTTP\/1\.1 (403|502|400) moat: /, host);
  }
  assert.deepEqual(server.seen(), []);
});

Deno.test("relay: without its server there is a 502, with a new one it works", {
  ignore: !hasNamespaces || !has("root"),
}, async () => {
  await using outside = await openOutside();
  await using server = await startServer("hello from outside", outside);
  await using run = await open([], { detached: true });
  const fetch = () =>
    run.namespace.perl(FETCH, PROXY(run.network), outside.address, String(server.port));
  assert.match(await fetch(), /hello from outside/);
  await run.network[Symbol.asyncDispose]();
  assert.match(await fetch(), /^HTTP\/1\.1 502 moat: nobody serves/);
  await using again = await superviseNetwork(run);
  assert.ok(again);
  assert.match(await fetch(), /hello from outside/);
});

Deno.test("relay: a deep state directory is no obstacle", { ignore: !hasNamespaces }, async () => {
  await using run = await open([], { deep: true });
  const answer = await run.namespace.perl(FETCH, PROXY(run.network), "localhost", "80");
  assert.match(answer, /^HTTP\/1\.1 403 moat: /);
});

Deno.test("a helper that hangs is skipped by name, and at once the next time", {
  ignore: !hasNamespaces,
}, async () => {
  const directory = await Deno.makeTempDir();
  const programs = { pasta: "#!/bin/sh\nexec /bin/sleep 600\n" };
  try {
    {
      await using run = await open([], { programs, directory });
      assert.equal(run.network.kind, "relay");
      assert.match(run.network.notices[0] ?? "", /^pasta is skipped: no connection came through/);
    }
    // The same file is meant, so the second run looks where the first one did.
    const first = await Array.fromAsync(Deno.readDir(directory));
    const bin = first.find(({ name }) => exists(`${directory}/${name}/bin/pasta`));
    const started = performance.now();
    await using run = await open([], {
      directory,
      env: { PATH: `${directory}/${bin?.name}/bin` },
    });
    assert.match(run.network.notices[0] ?? "", /^pasta is skipped: it hung before/);
    assert.ok(performance.now() - started < 1_500);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("a helper that fails is skipped with its own last words", {
  ignore: !hasNamespaces,
}, async () => {
  const programs = { slirp4netns: "#!/bin/sh\necho first >&2\necho open tun: no >&2\nexit 1\n" };
  await using run = await open([], { programs });
  assert.equal(run.network.kind, "relay");
  assert.equal(run.network.notices[0], "slirp4netns is skipped: open tun: no");
});

for (const way of ["pasta", "slirp4netns"] as const) {
  Deno.test(`${way} ends when its namespace's process does`, { ignore: !canUse(way) }, async () => {
    await using run = await open([way], { detached: true });
    const record = await readRecord(run.stateDir);
    assert.ok(record && record.kind === way);
    const [helper] = await childrenOf(record.process.pid);
    assert.ok(helper && isAlive(helper) && isAlive(record.process));
    await run.namespace.end();
    assert.ok(await waitUntil(() => !isAlive(record.process), { timeoutMs: 5_000 }));
    assert.equal(isAlive(helper), false);
  });

  Deno.test(`closeNetwork() ends ${way}, twice is no error`, { ignore: !canUse(way) }, async () => {
    await using run = await open([way], { detached: true });
    const record = await readRecord(run.stateDir);
    assert.ok(record && record.kind === way);
    const [helper] = await childrenOf(record.process.pid);
    await closeNetwork(run);
    assert.equal(isAlive(record.process), false);
    assert.equal(helper && isAlive(helper), false);
    await closeNetwork(run);
  });
}

async function childrenOf(pid: number) {
  const text = await Deno.readTextFile(`/proc/${pid}/task/${pid}/children`);
  const pids = text.split(" ").filter((word) => word !== "").map(Number);
  return pids.map(identifyProcess).filter((process) => process !== undefined);
}

Deno.test("openNetwork() with the host's network starts nothing and says so", async () => {
  const stateDir = await Deno.makeTempDir();
  const request = { pid: Deno.pid, stateDir, detached: false, dns: [], env: {} };
  await using network = await openNetwork({ ...request, mode: "host" });
  assert.equal(network.kind, "host");
  assert.equal(network.notices.length, 1);
  assert.deepEqual(await Array.fromAsync(Deno.readDir(stateDir)), []);
  await Deno.remove(stateDir);
});

for (const way of ["pasta", "slirp4netns"] as const) {
  Deno.test(`${way}: an address that the host gets later is walled too`, {
    ignore: !canUse(way),
  }, async () => {
    await using server = await startServer("the host");
    await using run = await open([way], { detached: true });
    await using outside = await openOutside();
    const ports = [String(server.port), String(server.udpPort)];
    const attack = () => run.namespace.perl(ATTACK, ...ports, outside.hostAddress);
    const deadline = Date.now() + 10_000;
    while (await attack() !== "tried\n") assert.ok(Date.now() < deadline, "not walled");
    await run.network[Symbol.asyncDispose]();
  });
}
