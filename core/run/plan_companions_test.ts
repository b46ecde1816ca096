import assert from "node:assert/strict";
import { DOCKER_FACTS, machineWith, requestWith } from "../../tests/helpers/requests.ts";
import { NOTHING_WRITTEN } from "../config/load_project_config.ts";
import type { ConfigService } from "../config/project_config.ts";
import type {
  Contribution,
  ContributionOf,
  ServiceContribution,
  SidecarContribution,
} from "../plugin/contribution.ts";
import { type Machine, planRun } from "./plan_run.ts";
import type { RunPlan } from "./plan.ts";
import type { RunRequest } from "./request.ts";

const IMAGE = { kind: "base", ref: "debian:bookworm-slim" } as const;

const DATABASE: ServiceContribution = {
  name: "db",
  image: "db:1",
  port: 5432,
  env: { DB_PASSWORD_FILE: "/run/password" },
  files: [{ path: "/run/password", content: "{password}", mode: 0o600 }],
  ready: { kind: "postgres", port: 5432 },
  variables: { DB_URL: "sql://u:{password}@{host}:5432", DB_HOST: "{host}" },
};

const BUILDER: SidecarContribution = {
  name: "builder",
  image: "builder:1",
  privileged: "it makes containers",
  volumes: [
    { kind: "cache", name: "builder", target: "/cache" },
    { kind: "scratch", name: "tmp", target: "/scratch" },
  ],
  ready: { kind: "tcp", port: 1234 },
};

function entry(text: string, contribution: Contribution): ContributionOf {
  return { entry: { text, id: text }, contribution };
}

function plan(
  contributions: readonly ContributionOf[],
  request: Partial<RunRequest> = {},
  machine: Partial<Machine> = {},
): RunPlan {
  return planRun(requestWith(request), machineWith(machine), { contributions, image: IMAGE });
}

function withServices(services: Readonly<Record<string, Partial<ConfigService>>>) {
  const entries = Object.entries(services).map(([name, service]): [string, ConfigService] => [
    name,
    { env: {}, wait: true, ...service },
  ]);
  return { config: { ...NOTHING_WRITTEN, services: Object.fromEntries(entries) } };
}

const WITHOUT_GVISOR = { isolation: "container" } as const;

Deno.test("planRun() plans a service as isolated as its run, found by its name", () => {
  const { services: [db], container } = plan([entry("db", { services: [DATABASE] })]);
  assert.equal(db?.container, "moat-db-run_0123456789ab");
  assert.equal(db?.isolation, "gvisor");
  assert.equal(db?.wait, true);
  assert.deepEqual(db?.variables, { DB_URL: "sql://u:{password}@db:5432", DB_HOST: "db" });
  assert.deepEqual(container.env.DB_HOST, { kind: "text", text: "db" });
  assert.deepEqual(container.env.DB_URL, {
    kind: "service",
    service: "db",
    text: "sql://u:{password}@db:5432",
  });
});

Deno.test("planRun() lets what the user typed win over a service's variables", () => {
  const env = { DB_URL: { kind: "secret", key: "DB_URL" } } as const;
  const { container } = plan([entry("db", { services: [DATABASE] })], { env });
  assert.deepEqual(container.env.DB_URL, env.DB_URL);
});

Deno.test("planRun() applies what services: says of a service", () => {
  const overrides = withServices({ db: { wait: false, memory: 512 } });
  const { services: [db] } = plan([entry("db", { services: [DATABASE] })], overrides);
  assert.equal(db?.wait, false);
  assert.equal(db?.limits.memoryBytes, 512 * 1024 ** 2);
});

Deno.test("planRun() refuses services: of a name that no dependency brings, with the nearest", () => {
  assert.throws(
    () => plan([entry("db", { services: [DATABASE] })], withServices({ bd: {} })),
    (error: unknown) => {
      assert.match(String(error), /Cannot change service "bd": no dependency brings it/);
      assert.match(Object(error).hint, /Write it as db/);
      return true;
    },
  );
});

Deno.test("planRun() announces privileged sidecars, and keeps their caches for the project", () => {
  const made = plan([entry("docker:dind", { sidecars: [BUILDER] })], {}, WITHOUT_GVISOR);
  const [builder] = made.sidecars;
  assert.equal(builder?.isolation, undefined);
  assert.equal(builder?.privileged, "it makes containers");
  assert.match(made.warnings.join("\n"), /sidecar "builder" is privileged: it makes containers/);
  const [cache, scratch] = builder?.mounts ?? [];
  assert.match(cache?.source ?? "", /^moat-project-builder-[0-9a-f]{12}$/);
  assert.deepEqual(scratch, { kind: "volume", source: "", target: "/scratch", readOnly: false });
  assert.deepEqual(made.volumes, [{ name: cache?.source }]);
  const other = { project: { ...requestWith().project, path: "/home/ann/other" } };
  const elsewhere = plan([entry("x", { sidecars: [BUILDER] })], other, WITHOUT_GVISOR);
  assert.notEqual(elsewhere.volumes[0]?.name, cache?.source);
});

Deno.test("planRun() refuses what does not work under the isolation, with the setting that helps", () => {
  const hint = "Write sandbox: none in moat.yaml";
  const refuses = [{
    isolation: "gvisor",
    reason: "its engine does not start there",
    hint,
  }] as const;
  const docker = entry("docker:dind", { privileged: true, privilegedFor: "nested", refuses });
  assert.throws(() => plan([docker]), {
    message: 'Cannot give the run "docker:dind" under gVisor: its engine does not start there',
    hint,
  });
  const made = plan([docker], {}, WITHOUT_GVISOR);
  assert.equal(made.container.privileged, true);
  assert.equal(made.container.privilegedFor, "nested");
  assert.match(made.warnings.join("\n"), /The run is privileged: nested/);
  const plain = entry("other", { privileged: true });
  assert.throws(() => plan([plain]), /under gVisor: it needs a privileged container/);
});

Deno.test("planRun() refuses services whose names or places clash", () => {
  const db = entry("db", { services: [DATABASE] });
  assert.throws(() => plan([db, db]), /Cannot start two services "db"/);
  assert.throws(() => plan([db], { name: "db" }), /Cannot name a run "db"/);
  assert.throws(
    () => plan([db], { network: { mode: "host", origin: "typed" } }),
    /Cannot start service "db": services stand on a run's own network/,
  );
  const many = Array.from({ length: 13 }, (_, number) => ({ ...DATABASE, name: `db${number}` }));
  assert.throws(() => plan([entry("many", { services: many })]), /Cannot start 13 services/);
});

Deno.test("planRun() runs the host's own server where there is no engine", () => {
  const host = { programs: ["dbd"], script: 'exec dbd --data "$DATA"' };
  const machine: Partial<Machine> = {
    facts: {
      ...DOCKER_FACTS,
      isolations: ["namespaces"],
      defaultIsolation: "namespaces",
      abilities: ["services"],
      usesHostTools: true,
    },
    isolation: "namespaces",
    serviceTools: { db: { paths: ["/opt/db"], bin: ["/opt/db/bin"] } },
  };
  const { services: [db], warnings } = plan(
    [entry("db", { services: [{ ...DATABASE, host }] })],
    withServices({ db: { image: "db:2", memory: 512 } }),
    machine,
  );
  assert.deepEqual(warnings, [
    "services.db.image has no effect here: the host's own server is started",
  ]);
  assert.equal(db?.image, undefined);
  assert.deepEqual(db?.toolPaths, ["/opt/db"]);
  assert.match(db?.command?.join(" ") ?? "", /exec dbd/);
  assert.match(db?.env.PATH ?? "", /^\/opt\/db\/bin:/);
  assert.equal(db?.env.PORT, "5432");
  assert.throws(
    () => plan([entry("db", { services: [DATABASE] })], {}, machine),
    /Cannot run service "db" without an engine/,
  );
  const two = [{ ...DATABASE, host }, { ...DATABASE, name: "other", host }];
  assert.throws(
    () => plan([entry("two", { services: two })], {}, machine),
    /Cannot start service "other": "db" listens on port 5432/,
  );
});

Deno.test("planRun() gives the plan docker_services", async () => {
  const made = plan(
    [
      entry("db", { services: [DATABASE] }),
      entry("docker:dind", { sidecars: [BUILDER], privileged: true, privilegedFor: "it nests" }),
    ],
    withServices({ db: { memory: 512 } }),
    WITHOUT_GVISOR,
  );
  const file = new URL("../../tests/fixtures/plans/docker_services.json", import.meta.url);
  const text = `${JSON.stringify(made, null, 2)}\n`;
  if (Deno.args.includes("--update")) await Deno.writeTextFile(file, text);
  assert.equal(text, await Deno.readTextFile(file));
});
