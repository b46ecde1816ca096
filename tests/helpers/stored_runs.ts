/**
 * Finished runs for a store, to test and measure lists with.
 *
 * @module
 */

import { createRunId, engineName } from "../../core/ids.ts";
import { PLAN_SCHEMA } from "../../core/run/plan.ts";
import type { RunRecord } from "../../core/store/run_record.ts";

/** That many stopped runs, a minute apart, the newest a minute ago. */
export function storedRuns(count: number): readonly RunRecord[] {
  return Array.from({ length: count }, (_, index) => storedRun(index));
}

function storedRun(index: number): RunRecord {
  const id = createRunId();
  const time = new Date(Date.now() - (index + 1) * 60_000).toISOString();
  const project = `/home/user/project-${index % 20}`;
  return {
    id,
    name: `agent-${index}`,
    state: "stopped",
    project,
    runtime: "docker",
    target: "unix:///var/run/docker.sock",
    owner: "cli",
    detached: false,
    createdAt: time,
    startedAt: time,
    finishedAt: time,
    exitCode: index % 3,
    isolation: "gvisor",
    isolatedBy: "runsc",
    endpoints: [{ name: "web", port: 3000 }],
    plan: {
      schema: PLAN_SCHEMA,
      id,
      name: `agent-${index}`,
      project,
      detached: false,
      keep: false,
      runtime: {
        id: "docker",
        target: "unix:///var/run/docker.sock",
        description: "Docker Engine",
        reason: "automatic",
        isolation: "gvisor",
      },
      image: { kind: "base", ref: "debian:bookworm-slim" },
      container: {
        name: engineName(id),
        command: ["npm", "test"],
        workdir: "/workspace",
        hostname: `agent-${index}`,
        uid: 1000,
        gid: 1000,
        env: { CI: { kind: "text", text: "1" } },
        mounts: [{ kind: "bind", source: project, target: "/workspace", readOnly: false }],
        toolPaths: [],
        groups: [],
        privileged: false,
        dns: [],
        limits: {},
        tty: false,
      },
      network: { kind: "own", name: engineName(id), pool: "10.213.0.0/16" },
      volumes: [],
      endpoints: [{ name: "web", port: 3000 }],
      services: [],
      sidecars: [],
      trust: [],
      warnings: [],
      notices: [],
    },
  };
}
