/**
 * `deno task bench services`: how soon a server counts as ready after it really answers, what a
 * template saves, and a whole run with a database.
 *
 * The moment of the answer is found by a prober of its own, which asks every 2 ms over TCP.
 *
 * @module
 */

import { resolve } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { delay } from "../core/delay.ts";
import { contributionsOf } from "../core/image/contributions_of.ts";
import { resolveDependencies } from "../core/image/resolve_dependencies.ts";
import type { Plugin } from "../core/plugin/contract.ts";
import type { ReadyProbe, ServiceContribution } from "../core/plugin/contribution.ts";
import { Registry } from "../core/plugin/registry.ts";
import type { CompanionSpec, Isolation } from "../core/plugin/runtime.ts";
import { awaitReady } from "../core/ready/await_ready.ts";
import { createPassword, fillPassword } from "../core/run/companions/passwords.ts";
import { resolvePaths } from "../core/store/paths.ts";
import { PLUGINS } from "../plugins/mod.ts";
import { makeDockerCompanions } from "../tests/helpers/docker_subject.ts";
import { has, testEngines } from "../tests/helpers/machine.ts";
import { printRatios, type Subject, timeInTurn } from "./bench_tools.ts";

const SERVICES = ["postgres@17", "postgres@15", "mariadb@11", "redis@7"];
const READY_ROUNDS = 5;
const PROBE_MS = 2;
const READY_TIMEOUT_MS = 120_000;
/** Rows that the seed inserts one by one. */
const SEED_ROWS = 5000;

/** Prints the tables. @throws Error where no engine answers, or dist/moat is not there */
export async function benchServices(): Promise<void> {
  const [target] = testEngines();
  if (target === undefined) throw new Error("No engine answers");
  const moat = resolve("dist/moat");
  await Deno.stat(moat);
  const isolations: readonly Isolation[] = has("gvisor") ? ["container", "gvisor"] : ["container"];
  for (const isolation of isolations) {
    for (const text of SERVICES) await benchReady(text, { target, isolation });
  }
  const directory = await Deno.makeTempDir({ prefix: "moat-bench-" });
  try {
    for (const isolation of isolations) {
      await benchRuns({ moat, target, directory: `${directory}/${isolation}`, isolation });
    }
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

interface ReadyOptions {
  readonly target: string;
  readonly isolation: Isolation;
}

/** Prints when a new server answered, and how much later it counted as ready. */
async function benchReady(text: string, { target, isolation }: ReadyOptions): Promise<void> {
  const service = serviceOf(text);
  const answered: number[] = [];
  const late: number[] = [];
  for (let round = 0; round < READY_ROUNDS; round++) {
    await using subject = await makeDockerCompanions(target, isolation);
    const { runtime } = subject;
    const { companions, dial } = runtime;
    if (companions === undefined || dial === undefined) throw new TypeError("docker has both");
    if (!await runtime.images?.exists(service.image)) await runtime.images?.pull(service.image);
    const password = createPassword();
    const { command: _, ...base } = subject.companion(service.name);
    const spec = specOf(service, base, password);
    await companions.create(spec);
    await companions.start(spec);
    const started = performance.now();
    const sinceStart = () => performance.now() - started;
    const [real, seen] = await Promise.all([
      firstAnswer(service.ready, spec.network.address ?? "", password).then(sinceStart),
      awaitReady(service.ready, {
        dial: (port, signal) => dial.call(runtime, spec.name, port, { signal }),
        exec: () => Promise.reject(new TypeError("No probe of these is a command")),
        inspect: () => runtime.inspect(spec.name),
        password,
      }, { timeoutMs: READY_TIMEOUT_MS }).then(sinceStart),
    ]);
    answered.push(real);
    late.push(seen - real);
  }
  const name = `${text}, ${isolation}`;
  const show = (values: readonly number[]) => median(values).toFixed(0).padStart(6);
  console.log(
    `${name.padEnd(28)} answers after ${show(answered)} ms, ready ${show(late)} ms later ` +
      `(at most ${Math.max(...late).toFixed(0)})`,
  );
}

function serviceOf(text: string): ServiceContribution {
  const registry = new Registry<Plugin>(PLUGINS);
  const arch = Deno.build.arch === "aarch64" ? "arm64" : "amd64";
  const entries = resolveDependencies([text], registry);
  const [service] = contributionsOf(entries, registry, { arch, suite: "bookworm" })
    .flatMap(({ contribution }) => contribution.services ?? []);
  if (service === undefined) throw new TypeError(`${text} is no service`);
  return service;
}

function specOf(
  { image, entrypoint, command, env, files }: ServiceContribution,
  base: CompanionSpec,
  password: string,
): CompanionSpec {
  return {
    ...base,
    image,
    ...(entrypoint === undefined ? {} : { entrypoint }),
    ...(command === undefined ? {} : { command }),
    env,
    files: files.map((file) => ({ ...file, content: fillPassword(file.content, password) })),
  };
}

/** Resolves when the server has answered in its protocol for the first time. */
async function firstAnswer(probe: ReadyProbe, hostname: string, password: string): Promise<void> {
  while (!await answers(probe, hostname, password)) await delay(PROBE_MS);
}

async function answers(probe: ReadyProbe, hostname: string, password: string): Promise<boolean> {
  if (!("port" in probe)) throw new TypeError("No probe of these is a command");
  try {
    using connection = await Deno.connect({ hostname, port: probe.port });
    const question = questionOf(probe.kind, password);
    if (question.length > 0) await connection.write(question);
    const answer = new Uint8Array(1024);
    const count = await connection.read(answer);
    return count !== null && isAnswer(probe.kind, answer.subarray(0, count));
  } catch (error) {
    if (error instanceof Error) return false;
    throw error;
  }
}

/** What starts a conversation. */
function questionOf(kind: ReadyProbe["kind"], password: string): Uint8Array {
  const encoder = new TextEncoder();
  if (kind === "redis") return encoder.encode(`AUTH ${password}\r\nPING\r\n`);
  if (kind !== "postgres") return new Uint8Array();
  const parameters = encoder.encode("user\0postgres\0database\0postgres\0\0");
  const message = new Uint8Array(8 + parameters.length);
  const view = new DataView(message.buffer);
  view.setUint32(0, message.length);
  // Protocol 3.0.
  view.setUint32(4, 196_608);
  message.set(parameters, 8);
  return message;
}

function isAnswer(kind: ReadyProbe["kind"], answer: Uint8Array): boolean {
  if (kind === "postgres") return answer[0] === "R".charCodeAt(0);
  if (kind === "redis") return answer[0] === "+".charCodeAt(0);
  // A handshake of protocol version 10; an error has 255 there.
  return answer[4] === 10;
}

/** Prints whole runs: with a template against seeding anew, and with a language's image. */
async function benchRuns(
  { moat, target, directory, isolation }: ReadyOptions & {
    readonly moat: string;
    readonly directory: string;
  },
): Promise<void> {
  const env = { MOAT_HOME: `${directory}/home`, NO_COLOR: "1", DOCKER_HOST: target };
  const want = isolation === "gvisor" ? "gvisor" : "none";
  const run = [moat, "run", "--runtime", "docker", "--isolation", want, "--"];
  const seeded = `${directory}/seeded`;
  const plain = `${directory}/plain`;
  const bare = `${directory}/bare`;
  await writeProject(seeded, "dependencies: [postgres@17]\nservices: {postgres: {seed: a.sql}}\n");
  await writeProject(plain, "dependencies: [node@22, postgres@17]\n");
  await writeProject(bare, "dependencies: [node@22]\n");
  await Deno.writeTextFile(`${seeded}/a.sql`, seed());
  const again = `echo "-- $(date +%s%N)" >> a.sql; exec "$@"`;
  const template = `a run with seeded postgres, ${isolation}`;
  const node = `a run with node, ${isolation}`;
  const seeds: readonly Subject[] = [
    { name: template, argv: [...run, "true"], env, cwd: seeded },
  ];
  const anew: readonly Subject[] = [{
    name: `the same, seeded anew, ${isolation}`,
    argv: ["sh", "-c", again, "sh", ...run, "true"],
    env,
    cwd: seeded,
    against: template,
  }];
  const whole: readonly Subject[] = [
    { name: node, argv: [...run, "node", "-e", "0"], env, cwd: bare },
    {
      name: `a run with node and postgres, ${isolation}`,
      argv: [...run, "node", "-e", "0"],
      env,
      cwd: plain,
      against: node,
    },
  ];
  try {
    const first = await timeInTurn(seeds, { rounds: 5, warmups: 1 });
    const second = await timeInTurn(anew, { rounds: 3, warmups: 0 });
    printRatios([...seeds, ...anew], new Map([...first, ...second]));
    printRatios(whole, await timeInTurn(whole, { rounds: 9, warmups: 1 }));
  } finally {
    await removeTemplates(moat, env);
  }
}

async function writeProject(path: string, config: string): Promise<void> {
  await Deno.mkdir(path, { recursive: true });
  await Deno.writeTextFile(`${path}/moat.yaml`, config);
}

function seed(): string {
  const rows = Array.from(
    { length: SEED_ROWS },
    (_, id) => `insert into notes values (${id}, 'the note with the number ${id}');\n`,
  );
  return `-- ${crypto.randomUUID()}\ncreate table notes (id int primary key, text text);\n${
    rows.join("")
  }`;
}

/** Makes the home's templates old, so that moat removes them. */
async function removeTemplates(
  moat: string,
  env: { readonly MOAT_HOME: string; readonly [key: string]: string },
): Promise<void> {
  using store = new DatabaseSync(resolvePaths(env).database);
  store.exec("update images set used_at = '2020-01-01T00:00:00.000Z' where tag like 'moat/data:%'");
  await new Deno.Command(moat, { args: ["clean", "--force"], env, stdout: "null" }).output();
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? NaN;
}
