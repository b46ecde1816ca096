/**
 * `deno task bench dial`: a connection into a run, from asking to the first byte back, against one to
 * a server on the host's own loopback; on docker to a server on the run's address and to one on its
 * loopback alone.
 *
 * @module
 */

import { baseSpec } from "../tests/contracts/runtime_contract.ts";
import { createHomeId } from "../core/ids.ts";
import { program } from "../tests/contracts/programs.ts";
import { dockerIsolations, makeDocker } from "../tests/helpers/docker_subject.ts";
import type { Isolation } from "../core/plugin/runtime.ts";
import { testEngines } from "../tests/helpers/machine.ts";
import { createLocalSubject } from "../tests/helpers/local_subject.ts";

const PORT = 7001;
const ROUNDS = 300;

/** Prints the table. */
export async function benchDial(): Promise<void> {
  await using subject = await createLocalSubject({
    backend: "unshare",
    home: createHomeId(),
    spec: baseSpec,
  });
  const { runtime } = subject;
  const name = subject.spec().name;
  const spec = subject.spec({
    name,
    network: { kind: "own", name },
    command: program("echoServer", PORT, "127.0.0.1"),
    detached: true,
  });
  await runtime.create(spec);
  await runtime.start(spec);
  for await (const _ of runtime.logs(name, { follow: true })) break;
  await using host = await echoOnHost();
  const direct = () => roundTrip(Deno.connect({ port: host.port, hostname: "127.0.0.1" }));
  const dialled = () => roundTrip(runtime.dial?.(name, PORT));
  const first = await dialled();
  const times: { direct: number[]; dialled: number[] } = { direct: [], dialled: [] };
  for (let round = 0; round < ROUNDS; round++) {
    times.direct.push(await direct());
    times.dialled.push(await dialled());
  }
  const [plain, through] = [median(times.direct), median(times.dialled)];
  console.log("| | ms | against |\n|---|---|---|");
  console.log(`| TCP on the host's loopback, connect to first byte | ${plain.toFixed(2)} | |`);
  console.log(
    `| into a local run, the same | ${through.toFixed(2)} | ` +
      `${(through / plain).toFixed(1)} × the loopback |`,
  );
  console.log(`| the first into a run, which starts its relay | ${first.toFixed(1)} | |`);
  for (const target of testEngines()) {
    for (const isolation of dockerIsolations()) await benchDocker(target, isolation);
  }
}

async function benchDocker(target: string, isolation: Isolation): Promise<void> {
  await using subject = await makeDocker(target, isolation);
  const { runtime } = subject;
  for (const address of ["0.0.0.0", "127.0.0.1"]) {
    const command = program("echoServer", PORT, address);
    const spec = subject.spec({ command, detached: true });
    await runtime.create(spec);
    await runtime.start(spec);
    for await (const _ of runtime.logs(spec.name, { follow: true })) break;
    const first = await roundTrip(runtime.dial?.(spec.name, PORT));
    const times: number[] = [];
    for (let round = 0; round < ROUNDS / 3; round++) {
      times.push(await roundTrip(runtime.dial?.(spec.name, PORT)));
    }
    const title = `into a docker run (${isolation}), server on ${address}`;
    console.log(`| ${title} | ${median(times).toFixed(2)} | the first ${first.toFixed(1)} ms |`);
  }
}

interface RoundTripStream {
  read(into: Uint8Array): Promise<number | null>;
  write(data: Uint8Array): Promise<number>;
  close(): void;
}

/** Milliseconds until one byte came back. */
async function roundTrip(connecting: Promise<RoundTripStream> | undefined): Promise<number> {
  const begun = performance.now();
  const stream = await connecting;
  if (stream === undefined) throw new TypeError("The runtime opens no connections");
  await stream.write(new Uint8Array(1));
  await stream.read(new Uint8Array(1));
  const took = performance.now() - begun;
  stream.close();
  return took;
}

/** The same server on the host's own loopback. */
async function echoOnHost(): Promise<{ readonly port: number } & AsyncDisposable> {
  const { port } = freePort();
  const [command = "", ...args] = program("echoServer", port, "127.0.0.1");
  const child = new Deno.Command(command, { args, stdin: "null", stdout: "piped" }).spawn();
  const reader = child.stdout.getReader();
  await reader.read();
  return {
    port,
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await Promise.all([child.status, reader.cancel()]);
    },
  };
}

/** One that nobody uses just now. */
function freePort(): { readonly port: number } {
  using listener = Deno.listen({ port: 0, hostname: "127.0.0.1" });
  return { port: listener.addr.port };
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN;
}
