/**
 * The suites of the runtime contract notice a runtime that does one thing wrong: every method is
 * broken in turn, and the case that is about it must fail.
 */

import assert from "node:assert/strict";
import type {
  Attachment,
  ByteStream,
  Companions,
  Exec,
  Images,
  InsidePort,
  Networks,
  Reattach,
  Runtime,
  Volumes,
} from "../../core/plugin/runtime.ts";
import { FakeRuntime } from "../helpers/fake_runtime.ts";
import { type ChangeFake, makeFake, makeFakeCompanions } from "../helpers/fake_subjects.ts";
import { ACCEPT_CASES, makeInside } from "./accept_contract.ts";
import { COMPANION_CASES } from "./companion_contract.ts";
import { type ContractCases, runCase } from "./contract_suite.ts";
import { RUNTIME_CASES } from "./runtime_contract.ts";

/** Some that are broken never come to an end; the longest case of the whole ones takes one second. */
const DEADLINE_MS = 4000;

/** One thing done wrong, and the case that must fail for it. */
interface Mutant {
  readonly wrong: string;
  readonly change: ChangeFake;
  readonly fails: string;
}

/** Why nothing can be broken. */
interface Exempt {
  readonly exempt: string;
}

type MethodsOf<T> = {
  [K in keyof T]-?: NonNullable<T[K]> extends (...args: never[]) => unknown
    ? K extends string ? K : "dispose"
    : never;
}[keyof T];

type Method =
  | MethodsOf<Runtime>
  | `images.${MethodsOf<Images>}`
  | `networks.${MethodsOf<Networks>}`
  | `volumes.${MethodsOf<Volumes>}`
  | `reattach.${MethodsOf<Reattach>}`
  | `companions.${MethodsOf<Companions>}`
  | `attachment.${MethodsOf<Attachment>}`
  | `exec.${MethodsOf<Exec>}`
  | `stream.${MethodsOf<ByteStream>}`
  | `insidePort.${MethodsOf<InsidePort>}`;

const nothing = () => Promise.resolve();
const broken = () => Promise.reject(new Error("It is broken"));

/** Every method of the contract: the type lets none be left out. */
const MUTANTS: Readonly<Record<Method, readonly Mutant[] | Exempt>> = {
  create: [
    {
      wrong: "does nothing",
      change: (runtime) => Object.assign(runtime, { create: nothing }),
      fails: "inspect() tells created, running and exited",
    },
    {
      wrong: "takes a name in use",
      change: wrap("create", (create) => (spec, options) => create(spec, options).catch(nothing)),
      fails: "create() refuses a name in use and leaves its holder alone",
    },
    {
      wrong: "cannot be aborted",
      change: wrap("create", (create) => (spec) => create(spec)),
      fails: "create() that is aborted leaves nothing",
    },
  ],
  start: [
    {
      wrong: "does nothing",
      change: (runtime) => Object.assign(runtime, { start: nothing }),
      fails: "a detached command's output and exit code are kept",
    },
    {
      wrong: "attaches nobody",
      change: wrap("start", (start) => async (spec) => void await start(spec)),
      fails: "a command runs and ends with 0",
    },
  ],
  wait: [
    {
      wrong: "always says 0",
      change: wrap("wait", (wait) => async (name, options) => ({
        ...await wait(name, options),
        code: 0,
      })),
      fails: "exit codes are the command's own",
    },
    {
      wrong: "does not wait",
      change: wrap("wait", () => () => Promise.resolve({ code: 0, oomKilled: false })),
      fails: "wait() can be aborted and leaves the command alone",
    },
    {
      wrong: "cannot be aborted",
      change: wrap("wait", (wait) => (name) => wait(name)),
      fails: "wait() can be aborted and leaves the command alone",
    },
  ],
  stop: [
    {
      wrong: "does nothing",
      change: (runtime) => Object.assign(runtime, { stop: nothing }),
      fails: "stop() lets the command end itself",
    },
    {
      wrong: "gives no time",
      change: (runtime) =>
        Object.assign(runtime, { stop: (name: string) => runtime.kill(name, "SIGKILL") }),
      fails: "stop() lets the command end itself",
    },
    {
      wrong: "never kills",
      change: (runtime) =>
        Object.assign(runtime, { stop: (name: string) => runtime.kill(name, "SIGTERM") }),
      fails: "stop() kills what does not end in time",
    },
    {
      wrong: "wants something to stop",
      change: needsRunning("stop"),
      fails: "stop() and kill() are idempotent, also for what never was",
    },
  ],
  kill: [
    {
      wrong: "does nothing",
      change: (runtime) => Object.assign(runtime, { kill: nothing }),
      fails: "an interrupt ends a command that does not catch it",
    },
    {
      wrong: "sends another signal",
      change: wrap("kill", (kill) => (name) => kill(name, "SIGTERM")),
      fails: "an interrupt ends a command that does not catch it",
    },
    {
      wrong: "wants something to kill",
      change: needsRunning("kill"),
      fails: "stop() and kill() are idempotent, also for what never was",
    },
  ],
  remove: [
    {
      wrong: "does nothing",
      change: (runtime) => Object.assign(runtime, { remove: nothing }),
      fails: "remove() ends a running command and is idempotent",
    },
    {
      wrong: "leaves what runs",
      change: wrap("remove", (remove, runtime) => async (resource, options) => {
        if ((await runtime.inspect(resource.name))?.status === "running") return;
        await remove(resource, options);
      }),
      fails: "remove() ends a running command and is idempotent",
    },
    {
      wrong: "wants something to remove",
      change: needsRunning("remove"),
      fails: "remove() ends a running command and is idempotent",
    },
  ],
  inspect: [
    {
      wrong: "knows nothing",
      change: wrap("inspect", () => () => Promise.resolve(undefined)),
      fails: "inspect() tells created, running and exited",
    },
    {
      wrong: "says that all run",
      change: wrap("inspect", (inspect) => async (name, options) => {
        const state = await inspect(name, options);
        return state && { ...state, status: "running" };
      }),
      fails: "inspect() tells created, running and exited",
    },
  ],
  list: [
    {
      wrong: "lists nothing",
      change: wrap("list", () => () => Promise.resolve([])),
      fails: "list() shows one home's resources, not another's",
    },
    {
      wrong: "lists one home's for every home",
      change: wrap("list", (list) => {
        let first: string | undefined;
        return (home, options) => list(first ??= home, options);
      }),
      fails: "list() shows one home's resources, not another's",
    },
    {
      wrong: "forgets companions",
      change: wrap(
        "list",
        (list) => async (home, options) =>
          (await list(home, options)).filter(({ role }) => role !== "service"),
      ),
      fails: "list() and inspect() know a companion by its role",
    },
  ],
  logs: [
    {
      wrong: "keeps nothing",
      change: wrap("logs", () => async function* () {}),
      fails: "a detached command's output and exit code are kept",
    },
    {
      wrong: "starts at the beginning",
      change: wrap("logs", (logs) => (name, { follow }) => logs(name, { follow })),
      fails: "kept output continues behind any cursor, each piece once",
    },
    {
      wrong: "does not follow",
      change: wrap("logs", (logs) => (name, options) => logs(name, { ...options, follow: false })),
      fails: "following kept output ends when the command does",
    },
    {
      wrong: "cannot be aborted",
      change: wrap("logs", (logs) => (name, { signal: _, ...options }) => logs(name, options)),
      fails: "following kept output can be aborted",
    },
  ],
  exec: [
    {
      wrong: "runs nothing",
      change: wrap("exec", (exec) => (name, spec) => exec(name, { ...spec, command: ["true"] })),
      fails: "exec() runs a command beside the first",
    },
    {
      wrong: "sets no variables",
      change: wrap("exec", (exec) => (name, spec) => exec(name, { ...spec, env: {} })),
      fails: "exec() forwards input and sets variables, directory and ids",
    },
    {
      wrong: "has no terminal",
      change: wrap("exec", (exec) => (name, spec) => exec(name, { ...spec, tty: false })),
      fails: "exec() on a terminal has the size asked for",
    },
  ],
  dial: [
    {
      wrong: "reaches nothing",
      change: wrap("dial", () => broken),
      fails: "dial() carries bytes unchanged, each way to its end",
    },
    {
      wrong: "connects to nobody",
      change: wrap("dial", (dial) => async (name, port, options) => {
        try {
          return await dial(name, port, options);
        } catch {
          return deadStream();
        }
      }),
      fails: "dial() says when nothing listens, nothing runs, nothing is there",
    },
    {
      wrong: "cannot be aborted",
      change: wrap("dial", (dial) => (name, port) => dial(name, port)),
      fails: "dial() can be aborted",
    },
  ],
  dispose: [{
    wrong: "fails",
    change: (runtime) => Object.assign(runtime, { [Symbol.asyncDispose]: broken }),
    fails: "a command runs and ends with 0",
  }],
  accept: [
    {
      wrong: "accepts nothing",
      change: wrap("accept", () => () => Promise.resolve(deadPort())),
      fails: "a connection from inside carries bytes both ways",
    },
    {
      wrong: "takes a port that something has",
      change: wrap("accept", (accept) => async (name, port, options) => {
        try {
          return await accept(name, port, options);
        } catch {
          return deadPort();
        }
      }),
      fails: "a port that something inside has is refused",
    },
    {
      wrong: "cannot be aborted",
      change: wrap("accept", (accept) => (name, port, { serve }) => accept(name, port, { serve })),
      fails: "accept() can be aborted",
    },
  ],
  residentBytes: [
    {
      wrong: "says nothing",
      change: wrap("residentBytes", () => answers(undefined)),
      fails: "the memory of what runs is told, and of nothing else",
    },
    {
      wrong: "counts what has ended",
      change: wrap("residentBytes", () => answers(1024 ** 2)),
      fails: "the memory of what runs is told, and of nothing else",
    },
  ],
  supervise: { exempt: "the runtime in memory needs nothing of its owner's process" },

  "images.exists": [
    {
      wrong: "says no",
      change: (runtime) => Object.assign(runtime.images, { exists: answers(false) }),
      fails: "an image is there with its id, or it is not and cannot be pulled",
    },
    {
      wrong: "says yes",
      change: (runtime) => Object.assign(runtime.images, { exists: answers(true) }),
      fails: "an image is there with its id, or it is not and cannot be pulled",
    },
  ],
  "images.id": [
    {
      wrong: "knows none",
      change: (runtime) => Object.assign(runtime.images, { id: answers(undefined) }),
      fails: "an image is there with its id, or it is not and cannot be pulled",
    },
    {
      wrong: "knows all",
      change: (runtime) => Object.assign(runtime.images, { id: answers("sha256:00") }),
      fails: "an image is there with its id, or it is not and cannot be pulled",
    },
  ],
  "images.pull": [{
    wrong: "does nothing",
    change: (runtime) => Object.assign(runtime.images, { pull: nothing }),
    fails: "an image is there with its id, or it is not and cannot be pulled",
  }],
  "images.build": { exempt: "builds have a suite of their own, on real engines" },
  "images.listOwn": [{
    wrong: "lists nothing",
    change: (runtime) => Object.assign(runtime.images, { listOwn: answers([]) }),
    fails: "a snapshot brings a directory back, and nothing secret",
  }],
  "images.untag": [
    {
      wrong: "does nothing",
      change: (runtime) => Object.assign(runtime.images, { untag: answers(true) }),
      fails: "a snapshot brings a directory back, and nothing secret",
    },
    {
      wrong: "never does it",
      change: (runtime) => Object.assign(runtime.images, { untag: answers(false) }),
      fails: "an image is there with its id, or it is not and cannot be pulled",
    },
  ],
  "networks.create": [{
    wrong: "does nothing",
    change: (runtime) => Object.assign(runtime.networks, { create: nothing }),
    fails: "the run's network is listed, has its name alone, and goes when it is removed",
  }],
  "volumes.ensure": [
    {
      wrong: "does nothing",
      change: (runtime) =>
        Object.assign(runtime.volumes, {
          ensure: ({ labels }: Parameters<Volumes["ensure"]>[0]) => Promise.resolve(labels),
        }),
      fails: "a volume is made once, keeps its labels, and goes when it is removed",
    },
    {
      wrong: "says what it was asked for",
      change: (runtime) => {
        const { ensure } = runtime.volumes;
        Object.assign(runtime.volumes, {
          ensure: async (volume: Parameters<Volumes["ensure"]>[0]) => {
            await ensure(volume);
            return volume.labels;
          },
        });
      },
      fails: "a volume is made once, keeps its labels, and goes when it is removed",
    },
  ],
  "reattach.attach": [{
    wrong: "fails",
    change: (runtime) => Object.assign(runtime.reattach, { attach: broken }),
    fails: "attach() connects to a running command again",
  }],
  "companions.create": [
    {
      wrong: "does nothing",
      change: (runtime) => Object.assign(runtime.companions, { create: nothing }),
      fails: "list() and inspect() know a companion by its role",
    },
    {
      wrong: "brings no files",
      change: (runtime) => {
        const { create } = runtime.companions;
        Object.assign(runtime.companions, {
          create: (
            spec: Parameters<Companions["create"]>[0],
            options: Parameters<Companions["create"]>[1],
          ) => create({ ...spec, files: [] }, options),
        });
      },
      fails: "what a companion is given is there at its start",
    },
    {
      wrong: "cannot be aborted",
      change: (runtime) => {
        const { create } = runtime.companions;
        Object.assign(runtime.companions, {
          create: (spec: Parameters<Companions["create"]>[0]) => create(spec),
        });
      },
      fails: "create() refuses a name in use, and leaves nothing when it is aborted",
    },
  ],
  "companions.start": [{
    wrong: "does nothing",
    change: (runtime) => Object.assign(runtime.companions, { start: nothing }),
    fails: "list() and inspect() know a companion by its role",
  }],
  "companions.snapshot": [
    {
      wrong: "does nothing",
      change: (runtime) => Object.assign(runtime.companions, { snapshot: nothing }),
      fails: "a snapshot brings a directory back, and nothing secret",
    },
    {
      wrong: "keeps what is elsewhere, too",
      change: (runtime) => {
        const { snapshot } = runtime.companions;
        Object.assign(runtime.companions, {
          snapshot: (
            name: string,
            image: Parameters<NonNullable<Companions["snapshot"]>>[1],
          ) => snapshot?.(name, { ...image, directory: "" }),
        });
      },
      fails: "a snapshot brings a directory back, and nothing secret",
    },
  ],

  "attachment.write": [{
    wrong: "does nothing",
    change: attachments(() => ({ write: nothing })),
    fails: "standard input arrives, with its end",
  }],
  "attachment.closeInput": [{
    wrong: "does nothing",
    change: attachments(() => ({ closeInput: nothing })),
    fails: "standard input arrives, with its end",
  }],
  "attachment.resize": [{
    wrong: "does nothing",
    change: attachments(() => ({ resize: nothing })),
    fails: "a terminal is a terminal of the size asked for",
  }],
  "attachment.dispose": [
    {
      wrong: "does nothing",
      change: attachments(() => ({ [Symbol.asyncDispose]: nothing })),
      fails: "closing an attachment leaves the command running",
    },
    {
      wrong: "ends the command",
      change: wrap("start", (start, runtime) => async (spec, options) => {
        const attachment = await start(spec, options);
        return attachment && {
          ...attachment,
          [Symbol.asyncDispose]: async () => {
            await attachment[Symbol.asyncDispose]();
            await runtime.kill(spec.name, "SIGKILL");
            await runtime.wait(spec.name);
          },
        };
      }),
      fails: "closing an attachment leaves the command running",
    },
  ],
  "exec.wait": [{
    wrong: "always says 0",
    change: execs(() => ({ wait: answers({ code: 0, oomKilled: false }) })),
    fails: "exec() runs a command beside the first",
  }],
  "exec.kill": [{
    wrong: "does nothing",
    change: execs(() => ({ kill: nothing })),
    fails: "exec() can be signalled",
  }],
  "stream.read": [{
    wrong: "ends at once",
    change: streams(() => ({ read: answers(null) })),
    fails: "dial() carries bytes unchanged, each way to its end",
  }],
  "stream.write": [{
    wrong: "loses what it takes",
    change: streams(() => ({ write: (data) => Promise.resolve(data.length) })),
    fails: "dial() carries bytes unchanged, each way to its end",
  }],
  "stream.closeWrite": [
    {
      wrong: "does nothing",
      change: streams(() => ({ closeWrite: nothing })),
      fails: "dial() carries bytes unchanged, each way to its end",
    },
    {
      wrong: "ends both ways",
      change: streams((stream) => ({
        closeWrite: () => Promise.resolve(stream.close()),
      })),
      fails: "dial() carries bytes unchanged, each way to its end",
    },
  ],
  "stream.close": [{
    wrong: "does nothing",
    change: streams(() => ({ close: () => {} })),
    fails: "closing a connection ends a read that waits",
  }],
  "stream.dispose": [{
    wrong: "does nothing",
    change: streams(() => ({ [Symbol.dispose]: () => {} })),
    fails: "dial() hears a server that speaks first and ends its side first",
  }],
  "insidePort.dispose": [{
    wrong: "does nothing",
    change: wrap("accept", (accept) => async (name, port, options) => ({
      ...await accept(name, port, options),
      [Symbol.asyncDispose]: nothing,
    })),
    fails: "disposing closes port and connections, and it can be accepted at again",
  }],
};

const WHOLE: ChangeFake = () => {};

/** Runs the case on a runtime that is changed. */
async function attempt(title: string, change: ChangeFake): Promise<void> {
  const made = () => makeFake(change);
  const options = { deadlineMs: DEADLINE_MS };
  const suites = [
    caseOf(RUNTIME_CASES, title, { ...options, make: made }),
    caseOf(ACCEPT_CASES, title, { ...options, make: () => makeInside(made) }),
    caseOf(COMPANION_CASES, title, { ...options, make: () => makeFakeCompanions(change) }),
  ].filter((run) => run !== undefined);
  assert.equal(suites.length, 1, `one suite has the case ${title}`);
  for (const run of suites) await run();
}

function caseOf<S extends AsyncDisposable>(
  cases: ContractCases<S>,
  title: string,
  options: { make(): Promise<S>; readonly deadlineMs: number },
): (() => Promise<void>) | undefined {
  const check = cases[title];
  return check && (() => runCase(check, options));
}

Deno.test("every method of the runtime contract that is broken fails its suite", async () => {
  const mutants = Object.entries(MUTANTS).flatMap(([method, list]) =>
    "exempt" in list ? [] : list.map((mutant) => ({ method, ...mutant }))
  );
  // The same cases with nothing broken: that they fail is the mutants' doing.
  for (const title of new Set(mutants.map(({ fails }) => fails))) await attempt(title, WHOLE);
  const survivors = await Promise.all(mutants.map(async ({ method, wrong, change, fails }) => {
    const failed = await attempt(fails, change).then(() => false, () => true);
    return failed ? [] : [`${method} ${wrong}`];
  }));
  assert.deepEqual(survivors.flat(), []);
});

Deno.test("no method of the runtime in memory is without a mutant", () => {
  const runtime = new FakeRuntime();
  const own = Object.getOwnPropertyNames(FakeRuntime.prototype)
    // What only tests call.
    .filter((name) => name !== "constructor" && name !== "end" && name !== "connectInside");
  const { images, networks, volumes, reattach, companions } = runtime;
  const ofAbilities = Object.entries({ images, networks, volumes, reattach, companions })
    .flatMap(([ability, methods]) =>
      Object.entries(methods).filter(([, method]) => typeof method === "function")
        .map(([name]) => `${ability}.${name}`)
    );
  for (const name of [...own, ...ofAbilities]) {
    const mutants = Object.entries(MUTANTS).find(([method]) => method === name)?.[1];
    assert(Array.isArray(mutants) && mutants.length > 0, `nothing breaks ${name}`);
  }
});

type Call =
  | "create"
  | "start"
  | "wait"
  | "remove"
  | "inspect"
  | "list"
  | "logs"
  | "exec"
  | "dial"
  | "kill"
  | "stop"
  | "accept"
  | "residentBytes";

/** Replaces a method by one that is made of it. */
function wrap<K extends Call>(
  name: K,
  make: (method: NonNullable<Runtime[K]>, runtime: FakeRuntime) => NonNullable<Runtime[K]>,
): ChangeFake {
  return (runtime) => {
    const method = Reflect.get(Object(runtime), name).bind(runtime);
    Object.assign(runtime, { [name]: make(method, runtime) });
  };
}

/** The method fails where there is nothing that runs. */
function needsRunning(name: "stop" | "kill" | "remove"): ChangeFake {
  return (runtime) => {
    const method = Reflect.get(Object(runtime), name).bind(runtime);
    Object.assign(runtime, {
      [name]: async (subject: string | { readonly name: string }, ...rest: unknown[]) => {
        const container = typeof subject === "string" ? subject : subject.name;
        if ((await runtime.inspect(container))?.status !== "running") return await broken();
        await method(subject, ...rest);
      },
    });
  };
}

function attachments(change: (attachment: Attachment) => Partial<Attachment>): ChangeFake {
  return wrap("start", (start) => async (spec, options) => {
    const attachment = await start(spec, options);
    return attachment && { ...attachment, ...change(attachment) };
  });
}

function execs(change: (exec: Exec) => Partial<Exec>): ChangeFake {
  return wrap("exec", (exec) => async (name, spec) => {
    const running = await exec(name, spec);
    return { ...running, ...change(running) };
  });
}

function streams(change: (stream: ByteStream) => Partial<ByteStream>): ChangeFake {
  return wrap("dial", (dial) => async (name, port, options) => {
    const stream = await dial(name, port, options);
    return { ...stream, ...change(stream) };
  });
}

function answers<T>(value: T): () => Promise<T> {
  return () => Promise.resolve(value);
}

function deadPort(): InsidePort {
  return { ended: new Promise(() => {}), [Symbol.asyncDispose]: nothing };
}

function deadStream(): ByteStream {
  return {
    read: answers(null),
    write: answers(0),
    closeWrite: nothing,
    close: () => {},
    [Symbol.dispose]: () => {},
  };
}
