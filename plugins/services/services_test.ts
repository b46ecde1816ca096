import assert from "node:assert/strict";
import * as v from "valibot";
import { resolveDependencies } from "../../core/image/resolve_dependencies.ts";
import type { Plugin } from "../../core/plugin/contract.ts";
import type {
  ServiceContribution,
  ServiceOverride,
  Target,
} from "../../core/plugin/contribution.ts";
import { MANIFEST_SCHEMA } from "../../core/plugin/manifest_schema.ts";
import { manifestProblem } from "../../core/plugin/read_manifest.ts";
import { Registry } from "../../core/plugin/registry.ts";
import { MINISTACK } from "./ministack.ts";
import { SERVICES } from "./mod.ts";
import { MARIADB, MYSQL } from "./mysql.ts";
import { OLLAMA } from "./ollama.ts";
import { POSTGRES } from "./postgres.ts";
import { REDIS, VALKEY } from "./redis.ts";

const REGISTRY = new Registry<Plugin>(SERVICES);
const TARGET: Target = { arch: "amd64", suite: "bookworm", present: [] };
const NAMES = ["mariadb", "ministack", "mysql", "ollama", "postgres", "redis", "valkey"];
const MANIFESTS = [MARIADB, MINISTACK, MYSQL, OLLAMA, POSTGRES, REDIS, VALKEY];

function contribute(entry: string, override?: Partial<ServiceOverride>): ServiceContribution {
  const [resolved] = resolveDependencies([entry], REGISTRY);
  assert(resolved !== undefined);
  const services = override === undefined ? {} : { [resolved.id]: { env: {}, ...override } };
  const plugin = REGISTRY.get("dependency", resolved.id);
  const [service] = plugin.contribute(resolved, { ...TARGET, services }).services ?? [];
  assert(service !== undefined);
  return service;
}

Deno.test("services are those that projects may name, sorted and described", () => {
  assert.deepEqual(SERVICES.map(({ id }) => id), NAMES);
  for (const { category, summary, origin, notYet, find } of SERVICES) {
    assert.equal(category, "service");
    assert.match(summary, /^[A-Z][^]*[^.]$/);
    assert.match(origin ?? "", /^image /);
    assert.equal(notYet, undefined);
    assert(find !== undefined);
  }
});

for (const manifest of MANIFESTS) {
  Deno.test(`the manifest of "${manifest.id}" is one that third parties could write`, () => {
    const result = v.safeParse(MANIFEST_SCHEMA, structuredClone(manifest));
    assert(result.success, JSON.stringify(result.issues?.map(({ message }) => message)));
    assert.equal(manifestProblem(manifest), undefined);
  });

  Deno.test(`the service "${manifest.id}" has its password in files and variables alone`, () => {
    const { files, variables, ...rest } = contribute(manifest.id);
    const withPassword = Object.keys(variables).filter((name) =>
      variables[name]?.includes("{password}")
    );
    assert.equal(
      files.some(({ content }) => content.includes("{password}")),
      withPassword.length > 0,
    );
    for (const { mode } of files) assert.equal(mode, 0o600);
    assert.doesNotMatch(JSON.stringify(rest), /\{password\}/);
  });
}

/** Entry, image, port, probe and variables, as behaviour promises them. */
const TABLE = [
  ["postgres", "postgres:17", 5432, "postgres", {
    MOAT_POSTGRES_URL: "postgresql://postgres:{password}@{host}:5432/postgres",
    MOAT_POSTGRES_HOST: "{host}",
    MOAT_POSTGRES_PORT: "5432",
    MOAT_POSTGRES_USER: "postgres",
    MOAT_POSTGRES_PASSWORD: "{password}",
    MOAT_POSTGRES_DB: "postgres",
  }],
  ["postgres@15", "postgres:15", 5432, "postgres", undefined],
  ["postgres@16.4-alpine", "postgres:16.4-alpine", 5432, "postgres", undefined],
  ["mysql", "mysql:8", 3306, "mysql", {
    MOAT_MYSQL_URL: "mysql://root:{password}@{host}:3306/moat",
    MOAT_MYSQL_HOST: "{host}",
    MOAT_MYSQL_PORT: "3306",
    MOAT_MYSQL_USER: "root",
    MOAT_MYSQL_PASSWORD: "{password}",
    MOAT_MYSQL_DB: "moat",
  }],
  ["mariadb", "mariadb:11", 3306, "mysql", {
    MOAT_MARIADB_URL: "mysql://root:{password}@{host}:3306/moat",
    MOAT_MARIADB_HOST: "{host}",
    MOAT_MARIADB_PORT: "3306",
    MOAT_MARIADB_USER: "root",
    MOAT_MARIADB_PASSWORD: "{password}",
    MOAT_MARIADB_DB: "moat",
  }],
  ["redis", "redis:7", 6379, "redis", {
    MOAT_REDIS_URL: "redis://:{password}@{host}:6379",
    MOAT_REDIS_HOST: "{host}",
    MOAT_REDIS_PORT: "6379",
    MOAT_REDIS_PASSWORD: "{password}",
  }],
  ["valkey", "valkey/valkey:8", 6379, "redis", {
    MOAT_VALKEY_URL: "redis://:{password}@{host}:6379",
    MOAT_VALKEY_HOST: "{host}",
    MOAT_VALKEY_PORT: "6379",
    MOAT_VALKEY_PASSWORD: "{password}",
  }],
  ["ollama", "ollama/ollama:0.18.1", 11434, "http", {
    MOAT_OLLAMA_URL: "http://{host}:11434",
    MOAT_OLLAMA_HOST: "{host}",
    MOAT_OLLAMA_PORT: "11434",
  }],
  ["ministack", "ministackorg/ministack:1.3", 4566, "http", {
    MOAT_MINISTACK_URL: "http://{host}:4566",
    MOAT_MINISTACK_HOST: "{host}",
    MOAT_MINISTACK_PORT: "4566",
  }],
] as const;

for (const [entry, image, port, probe, variables] of TABLE) {
  Deno.test(`"${entry}" is ${image} on port ${port} with its variables`, () => {
    const service = contribute(entry);
    assert.equal(service.name, entry.replace(/@.*/, ""));
    assert.equal(service.image, image);
    assert.equal(service.port, port);
    assert.equal(service.ready.kind, probe);
    if (variables !== undefined) assert.deepEqual(service.variables, variables);
  });
}

Deno.test("an image of the project replaces the service's own", () => {
  assert.equal(contribute("postgres", { image: "example/gis:3" }).image, "example/gis:3");
});

Deno.test("variables of the project reach the server, and change those of the run", () => {
  const { env, variables } = contribute("postgres", {
    env: { POSTGRES_DB: "app", POSTGRES_USER: "me", TZ: "UTC" },
  });
  assert.equal(env.POSTGRES_DB, "app");
  assert.equal(env.TZ, "UTC");
  assert.equal(variables.MOAT_POSTGRES_URL, "postgresql://me:{password}@{host}:5432/app");
  assert.equal(variables.MOAT_POSTGRES_DB, "app");
  assert.equal(variables.MOAT_POSTGRES_USER, "me");
  assert.equal(
    contribute("mysql", { env: { MYSQL_DATABASE: "app" } }).variables.MOAT_MYSQL_URL,
    "mysql://root:{password}@{host}:3306/app",
  );
});

Deno.test("what a project writes is escaped in addresses, and only there", () => {
  const { variables } = contribute("postgres", {
    env: { POSTGRES_USER: "a@b:c/d", POSTGRES_DB: "x y?{password}'" },
  });
  assert.equal(
    variables.MOAT_POSTGRES_URL,
    "postgresql://a%40b%3Ac%2Fd:{password}@{host}:5432/x%20y%3F%7Bpassword%7D%27",
  );
  assert.equal(variables.MOAT_POSTGRES_USER, "a@b:c/d");
});

Deno.test("a project cannot set a password or the place of the data", () => {
  const cases = [
    ["postgres", "POSTGRES_PASSWORD"],
    ["postgres", "POSTGRES_PASSWORD_FILE"],
    ["postgres", "PGDATA"],
    ["mysql", "MYSQL_ROOT_PASSWORD"],
    ["mariadb", "MARIADB_ROOT_PASSWORD_FILE"],
    ["mariadb", "MYSQL_ALLOW_EMPTY_PASSWORD"],
  ] as const;
  for (const [entry, name] of cases) {
    assert.throws(() => contribute(entry, { env: { [name]: "x" } }), {
      name: "UsageError",
      message: `Cannot set "${name}" of service "${entry}": each run has its own`,
    });
  }
});

Deno.test("a command of the project replaces the service's, also on data of an earlier server", () => {
  const command = ["postgres", "-c", "fsync=off"];
  const service = contribute("postgres", { command });
  assert.deepEqual(service.command, command);
  assert.deepEqual(service.data?.resume.slice(-3), command);
  assert.deepEqual(contribute("postgres").data?.resume.slice(-1), ["postgres"]);
});

Deno.test("a command of the project is a list, as words are added to it", () => {
  assert.throws(
    () => contribute("postgres", { command: ["sh", "-c", "postgres -c fsync=off"] }),
    /^UsageError: Cannot start service "postgres" with a shell's command/,
  );
});

Deno.test("models are pulled one after another, and refused where there are none", () => {
  const service = contribute("ollama", { models: ["llama3.2:1b", "a b"] });
  assert.deepEqual(service.afterReady, [
    ["ollama", "pull", "llama3.2:1b"],
    ["ollama", "pull", "a b"],
  ]);
  assert.deepEqual(service.mounts?.map(({ kind, target }) => [kind, target]), [
    ["volume", "/root/.ollama"],
  ]);
  assert.throws(() => contribute("redis", { models: ["x"] }), /"redis": it takes none/);
});

Deno.test("templates are made of what is slow to initialise", () => {
  const kept = NAMES.filter((name) => contribute(name).data?.template === true);
  assert.deepEqual(kept, ["mariadb", "mysql", "postgres"]);
});

Deno.test("no data lies on a volume of the image that templates are made of", () => {
  for (const name of ["mariadb", "mysql", "postgres"]) {
    assert.match(contribute(name).data?.directory ?? "", /^\/var\/lib\/moat\//);
  }
});

const HAS_SHELLCHECK = await hasShellcheck();

Deno.test({
  name: "all scripts of services pass shellcheck",
  ignore: !HAS_SHELLCHECK,
  async fn() {
    const folder = new URL("scripts/", import.meta.url);
    const files = [...Deno.readDirSync(folder)].map(({ name }) => new URL(name, folder).pathname);
    assert(files.length > 5);
    const { success, stdout } = await new Deno.Command("shellcheck", {
      args: ["--shell=sh", "--exclude=SC2016", ...files],
    }).output();
    assert(success, new TextDecoder().decode(stdout));
  },
});

async function hasShellcheck(): Promise<boolean> {
  try {
    return (await new Deno.Command("shellcheck", { args: ["--version"] }).output()).success;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
