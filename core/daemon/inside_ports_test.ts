import assert from "node:assert/strict";
import { streamPair } from "../../tests/helpers/stream_pair.ts";
import { until } from "../../tests/helpers/until.ts";
import { MoatError } from "../errors.ts";
import type { AcceptOptions, InsidePort } from "../plugin/runtime.ts";
import { InsidePorts, type InsidePortsOptions } from "./inside_ports.ts";

const RUN = {
  id: "run_1",
  name: "shop",
  container: "moat-run_1",
  port: 8080,
  runtime: "fake",
  target: "fake:",
};

/** Ports that can be counted, lost and taken. */
function bench(
  { patienceMs = 0, report }: Partial<Pick<InsidePortsOptions, "patienceMs" | "report">> = {},
) {
  const state = { opened: 0, open: 0, taken: false };
  const told: string[] = [];
  const served: string[] = [];
  let last: { readonly options: AcceptOptions; lose(): void } | undefined;
  const runtime = {
    state,
    accept(name: string, port: number, options: AcceptOptions): Promise<InsidePort> {
      const { state } = this;
      state.opened++;
      if (state.taken) return Promise.reject(new MoatError(`Cannot accept ${name}:${port}: taken`));
      const { promise: ended, resolve } = Promise.withResolvers<void>();
      last = { options, lose: resolve };
      state.open++;
      return Promise.resolve({
        ended,
        [Symbol.asyncDispose]() {
          state.open--;
          return Promise.resolve();
        },
      });
    },
  };
  const ports = new InsidePorts({
    openRuntime: () => Promise.resolve(runtime),
    serve: (runId) => void served.push(runId),
    report: report ?? (({ reason }) => void told.push(reason)),
    patienceMs,
  });
  return {
    state,
    told,
    served,
    ports,
    lose: () => last?.lose(),
    connect: () => last?.options.serve(streamPair()[0]),
    isOpen: () => until("the port", () => Promise.resolve(state.open === 1)),
  };
}

Deno.test("a port is opened once, and its connections come with their run", async () => {
  const { ports, state, served, connect, isOpen } = bench();
  ports.open(RUN);
  ports.open(RUN);
  await isOpen();
  connect();
  assert.deepEqual([state.opened, served], [1, ["run_1"]]);
  await ports[Symbol.asyncDispose]();
  assert.equal(state.open, 0);
});

Deno.test("a port that was lost is opened again", async () => {
  const { ports, state, lose, isOpen } = bench();
  await using _ = ports;
  ports.open(RUN);
  await isOpen();
  lose();
  await until("another port", () => Promise.resolve(state.opened === 2 && state.open === 1));
});

Deno.test("what lasts is told once, and over when the port is had", async () => {
  const { ports, state, told, isOpen } = bench();
  await using _ = ports;
  state.taken = true;
  ports.open(RUN);
  await until("three tries", () => Promise.resolve(state.opened >= 3));
  const reason = "Cannot accept moat-run_1:8080: taken";
  assert.deepEqual(told, [reason]);
  assert.deepEqual(ports.problems, [{ id: "run_1", run: "shop", reason }]);
  state.taken = false;
  await isOpen();
  assert.deepEqual(ports.problems, []);
});

Deno.test("what a leaving daemon still holds is not told", async () => {
  const { ports, state, told, isOpen } = bench({ patienceMs: 60_000 });
  await using _ = ports;
  state.taken = true;
  ports.open(RUN);
  await until("three tries", () => Promise.resolve(state.opened >= 3));
  state.taken = false;
  await isOpen();
  assert.deepEqual([told, ports.problems], [[], []]);
});

Deno.test("a failure of which nobody can be told is no failure of the port", async () => {
  const { ports, state, isOpen } = bench({
    report: () => Promise.reject(new Error("No space left on device")),
  });
  await using _ = ports;
  state.taken = true;
  ports.open(RUN);
  await until("the problem", () => Promise.resolve(ports.problems.length === 1));
  state.taken = false;
  await isOpen();
});

Deno.test("a closed port stays closed", async () => {
  const { ports, state, isOpen } = bench();
  ports.open(RUN);
  await isOpen();
  ports.close(RUN.id);
  await ports[Symbol.asyncDispose]();
  assert.deepEqual([state.opened, state.open], [1, 0]);
  assert.deepEqual(ports.problems, []);
});

Deno.test("a runtime that accepts nothing is asked once, and is no problem", async () => {
  const told: string[] = [];
  let asked = 0;
  const ports = new InsidePorts({
    openRuntime: () => Promise.resolve({ accept: undefined, asked: asked++ }),
    serve: () => {},
    report: ({ reason }) => void told.push(reason),
    patienceMs: 0,
  });
  ports.open(RUN);
  await until("the question", () => Promise.resolve(asked === 1));
  ports.open(RUN);
  await ports[Symbol.asyncDispose]();
  assert.deepEqual([asked, told, ports.problems], [1, [], []]);
});
