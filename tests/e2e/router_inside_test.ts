import assert from "node:assert/strict";
import { join } from "node:path";
import { has } from "../helpers/machine.ts";
import { TestHome } from "../helpers/moat.ts";
import { runtimesUnderTest, type RuntimeUnderTest } from "../helpers/runtimes_under_test.ts";
import { until } from "../helpers/until.ts";

/** `perl server.pl`: says who it is, and what it was told of the client. */
const SERVER = String.raw`
use strict; use IO::Socket::INET;
my $s = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => 3000, Listen => 64,
  ReuseAddr => 1) or die "cannot listen: $!";
while (my $c = $s->accept) {
  my %h;
  while (defined(my $l = <$c>)) { last if $l =~ /^\r?\n$/; $h{lc $1} = $2 if $l =~ /^(\S+?): (.*?)\r?\n/ }
  my $b = "$ENV{MOAT_RUN_NAME} for $h{'x-forwarded-for'}\n";
  print $c "HTTP/1.1 200 OK\r\nContent-Length: " . length($b) . "\r\nConnection: close\r\n\r\n$b";
  close $c;
}
`;

/** `perl ask.pl <url> …`: prints each answer's status and body, or ends with 7 when refused. */
const ASK = String.raw`
use strict; use IO::Socket::INET;
for my $url (@ARGV) {
  my ($host, $port) = $url =~ m{^http://([^:/]+):(\d+)} or die "no URL: $url";
  my $c = IO::Socket::INET->new(PeerAddr => $host, PeerPort => $port) or exit 7;
  print $c "GET / HTTP/1.1\r\nHost: $host:$port\r\nConnection: close\r\n\r\n";
  local $/; my ($head, $body) = split /\r\n\r\n/, <$c>, 2;
  print +(split / /, $head)[1], " $body";
}
`;

/** A name that the run does not have in its /etc/hosts is asked for by its header. */
const ASK_AS_SHOP = String.raw`
use IO::Socket::INET;
my $c = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $ARGV[0]) or exit 7;
print $c "GET / HTTP/1.1\r\nHost: web.shop.localhost\r\nConnection: close\r\n\r\n";
print while <$c>;
`;

/** Those of others, and docker with gVisor. */
function runtimes(): readonly RuntimeUnderTest[] {
  return runtimesUnderTest().flatMap((runtime) => {
    const { MOAT_NO_SANDBOX: _, ...env } = runtime.env;
    const guarded = { ...runtime, label: `${runtime.label} with gVisor`, env };
    return runtime.isDocker && has("gvisor") ? [runtime, guarded] : [runtime];
  });
}

/** A project below the home's, which it does not see. */
async function makeProject(home: TestHome, name: string, yaml: string): Promise<string> {
  const directory = join(home.directory, name);
  await Deno.mkdir(directory);
  await Deno.writeTextFile(join(directory, "server.pl"), SERVER);
  await Deno.writeTextFile(join(directory, "ask.pl"), ASK);
  await Deno.writeTextFile(join(directory, "moat.yaml"), yaml);
  return directory;
}

const SERVES = "ports: {web: 3000}\ncommand: [perl, server.pl]\n";

for (const { label, env } of runtimes()) {
  Deno.test(`${label}: the same URLs work inside a run, as far as its rules go`, async (t) => {
    await using home = await TestHome.create(env);
    const shop = await makeProject(home, "shop", `name: shop\n${SERVES}`);
    const lab = await makeProject(home, "lab", `name: lab\n${SERVES}`);
    const client = await makeProject(
      home,
      "client",
      "name: client\nnetwork: {rules: [run:shop/web]}\n",
    );
    for (const cwd of [shop, lab]) await home.ok(["run", "-d", "-q"], { cwd });
    const url = (await home.ok(["open", "shop", "web", "--print"])).trim();
    const { port } = new URL(url);
    const ask = async (run: string, ...urls: readonly string[]) => {
      const { code, stdout, stderr } = await home.moat([
        "exec",
        run,
        "--",
        "perl",
        "ask.pl",
        ...urls,
      ]);
      assert(code === 0 || code === 7, stderr);
      return code === 0 ? stdout : undefined;
    };
    /** Once the way in is there, and a server listens. */
    const askOwn = (run: string, own: string) =>
      until(`${own} inside ${run}`, async () => {
        const text = await ask(run, own);
        return text?.startsWith("200") && text;
      });

    await t.step("its own endpoint, by its names", async () => {
      assert.equal(await askOwn("shop", url), "200 shop for 127.0.0.1\n");
      assert.match(await ask("shop", `http://shop.localhost:${port}`) ?? "", /^200 shop/);
    });

    await t.step("the list has nothing of other runs", async () => {
      await askOwn("lab", `http://web.lab.localhost:${port}`);
      const listed = await ask("lab", `http://localhost:${port}`);
      assert.match(listed ?? "", /^200 [^]*web\.lab\.localhost/);
      assert.doesNotMatch(listed ?? "", /shop/);
    });

    await t.step("another run's endpoint is refused, and says which rule is missing", async () => {
      const asked = ["exec", "lab", "--", "perl", "-e", ASK_AS_SHOP, port];
      assert.match(await home.ok(asked), /^HTTP\/1\.1 403 [^]*"lab[^]*run:shop\/web/);
    });

    await t.step("a rule opens it, from the command's first moment", async () => {
      const refused = await home.moat(["run", "--", "true"], { cwd: client });
      assert.equal(refused.code, 125, refused.stderr);
      assert.match(refused.stderr, /network\.rules: \["run:shop\/web"\]/);
      const answered = await home.ok(["run", "-q", "--trust", "--", "perl", "ask.pl", url], {
        cwd: client,
      });
      assert.equal(answered, "200 shop for 127.0.0.1\n");
    });

    await t.step("after kill -9 of the daemon it works again", async () => {
      const { daemon } = JSON.parse(await home.ok(["status", "--json"]));
      Deno.kill(daemon.pid, "SIGKILL");
      await askOwn("shop", url);
    });
  });
}
