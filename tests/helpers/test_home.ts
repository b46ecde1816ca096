/**
 * A MOAT_HOME of its own and made-up records, for tests.
 *
 * @module
 */

import { join } from "node:path";
import { createRunId } from "../../core/ids.ts";
import type { CompanionPlan, RunPlan, ServicePlan } from "../../core/run/plan.ts";
import { type Paths, resolvePaths } from "../../core/store/paths.ts";
import type { RunRecord } from "../../core/store/run_record.ts";

/** A directory that goes away with the test. */
export interface TestHome extends AsyncDisposable {
  readonly directory: string;
  /** Of a home that does not exist yet. */
  readonly paths: Paths;
}

/** Makes a directory with room for a home. */
export async function createTestHome(): Promise<TestHome> {
  const directory = await Deno.makeTempDir({ prefix: "moat-test-" });
  return {
    directory,
    paths: resolvePaths({ MOAT_HOME: join(directory, "home") }),
    [Symbol.asyncDispose]: () => removeTree(directory),
  };
}

/** A daemon that is just ending may still write; it sees that its home is gone, so try again. */
async function removeTree(directory: string): Promise<void> {
  for (let attempt = 0;; attempt++) {
    try {
      return await Deno.remove(directory, { recursive: true });
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return;
      if (attempt >= 100) throw error;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

/** A record of a run that never was. */
export function testRecord(overrides: Partial<RunRecord> = {}): RunRecord {
  const id = overrides.id ?? createRunId();
  const name = overrides.name ?? `test-${id.slice(4)}`;
  const plan = overrides.plan ?? testPlan({ id, name });
  return {
    id,
    name,
    state: "created",
    project: plan.project,
    runtime: plan.runtime.id,
    target: plan.runtime.target,
    owner: "cli",
    detached: plan.detached,
    createdAt: new Date().toISOString(),
    endpoints: plan.endpoints,
    plan,
    ...overrides,
  };
}

/** A plan with everything that a test does not care about. */
export function testPlan(overrides: Partial<RunPlan> = {}): RunPlan {
  const id = overrides.id ?? createRunId();
  return {
    schema: 1,
    id,
    name: overrides.name ?? `test-${id.slice(4)}`,
    project: "/nonexistent/project",
    detached: false,
    keep: false,
    runtime: {
      id: "fake",
      target: "fake:",
      description: "Fake",
      reason: "asked for by --runtime",
      isolation: "container",
    },
    container: {
      name: `moat-${id}`,
      command: ["true"],
      workdir: "/workspace",
      hostname: "test",
      uid: 1000,
      gid: 1000,
      env: {},
      mounts: [],
      toolPaths: [],
      groups: [],
      privileged: false,
      dns: [],
      limits: {},
      tty: false,
    },
    network: { kind: "own", name: `moat-${id}`, pool: "10.213.0.0/16" },
    volumes: [],
    endpoints: [{ name: "web", port: 3000 }],
    services: [],
    sidecars: [],
    trust: [],
    warnings: [],
    notices: [],
    ...overrides,
  };
}

/** A service of the run that is ready as soon as it takes connections. */
export function testService(
  { id, name, ...overrides }: { readonly id: string } & Partial<ServicePlan>,
): ServicePlan {
  return {
    ...testSidecar({ id, name: name ?? "db" }),
    isolation: "container",
    port: 5432,
    wait: true,
    variables: {},
    afterReady: [],
    ...overrides,
  };
}

/** A sidecar of the run, likewise. */
export function testSidecar(
  { id, name = "helper", ...overrides }: { readonly id: string } & Partial<CompanionPlan>,
): CompanionPlan {
  return {
    name,
    container: `moat-${name}-${id}`,
    env: {},
    files: [],
    mounts: [],
    toolPaths: [],
    limits: {},
    ready: { kind: "tcp", port: 5432 },
    readyTimeoutMs: 10_000,
    ...overrides,
  };
}
