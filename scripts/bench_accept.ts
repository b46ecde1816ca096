/**
 * `deno task bench accept`: connections from inside runs to moat, against those to a server in the run
 * itself: how often 100 bytes go there and back, and how long that takes.
 *
 * @module
 */

import { createHomeId } from "../core/ids.ts";
import type { ByteStream } from "../core/plugin/runtime.ts";
import { program } from "../tests/contracts/programs.ts";
import { baseSpec, type RuntimeSubject } from "../tests/contracts/runtime_contract.ts";
import { dockerIsolations, makeDocker } from "../tests/helpers/docker_subject.ts";
import { createLocalSubject } from "../tests/helpers/local_subject.ts";
import { testEngines } from "../tests/helpers/machine.ts";
import { writeAll } from "../tests/helpers/stream_pair.ts";

const [INSIDE_PORT, OWN_PORT] = [7001, 7002];
const SECONDS = 3;
const CONNECTIONS = [1, 32, 500];

/** Arguments: port, connections, seconds. Prints exchanges per second, and the median's time in ms. */
const LOAD = String.raw`
use strict; use Socket;
my ($port, $count, $seconds) = @ARGV;
my $clock = -e "/lib64/ld-linux-x86-64.so.2" ? 228 : 113;
sub now { my $time = pack("qq", 0, 0); syscall($clock, 1, $time); my ($s, $ns) = unpack("qq", $time); $s + $ns / 1e9 }
my (%peers, $reads); my $message = "x" x 100;
for (1..$count) {
  socket(my $peer, PF_INET, SOCK_STREAM, 0); setsockopt($peer, 6, 1, 1);
  connect($peer, sockaddr_in($port, INADDR_LOOPBACK)) or die "connect: $!";
  $peers{fileno($peer)} = { peer => $peer, got => 0, since => now() }; vec($reads, fileno($peer), 1) = 1;
}
syswrite($_->{peer}, $message) for values(%peers);
my $begun = now(); my @times;
while (now() - $begun < $seconds) {
  select(my $ready = $reads, undef, undef, 1) > 0 or next;
  for my $n (keys(%peers)) {
    next if !vec($ready, $n, 1);
    my $p = $peers{$n};
    $p->{got} += sysread($p->{peer}, my $data, 65536) || die "gone";
    next if $p->{got} < 100;
    push(@times, now() - $p->{since});
    ($p->{got}, $p->{since}) = (0, now());
    syswrite($p->{peer}, $message);
  }
}
my @sorted = sort { $a <=> $b } @times;
printf("%d %.2f\n", @times / (now() - $begun), $sorted[@sorted / 2] * 1000);
`;

/** Prints the table. */
export async function benchAccept(): Promise<void> {
  console.log("| | connections | exchanges/s | median, ms | in the run itself |");
  console.log("|---|---|---|---|---|");
  {
    const home = createHomeId();
    await using subject = await createLocalSubject({ backend: "bubblewrap", home, spec: baseSpec });
    await measure("local", subject);
  }
  for (const target of testEngines()) {
    for (const isolation of dockerIsolations()) {
      await using subject = await makeDocker(target, isolation);
      await measure(`docker, ${isolation === "gvisor" ? "gVisor" : "runc"}`, subject);
    }
  }
}

async function measure(title: string, subject: RuntimeSubject): Promise<void> {
  const { runtime } = subject;
  const { name } = subject.spec();
  const isLocal = subject.spec().image === undefined;
  const spec = subject.spec({
    name,
    ...(isLocal ? { network: { kind: "own", name } } : {}),
    command: program("echoServer", INSIDE_PORT, "127.0.0.1"),
    detached: true,
  });
  await runtime.create(spec);
  await runtime.start(spec);
  for await (const _ of runtime.logs(name, { follow: true })) break;
  if (runtime.accept === undefined) throw new TypeError("The runtime accepts nothing");
  await using _port = await runtime.accept(name, OWN_PORT, {
    serve: (stream) => void echo(stream),
  });
  const load = async (port: number, connections: number) => {
    const { uid, gid } = spec;
    const exec = await runtime.exec(name, {
      ...{ env: {}, workdir: "/", uid, gid, tty: false, stdin: false },
      command: ["perl", "-e", LOAD, String(port), String(connections), String(SECONDS)],
    });
    await using attachment = exec.attachment;
    let text = "";
    for await (const { data } of attachment.output) text += new TextDecoder().decode(data);
    return text.trim().split(" ");
  };
  for (const connections of CONNECTIONS) {
    const [own = "", ownMs = ""] = await load(INSIDE_PORT, connections);
    const [rate = "", ms = ""] = await load(OWN_PORT, connections);
    console.log(`| ${title} | ${connections} | ${rate} | ${ms} | ${own}, ${ownMs} ms |`);
  }
}

async function echo(stream: ByteStream): Promise<void> {
  const buffer = new Uint8Array(65536);
  try {
    for (let count; (count = await stream.read(buffer)) !== null;) {
      await writeAll(stream, buffer.subarray(0, count));
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.ConnectionReset)) throw error;
  } finally {
    stream.close();
  }
}
