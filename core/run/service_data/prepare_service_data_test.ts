import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { join } from "node:path";
import {
  type DataEngine,
  openDataEngine,
  SERVER_IMAGE,
} from "../../../tests/helpers/data_engine.ts";
import { engineObjects } from "../../../tests/helpers/directory_runtime.ts";
import { createTestHome, testPlan, testService } from "../../../tests/helpers/test_home.ts";
import { InterruptedError, MoatError } from "../../errors.ts";
import { Store } from "../../store/store.ts";
import { executePlan, type StartedRun } from "../execute.ts";
import { finishRun } from "../finish.ts";
import type { RunPlan, ServiceDataPlan, ServicePlan } from "../plan.ts";

const DATA: ServiceDataPlan = {
  directory: "/data",
  resume: ["resume"],
  template: true,
  seed: { load: ["client"] },
  source: "template",
  templateKey: "0123456789abcdef",
};
const LATER = "9999-01-01T00:00:00.000Z";
const ENDED = { status: { code: 0, oomKilled: false } };

/** A home, a project with files, and an engine of servers. */
async function createBench(options: Parameters<typeof openDataEngine>[1] = {}) {
  const home = await createTestHome();
  const project = await Deno.realPath(home.directory);
  const directory = join(home.directory, "engine");
  const engine: DataEngine = await openDataEngine(directory, options);
  const store = Store.open(home.paths);
  const hasTemplates = options.templates ?? true;
  return {
    ...engine,
    store,
    /** What is on the engine beside templates. */
    left: () => engineObjects(directory),
    async seed(text: string): Promise<Pick<ServiceDataPlan, "seedFrom">> {
      await Deno.writeTextFile(join(project, "seed.sql"), text);
      const sha256 = createHash("sha256").update(text).digest("hex");
      return { seedFrom: { kind: "files", files: [{ path: "seed.sql", sha256 }] } };
    },
    plan(data: Partial<ServiceDataPlan> = {}, changes: Partial<ServicePlan> = {}): RunPlan {
      const base = testPlan({ project });
      const service = testService({
        id: base.id,
        name: "db",
        data: { ...DATA, ...data },
        ...(hasTemplates ? { image: SERVER_IMAGE } : {}),
        ...changes,
      });
      return { ...base, services: [service] };
    },
    start(plan: RunPlan, signal = new AbortController().signal): Promise<StartedRun> {
      return executePlan({ plan, request: { secrets: new Map() } }, {
        store,
        paths: home.paths,
        runtime: engine.runtime,
        signal,
      });
    },
    async [Symbol.asyncDispose]() {
      store[Symbol.dispose]();
      await home[Symbol.asyncDispose]();
    },
  };
}

/** The server that a plan's run uses. */
function containerOf({ services }: RunPlan): string {
  return services[0]?.container ?? "";
}

Deno.test("prepareServiceData() seeds a template once; runs start from it and resume", async () => {
  await using bench = await createBench();
  const seed = await bench.seed("one");
  const plans = [
    bench.plan(seed),
    bench.plan(seed),
  ];
  for (const plan of plans) {
    const run = await bench.start(plan);
    assert.equal(bench.dataOf(containerOf(plan)), "init;one;");
    await finishRun(run, ENDED);
  }
  const [builder, ...servers] = bench.created;
  assert.deepEqual([builder?.image, builder?.entrypoint], [SERVER_IMAGE, undefined]);
  const [ref] = bench.templates.keys();
  assert.match(ref ?? "", /^moat\/data:[0-9a-f]{16}$/);
  assert.deepEqual(
    servers.map(({ image, entrypoint, command }) => ({ image, entrypoint, command })),
    plans.map(() => ({ image: ref, entrypoint: ["resume"], command: undefined })),
  );
  assert.deepEqual(bench.left(), []);
});

Deno.test("prepareServiceData() gives the server of a template a password of its own", async () => {
  await using bench = await createBench();
  const file = { path: "/password", content: "{password}", mode: 0o600 };
  await finishRun(await bench.start(bench.plan({}, { files: [file] })), ENDED);
  const passwords = bench.created.map(({ files }) => files[0]?.content);
  assert.equal(new Set(passwords).size, 2);
});

Deno.test("prepareServiceData() from eight runs at once makes the template once", async () => {
  await using bench = await createBench();
  const runs = await Promise.all(Array.from({ length: 8 }, () => bench.start(bench.plan())));
  assert.equal(bench.created.filter(({ name }) => name.endsWith("-data")).length, 1);
  await Promise.all(runs.map((run) => finishRun(run, ENDED)));
});

Deno.test("prepareServiceData() makes another template when the image's reference is moved", async () => {
  await using bench = await createBench();
  await finishRun(await bench.start(bench.plan()), ENDED);
  bench.ids.set(SERVER_IMAGE, "sha256:2");
  await finishRun(await bench.start(bench.plan()), ENDED);
  assert.equal(bench.templates.size, 2);
});

Deno.test("prepareServiceData() records that the run needs the template", async () => {
  await using bench = await createBench();
  await finishRun(await bench.start(bench.plan()), ENDED);
  assert.deepEqual(bench.store.imagesUnusedSince(LATER), [...bench.templates.keys()]);
});

Deno.test("prepareServiceData() shows what a seed's client said, and leaves nothing", async () => {
  await using bench = await createBench();
  const seed = await bench.seed("fail");
  const plan = bench.plan(seed);
  await assert.rejects(bench.start(plan), (error: unknown) => {
    assert(error instanceof MoatError);
    assert.match(error.message, /Cannot seed service "db" with "seed\.sql": line 1: refused/);
    return true;
  });
  assert.deepEqual([bench.left(), bench.templates.size], [[], 0]);
  assert.deepEqual(bench.store.imagesUnusedSince(LATER), []);
  assert.deepEqual(bench.store.journal(plan.id), []);
});

Deno.test("prepareServiceData() refuses a seed that changed since it was planned", async () => {
  await using bench = await createBench();
  const seed = await bench.seed("one");
  await bench.seed("two");
  await assert.rejects(
    bench.start(bench.plan(seed)),
    /Cannot seed service "db" with "seed\.sql": it changed meanwhile/,
  );
  assert.deepEqual([bench.left(), bench.templates.size], [[], 0]);
});

Deno.test("prepareServiceData() interrupted while it seeds leaves nothing", async () => {
  await using bench = await createBench();
  const { begun, resume } = bench.pauseSeeds();
  const seed = await bench.seed("one");
  const controller = new AbortController();
  const plan = bench.plan(seed);
  const starting = bench.start(plan, controller.signal);
  await begun;
  controller.abort(new InterruptedError());
  await assert.rejects(starting, InterruptedError);
  resume();
  assert.deepEqual([bench.left(), bench.templates.size], [[], 0]);
  assert.deepEqual(bench.store.journal(plan.id), []);
});

Deno.test("prepareServiceData() runs a seed that is a command inside the server", async () => {
  await using bench = await createBench();
  const plan = bench.plan({ seedFrom: { kind: "command", command: ["load", "it"] } });
  await finishRun(await bench.start(plan), ENDED);
  assert.deepEqual([...bench.templates.values()], ["init;load it;"]);
});

const KEEP = { source: "keep", volume: "kept" } as const;

Deno.test("prepareServiceData() fills a kept volume once, and leaves it alone then", async () => {
  await using bench = await createBench();
  const first = await bench.seed("one");
  await finishRun(
    await bench.start(bench.plan({ ...KEEP, ...first })),
    ENDED,
  );
  assert.equal(bench.volumes.get("kept")?.data, "init;one;");
  const other = await bench.seed("two");
  const plan = bench.plan({ ...KEEP, templateKey: "other", ...other });
  await finishRun(await bench.start(plan), ENDED);
  assert.equal(bench.volumes.get("kept")?.data, "init;one;");
  const last = bench.created.at(-1);
  assert.deepEqual([last?.image, last?.entrypoint], [SERVER_IMAGE, ["resume"]]);
  assert.equal(bench.templates.size, 1);
});

Deno.test("prepareServiceData() fills a volume again that somebody removed", async () => {
  await using bench = await createBench();
  await finishRun(await bench.start(bench.plan(KEEP)), ENDED);
  bench.volumes.delete("kept");
  await finishRun(await bench.start(bench.plan(KEEP)), ENDED);
  assert.equal(bench.volumes.get("kept")?.data, "init;");
  assert.equal(bench.created.at(-1)?.image, [...bench.templates.keys()][0]);
});

Deno.test("prepareServiceData() gives kept data to one run at a time", async () => {
  await using bench = await createBench();
  const first = await bench.start(bench.plan(KEEP));
  await assert.rejects(
    bench.start(bench.plan(KEEP)),
    (error: unknown) => error instanceof MoatError && /run "test-.*" has it/.test(error.message),
  );
  await finishRun(first, ENDED);
  await finishRun(await bench.start(bench.plan(KEEP)), ENDED);
});

Deno.test("prepareServiceData() seeds each run where there are no templates, waited for or not", async () => {
  await using bench = await createBench({ templates: false });
  const seed = await bench.seed("one");
  for (const wait of [true, false]) {
    const plan = bench.plan({ source: "fresh", ...seed }, { wait });
    const run = await bench.start(plan);
    assert.equal(bench.dataOf(containerOf(plan)), "init;one;");
    await finishRun(run, ENDED);
  }
});

Deno.test("prepareServiceData() seeds kept data once where there are no templates", async () => {
  await using bench = await createBench({ templates: false });
  const seed = await bench.seed("one");
  const { templateKey: _, ...data } = DATA;
  for (let round = 0; round < 2; round++) {
    const plan = bench.plan({ ...data, ...KEEP, ...seed });
    await finishRun(await bench.start(plan), ENDED);
  }
  assert.equal(bench.volumes.get("kept")?.data, "init;one;");
});
