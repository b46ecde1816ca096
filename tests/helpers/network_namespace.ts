/**
 * Network namespaces for tests: one as a sandbox has it, and one that plays a machine outside.
 *
 * @module
 */

/** SIOCSIFFLAGS with IFF_UP: a bare Debian has no `ip`. */
const LO_UP = "use Socket; socket(my $s, PF_INET, SOCK_DGRAM, 0);" +
  'my $up = pack("a16 s x22", "lo", 0x41); ioctl($s, 0x8914, $up) or die $!; print "ready\\n"; ' +
  "$| = 1; exec 'cat'";

/** A user and network namespace whose process waits, as a sandbox's setup does. */
export interface TestNamespace extends AsyncDisposable {
  readonly pid: number;
  /** Runs a Perl program inside and returns its output. */
  perl(program: string, ...args: readonly string[]): Promise<string>;
  /** Starts a Perl program inside that prints a line when ready, and stays. */
  start(program: string): Promise<void>;
  /** Ends the waiting process, as when a sandbox ends. */
  end(): Promise<void>;
}

/** Opens a namespace with `lo` up. */
export async function openNamespace(): Promise<TestNamespace> {
  const child = new Deno.Command("unshare", {
    args: ["-Urn", "perl", "-e", LO_UP],
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const stdout = child.stdout.getReader();
  await stdout.read();
  const started: Deno.ChildProcess[] = [];
  const enter = ["-t", String(child.pid), "-U", "-n", "--preserve-credentials", "perl", "-e"];
  return {
    pid: child.pid,
    async perl(program, ...args) {
      const { stdout, stderr } = await new Deno.Command("nsenter", {
        args: [...enter, program, ...args],
        stdin: "null",
      }).output();
      return new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
    },
    async start(program) {
      const helper = new Deno.Command("nsenter", {
        args: [...enter, program],
        stdin: "null",
        stdout: "piped",
      }).spawn();
      started.push(helper);
      const reader = helper.stdout.getReader();
      await reader.read();
      await reader.cancel();
    },
    async end() {
      child.kill("SIGKILL");
      await child.status;
    },
    async [Symbol.asyncDispose]() {
      for (const process of [child, ...started]) {
        try {
          process.kill("SIGKILL");
        } catch (error) {
          if (!(error instanceof TypeError)) throw error;
        }
        await process.status;
      }
      await stdout.cancel();
      await child.stdin.close().catch(() => undefined);
    },
  };
}

/** A server that greets over TCP and answers over UDP, and counts who came. */
export interface GreetingServer extends AsyncDisposable {
  readonly port: number;
  readonly udpPort: number;
  /** What it has seen so far, one line each. */
  seen(): readonly string[];
}

const SERVER = String.raw`
use strict; use Socket; $| = 1;
my ($text) = @ARGV;
socket(my $tcp, PF_INET6, SOCK_STREAM, 0); setsockopt($tcp, 41, 26, pack("l", 0));
bind($tcp, pack_sockaddr_in6(0, Socket::IN6ADDR_ANY)) or die $!; listen($tcp, 100);
my ($port) = unpack_sockaddr_in6(getsockname $tcp);
socket(my $udp, PF_INET, SOCK_DGRAM, 0); bind($udp, sockaddr_in(0, INADDR_ANY)) or die $!;
setsockopt($udp, 0, 35, inet_aton("224.0.0.251") . INADDR_ANY);
my ($udp_port) = sockaddr_in(getsockname $udp);
print "$port $udp_port\n";
my @kept;
while (1) {
  my $r = ""; vec($r, fileno $_, 1) = 1 for $tcp, $udp;
  select($r, undef, undef, undef) > 0 or next;
  if (vec($r, fileno $tcp, 1) && accept(my $client, $tcp)) {
    print "tcp\n"; syswrite $client, "HTTP/1.0 200 OK\r\n\r\n$text\n"; shutdown($client, 1);
    push @kept, $client; # closed with unread input, it would take its answer back
  }
  if (vec($r, fileno $udp, 1)) {
    my $from = recv($udp, my $data, 4096, 0); print "udp $data\n"; send($udp, $text, 0, $from);
  }
}
`;

/** Starts the server on all addresses, of the host or of the outside machine. */
export async function startServer(text: string, outside?: OutsideMachine): Promise<GreetingServer> {
  const prefix = outside ? ["ip", "netns", "exec", outside.name] : [];
  const [program = "perl", ...args] = [...prefix, "perl", "-e", SERVER, text];
  const child = new Deno.Command(program, { args, stdin: "null", stdout: "piped" }).spawn();
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  const first = (await reader.read()).value ?? "";
  const [port = 0, udpPort = 0] = first.split(" ").map(Number);
  let output = "";
  const reading = (async () => {
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      output += part.value;
    }
  })();
  return {
    port,
    udpPort,
    seen: () => output.split("\n").filter((line) => line !== ""),
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await child.status;
      await reading;
    },
  };
}

/** A network namespace with one address, reached over a veth pair; needs root. */
export interface OutsideMachine extends AsyncDisposable {
  readonly name: string;
  readonly address: string;
  /** The host's end of the pair. */
  readonly hostAddress: string;
}

/** Makes the machine in a random network of 198.18.0.0/15, which is for tests. */
export async function openOutside(): Promise<OutsideMachine> {
  const [a = 0, b = 0, c = 0] = crypto.getRandomValues(new Uint8Array(3));
  const id = [a, b, c].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  const name = `moat-${id}`;
  const prefix = `198.${18 + (a & 1)}.${b}`;
  const [near, far] = [`${prefix}.${c & 0xfc | 1}`, `${prefix}.${c & 0xfc | 2}`];
  await ip("netns", "add", name);
  await ip("link", "add", `mv${id}`, "type", "veth", "peer", "name", "eth0", "netns", name);
  await ip("addr", "add", `${near}/30`, "dev", `mv${id}`);
  await ip("link", "set", `mv${id}`, "up");
  await ip("-n", name, "addr", "add", `${far}/30`, "dev", "eth0");
  await ip("-n", name, "link", "set", "eth0", "up");
  await ip("-n", name, "link", "set", "lo", "up");
  return {
    name,
    address: far,
    hostAddress: near,
    [Symbol.asyncDispose]: () => ip("netns", "del", name),
  };
}

async function ip(...args: readonly string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command("ip", { args: [...args] }).output();
  if (!success) throw new Error(`ip ${args.join(" ")}: ${new TextDecoder().decode(stderr)}`);
}
