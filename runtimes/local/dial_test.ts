import assert from "node:assert/strict";
import { createHomeId } from "../../core/ids.ts";
import type { ByteStream, ContainerSpec, Runtime } from "../../core/plugin/runtime.ts";
import { baseSpec } from "../../tests/contracts/runtime_contract.ts";
import {
  createLocalSubject,
  LOCAL_BACKENDS,
  type LocalSubject,
} from "../../tests/helpers/local_subject.ts";
import { requires } from "../../tests/helpers/machine.ts";
import { until } from "../../tests/helpers/until.ts";
import { parseIdentity } from "./process_identity.ts";

/**
 * Sends back what it reads, then how much that was; says goodbye first, keeps the connection, or breaks
 * it, where asked.
 */
const ECHO = String.raw`
use Socket; my ($family, $words, $stay) = (@ARGV, "", "");
my $address = $family == 4 ? sockaddr_in(0, INADDR_LOOPBACK)
  : pack("S n L a16 L", PF_INET6, 0, 0, "\0" x 15 . "\1", 0);
socket(my $s, $family == 4 ? PF_INET : PF_INET6, SOCK_STREAM, 0) or die "socket: $!";
bind($s, $address) or die "bind: $!"; listen($s, 500); $| = 1; $SIG{CHLD} = "IGNORE";
print unpack("x2 n", getsockname($s)), "\n";
while (accept(my $c, $s)) {
  if (fork()) { close($c); next } close($s);
  if ($words) { syswrite($c, $words); shutdown($c, 1); }
  my $total = 0;
  while (my $got = sysread($c, my $data, 65536)) {
    $total += $got; next if $words;
    for (my $sent = 0; $sent < $got;) { $sent += syswrite($c, $data, $got - $sent, $sent) }
  }
  if ($stay eq "reset") { setsockopt($c, SOL_SOCKET, SO_LINGER, pack("ii", 1, 0)); exit }
  sleep 1000 if $stay;
  if ($words) { print "got $total\n" } else { syswrite($c, "total $total") }
  exit;
}`;

/** A detached run with such a server, and its port. */
async function startServer(
  { runtime, spec }: LocalSubject,
  changes: Partial<ContainerSpec> = {},
  args: readonly string[] = ["4"],
): Promise<{ name: string; port: number }> {
  const { name } = spec();
  const own = spec({
    name,
    network: { kind: "own", name },
    command: ["perl", "-e", ECHO, ...args],
    detached: true,
    ...changes,
  });
  await runtime.create(own);
  await runtime.start(own);
  const port = await until("the server's port", async () => {
    const text = await output(runtime, name);
    return text.includes("\n") ? Number(text.trim()) : undefined;
  });
  return { name, port };
}

async function output(runtime: Runtime, name: string): Promise<string> {
  let text = "";
  for await (const { data } of runtime.logs(name, { follow: false })) {
    text += new TextDecoder().decode(data);
  }
  return text;
}

async function dial(runtime: Runtime, name: string, port: number): Promise<ByteStream> {
  assert.ok(runtime.dial !== undefined);
  return await runtime.dial(name, port);
}

async function writeAll(stream: ByteStream, data: Uint8Array): Promise<void> {
  for (let sent = 0; sent < data.length;) sent += await stream.write(data.subarray(sent));
}

async function readAll(stream: ByteStream): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  const buffer = new Uint8Array(65536);
  for (let count = await stream.read(buffer); count !== null; count = await stream.read(buffer)) {
    parts.push(buffer.slice(0, count));
  }
  return new Uint8Array(await new Blob(parts.map((part) => part.slice())).arrayBuffer());
}

function text(data: Uint8Array): string {
  return new TextDecoder().decode(data);
}

for (const { backend, needs } of LOCAL_BACKENDS) {
  const test = (name: string, check: (subject: LocalSubject) => Promise<void>) =>
    Deno.test({
      ...requires(...needs),
      name: `${backend}: ${name}`,
      async fn() {
        const home = createHomeId();
        await using subject = await createLocalSubject({ backend, home, spec: baseSpec });
        await check(subject);
      },
    });

  test("dial() carries megabytes as they are, and the end of the output", async (subject) => {
    const { runtime } = subject;
    const { name, port } = await startServer(subject);
    using stream = await dial(runtime, name, port);
    const data = new Uint8Array(3_000_001).map((_, index) => index * 7 + (index >> 9));
    const [received] = await Promise.all([
      readAll(stream),
      writeAll(stream, data).then(() => stream.closeWrite()),
    ]);
    assert.deepEqual(received.subarray(0, data.length), data);
    assert.equal(text(received.subarray(data.length)), `total ${data.length}`);
  });

  test("dial() still takes input when the server's output has ended", async (subject) => {
    const { runtime } = subject;
    const { name, port } = await startServer(subject, {}, ["4", "goodbye"]);
    using stream = await dial(runtime, name, port);
    assert.equal(text(await readAll(stream)), "goodbye");
    await writeAll(stream, new Uint8Array(100_000));
    await stream.closeWrite();
    await until("all of it", async () => (await output(runtime, name)).includes("got 100000\n"));
  });

  test("dial() tells a connection that broke from one that ended", async (subject) => {
    const { name, port } = await startServer(subject, {}, ["4", "", "reset"]);
    using stream = await dial(subject.runtime, name, port);
    await writeAll(stream, new Uint8Array(1000));
    await stream.closeWrite();
    await assert.rejects(readAll(stream), Deno.errors.ConnectionReset);
  });

  test("dial() finds a server on ::1", async (subject) => {
    const { name, port } = await startServer(subject, {}, ["6"]);
    using stream = await dial(subject.runtime, name, port);
    await stream.closeWrite();
    assert.equal(text(await readAll(stream)), "total 0");
  });

  test("dial() says when nothing listens, and when nothing runs", async (subject) => {
    const { runtime } = subject;
    const { name } = await startServer(subject);
    await assert.rejects(dial(runtime, name, 1), {
      name: "MoatError",
      message: `Cannot connect to port 1 of sandbox "${name}": nothing listens there`,
    });
    await runtime.stop(name);
    await assert.rejects(dial(runtime, name, 1), { name: "MoatError", message: /not running/ });
    await assert.rejects(dial(runtime, "moat-nobody", 1), { message: /not running/ });
  });

  test("a read that waits ends when its stream is closed, and so does the server's", async (subject) => {
    const { runtime } = subject;
    const { name, port } = await startServer(subject, {}, ["4", "x"]);
    const stream = await dial(runtime, name, port);
    await stream.read(new Uint8Array(1));
    await writeAll(stream, new Uint8Array(10));
    const echo = await startServer(subject);
    const waiting = await dial(runtime, echo.name, echo.port);
    const read = waiting.read(new Uint8Array(1));
    waiting.close();
    assert.equal(await read, null);
    assert.equal(await waiting.read(new Uint8Array(1)), null);
    stream.close();
    await until("the server's end", async () => (await output(runtime, name)).includes("got 10\n"));
  });

  test("a closed connection is let go of, also where the server goes on", async (subject) => {
    const { runtime, stateDir } = subject;
    const { name, port } = await startServer(subject, {}, ["4", "", "stay"]);
    (await dial(runtime, name, port)).close();
    const relay = await readPid(`${stateDir}/sandboxes/${name}/dial.sock.json`);
    const open = () => [...Deno.readDirSync(`/proc/${relay}/fd`)].length;
    // Standard streams, the lock, the socket, and what watches the run.
    const before = 6;
    await until("the first to be closed", () => Promise.resolve(open() === before));
    const stream = await dial(runtime, name, port);
    assert.equal(open(), before + 2);
    stream.close();
    await until("the second to be closed", () => Promise.resolve(open() === before));
  });

  test("two hundred connections at once each get their own answer", async (subject) => {
    const { runtime } = subject;
    const { name, port } = await startServer(subject);
    const answers = await Promise.all(Array.from({ length: 200 }, async (_, index) => {
      using stream = await dial(runtime, name, port);
      await writeAll(stream, new TextEncoder().encode(`number ${index}. `));
      await stream.closeWrite();
      return text(await readAll(stream));
    }));
    assert.deepEqual(
      answers,
      answers.map((_, index) => `number ${index}. total ${`number ${index}. `.length}`),
    );
  });

  test("dial() reaches a run on the host's network", async (subject) => {
    const { name, port } = await startServer(subject, { network: { kind: "host" } });
    using stream = await dial(subject.runtime, name, port);
    await stream.closeWrite();
    assert.equal(text(await readAll(stream)), "total 0");
  });

  test("what reaches into a run ends with it", async (subject) => {
    const { runtime, stateDir } = subject;
    const { name, port } = await startServer(subject);
    (await dial(runtime, name, port)).close();
    const pid = await readPid(`${stateDir}/sandboxes/${name}/dial.sock.json`);
    await runtime.kill(name, "SIGKILL");
    await until("the relay's end", () => Promise.resolve(!isThere(pid)));
  });
}

async function readPid(path: string): Promise<number> {
  const { pid } = parseIdentity(JSON.parse(await Deno.readTextFile(path))) ?? {};
  assert.ok(pid !== undefined);
  return pid;
}

/** Whether a process of that number does anything. */
function isThere(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(Deno.readTextFileSync(`/proc/${pid}/status`));
  } catch {
    return false;
  }
}
