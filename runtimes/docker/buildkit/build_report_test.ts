import assert from "node:assert/strict";
import type { Progress } from "../../../core/plugin/runtime.ts";
import { BuildReport } from "./build_report.ts";
import type { BuildStatus, Vertex } from "./messages.ts";

class Recorder implements Progress {
  readonly updates: string[] = [];
  readonly ends: string[] = [];
  readonly firstUpdate: Promise<void>;
  readonly #resolveFirst: () => void;

  constructor() {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.firstUpdate = promise;
    this.#resolveFirst = resolve;
  }

  update(_id: string, text: string): void {
    this.updates.push(text);
    this.#resolveFirst();
  }

  done(_id: string, text?: string): void {
    if (text !== undefined) this.ends.push(text);
  }
}

function vertexes(...list: readonly Partial<Vertex>[]): BuildStatus {
  return {
    vertexes: list.map((vertex) => ({
      digest: "d",
      name: "",
      cached: false,
      error: "",
      ...vertex,
    })),
    statuses: [],
    logs: [],
  };
}

function log(vertex: string, text: string): BuildStatus {
  return {
    vertexes: [],
    statuses: [],
    logs: [{ vertex, isError: false, data: new TextEncoder().encode(text) }],
  };
}

const RUN = { digest: "run", name: "[2/3] RUN make" };

Deno.test("BuildReport shows a step while it runs, and its time when it has ended", async () => {
  const seen = new Recorder();
  {
    using report = new BuildReport("moat/run:x", seen);
    report.apply(vertexes({ ...RUN, startedMs: 1_000 }));
    await seen.firstUpdate;
    report.apply(log("run", "cc x.c\n"));
    report.apply(vertexes({ ...RUN, startedMs: 1_000, completedMs: 3_500 }));
    assert.deepEqual(seen.ends, [], "it may begin again at once");
  }
  assert.equal(seen.updates[0], "[2/3] RUN make");
  assert.deepEqual(seen.ends, ["[2/3] RUN make  2.5 s"]);
});

Deno.test("BuildReport adds up the parts of a step that begins again", () => {
  const seen = new Recorder();
  {
    using report = new BuildReport("moat/run:x", seen);
    report.apply(vertexes({ ...RUN, startedMs: 0, completedMs: 1_000 }));
    report.apply(vertexes({ ...RUN, startedMs: 2_000 }));
    report.apply(vertexes({ ...RUN, startedMs: 2_000, completedMs: 2_500 }));
    report.apply(vertexes({ ...RUN, startedMs: 2_000, completedMs: 2_500 }));
  }
  assert.deepEqual(seen.ends, ["[2/3] RUN make  1.5 s"]);
});

Deno.test("BuildReport marks cached steps and lists them in order", () => {
  const seen = new Recorder();
  {
    using report = new BuildReport("moat/run:x", seen);
    report.apply(vertexes(
      { digest: "3", name: "[3/3] RUN b", cached: true, startedMs: 1, completedMs: 1 },
      { digest: "2", name: "[2/3] RUN a", cached: true, startedMs: 1, completedMs: 1 },
      { digest: "1", name: "[1/3] FROM debian" },
    ));
  }
  assert.deepEqual(seen.updates, []);
  assert.deepEqual(seen.ends, ["[2/3] RUN a  CACHED", "[3/3] RUN b  CACHED"]);
});

Deno.test("BuildReport keeps BuildKit's own short steps to itself", () => {
  const seen = new Recorder();
  {
    using report = new BuildReport("moat/run:x", seen);
    const own = { digest: "i", name: "[internal] load build context", startedMs: 1 };
    report.apply(vertexes(own));
    report.apply(vertexes({ ...own, completedMs: 5 }));
  }
  assert.deepEqual([...seen.updates, ...seen.ends], []);
});

Deno.test("BuildReport remembers what the step said that failed by itself", () => {
  using report = new BuildReport("moat/run:x", undefined);
  report.apply(vertexes({ ...RUN, startedMs: 1 }, { digest: "other", name: "[3/3] RUN x" }));
  report.apply(log("other", "not me\n"));
  report.apply(log("run", "cc x.c\noops\n"));
  report.apply(vertexes(
    { digest: "other", name: "[3/3] RUN x", error: "context canceled" },
    { ...RUN, startedMs: 1, completedMs: 2, error: "exit code: 2" },
  ));
  assert.deepEqual(report.failedStep(), {
    name: "[2/3] RUN make",
    error: "exit code: 2",
    lastLines: ["cc x.c", "oops"],
  });
});
