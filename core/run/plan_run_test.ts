import assert from "node:assert/strict";
import { DOCKER_FACTS, machineWith, requestWith } from "../../tests/helpers/requests.ts";
import { NOTHING_WRITTEN } from "../config/load_project_config.ts";
import { type Machine, planRun } from "./plan_run.ts";
import type { RunPlan } from "./plan.ts";
import type { RunRequest } from "./request.ts";

const BASE = { kind: "base", ref: "debian:bookworm-slim" } as const;

const LOCAL_FACTS = {
  ...DOCKER_FACTS,
  id: "local",
  target: "local",
  description: "bubblewrap 0.8.0",
  isolations: ["namespaces"],
  defaultIsolation: "namespaces",
  abilities: ["volumes"],
  usesHostTools: true,
} as const;

function plan(request: Partial<RunRequest> = {}, machine: Partial<Machine> = {}): RunPlan {
  return planRun(requestWith(request), machineWith(machine), { contributions: [], image: BASE });
}

const GOLDENS: Readonly<Record<string, () => RunPlan>> = {
  "docker_plain": () => plan(),
  "docker_rich": () =>
    plan({
      config: {
        ...NOTHING_WRITTEN,
        name: "shop",
        volumes: [{ name: "cache", target: "/cache", readOnly: false, shared: false }],
        hooks: { preRun: "npm ci" },
        container: { dns: ["192.0.2.53"], ulimits: [{ name: "nofile", soft: 1024, hard: 4096 }] },
        withoutEffect: ["grants", "snapshots"],
      },
      env: {
        CI: { kind: "text", text: "1" },
        TOKEN: { kind: "secret", key: "TOKEN" },
      },
      secrets: new Map([["TOKEN", "never-in-a-plan"]]),
      mounts: [{
        source: "/home/ann/data",
        target: "/data",
        readOnly: true,
        exclude: ["private"],
        outside: true,
        origin: "project",
      }],
      endpoints: [{ name: "web", port: 3000 }],
      limits: { memoryBytes: 512 * 1024 ** 2, cpus: 1.5 },
      detached: true,
      timeoutMs: 60_000,
    }),
  "docker_without_gvisor": () =>
    plan({ isolation: { want: "none", origin: "project" } }, { isolation: "container" }),
  "docker_root_owner": () =>
    plan({
      project: { path: "/srv/app", uid: 0, gid: 0, hasGit: true, configFiles: ["moat.yaml"] },
    }),
  "local_interactive": () =>
    planRun(
      requestWith({ tty: true, size: { columns: 80, rows: 24 } }),
      machineWith({
        facts: LOCAL_FACTS,
        isolation: "namespaces",
        tools: { paths: ["/opt/node"], bin: ["/opt/node/bin"] },
      }),
      { contributions: [] },
    ),
  "docker_reach": () =>
    plan({
      config: {
        ...NOTHING_WRITTEN,
        name: "shop",
        network: {
          ...NOTHING_WRITTEN.network,
          rules: ["run:api", "run:lab/web"],
          reach: [{ run: "api" }, { run: "lab", endpoint: "web" }],
        },
      },
      endpoints: [{ name: "web", port: 8080 }],
    }, { routerPort: 8080 }),
  "host_network": () => plan({ network: { mode: "host", origin: "project" } }),
};

for (const [name, make] of Object.entries(GOLDENS)) {
  Deno.test(`planRun() gives the plan ${name}`, async () => {
    const file = new URL(`../../tests/fixtures/plans/${name}.json`, import.meta.url);
    const text = `${JSON.stringify(make(), null, 2)}\n`;
    if (Deno.args.includes("--update")) {
      await Deno.mkdir(new URL(".", file), { recursive: true });
      await Deno.writeTextFile(file, text);
    }
    assert.equal(text, await Deno.readTextFile(file));
  });
}

Deno.test("planRun() never holds a secret's value", () => {
  const made = plan({
    env: { TOKEN: { kind: "secret", key: "TOKEN" } },
    secrets: new Map([["TOKEN", "never-in-a-plan"]]),
  });
  assert.doesNotMatch(JSON.stringify(made), /never-in-a-plan/);
});

Deno.test("planRun() lets what the user typed win over moat's own variables", () => {
  const env = { MOAT_RUN_NAME: { kind: "text", text: "mine" } } as const;
  assert.deepEqual(plan({ env }).container.env.MOAT_RUN_NAME, { kind: "text", text: "mine" });
});

Deno.test("planRun() keeps the router's names from a proxy that the user set up", () => {
  const endpoints = [{ name: "web", port: 3000 }];
  const env = { HTTPS_PROXY: { kind: "text", text: "http://proxy.example:3128" } } as const;
  const listed = { kind: "text", text: "localhost,.localhost" };
  assert.deepEqual(plan({ endpoints, env }).container.env.no_proxy, listed);
  assert.equal(plan({ endpoints }).container.env.no_proxy, undefined);
  assert.equal(plan({ env }).container.env.no_proxy, undefined);
});

Deno.test("planRun() gives no terminal where nobody could come back to it, and says so", () => {
  const request = { tty: true, detached: true };
  const local = plan(request, { facts: LOCAL_FACTS, isolation: "namespaces" });
  assert.equal(local.container.tty, false);
  assert.match(local.notices.join("\n"), /no terminal to a detached run/);
  const facts = { ...DOCKER_FACTS, abilities: ["reattach"] } as const;
  assert.equal(plan(request, { facts }).container.tty, true);
});

Deno.test("planRun() refuses two mounts on one target, however written", () => {
  const mount = {
    source: "/a",
    readOnly: true,
    exclude: [],
    outside: true,
    origin: "typed",
  } as const;
  const mounts = [{ ...mount, target: "/data" }, { ...mount, target: "/data/../data/" }];
  assert.throws(() => plan({ mounts }), /Cannot mount twice/);
});

Deno.test("planRun() runs as the project's owner on engines, as the caller on host tools", () => {
  const project = { path: "/p", uid: 1234, gid: 1235, hasGit: false, configFiles: [] };
  assert.equal(plan({ project }).container.uid, 1234);
  assert.equal(
    plan({ project }, { facts: LOCAL_FACTS, isolation: "namespaces" }).container.uid,
    1000,
  );
  const shifted = { ...DOCKER_FACTS, shiftedIds: true };
  assert.equal(plan({ project }, { facts: shifted }).container.uid, 0);
});

Deno.test("planRun() keys a volume by project, home and sharing", () => {
  const config = (shared: boolean) => ({
    ...NOTHING_WRITTEN,
    name: "shop",
    volumes: [{ name: "cache", target: "/cache", readOnly: false, shared }],
  });
  const volume = (shared: boolean, path: string, moatHome = "/home/ann/.moat") =>
    plan(
      { config: config(shared), project: { path, uid: 1, gid: 1, hasGit: false, configFiles: [] } },
      { moatHome },
    ).volumes[0]?.name;
  assert.notEqual(volume(false, "/a"), volume(false, "/b"));
  assert.equal(volume(true, "/a"), volume(true, "/b"));
  assert.notEqual(volume(true, "/a"), volume(true, "/a", "/other/.moat"));
});

Deno.test("planRun() says so when the runtime cannot reach endpoints, and lets env: win", () => {
  const endpoints = [{ name: "web", port: 3000 }];
  const mute = { ...DOCKER_FACTS, abilities: [] };
  assert.match(plan({ endpoints }, { facts: mute }).notices.join(), /endpoints cannot be reached/);
  assert.deepEqual(plan({ endpoints }).notices, []);
  const env = { MOAT_URL: { kind: "text", text: "mine" } } as const;
  assert.deepEqual(plan({ endpoints, env }).container.env.MOAT_URL, env.MOAT_URL);
});
