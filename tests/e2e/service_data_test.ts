/** Seeds, templates and kept data of services, with real databases. */

import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { resolvePaths, runPaths } from "../../core/store/paths.ts";
import { requires, testEngines } from "../helpers/machine.ts";
import { TestHome } from "../helpers/moat.ts";

/** A seed that no other test has, so that its template is new. */
function seedOf(rows: number): string {
  return `-- ${crypto.randomUUID()}\ncreate table marks (id int);\n` +
    `insert into marks values ${Array.from({ length: rows }, (_, id) => `(${id})`).join(", ")};\n`;
}

/** Makes the templates of the home old, and cleans; returns how many are left of them. */
async function cleanTemplates(home: TestHome): Promise<readonly string[]> {
  const { database } = resolvePaths({ MOAT_HOME: home.home });
  using store = new DatabaseSync(database);
  store.exec("update images set used_at = '2020-01-01T00:00:00.000Z' where tag like 'moat/data:%'");
  await home.ok(["clean", "--force"]);
  return store.prepare("select tag from images where tag like 'moat/data:%'").all()
    .map(({ tag }) => String(tag));
}

/** A live run that does nothing; its id. */
async function startIdle(home: TestHome, isolation: string): Promise<string> {
  return (await home.ok(["run", "-d", "--isolation", isolation, "--", "sleep", "600"])).trim();
}

/** What the run's event says about where the service's data came from. */
async function originOf(home: TestHome, id: string, service: string): Promise<unknown> {
  const { events } = runPaths(resolvePaths({ MOAT_HOME: home.home }), id);
  const all = (await Deno.readTextFile(events)).trim().split("\n").map((line) => JSON.parse(line));
  const ready = all.find(({ type, name, state }) =>
    type === "service" && name === service && state === "ready"
  );
  return ready?.data;
}

for (const [index, target] of testEngines().entries()) {
  const label = `docker ${index + 1}`;
  const env = { MOAT_RUNTIME: "docker", DOCKER_HOST: target };

  Deno.test({
    name: `${label}: a seed is loaded once; a changed one that is broken leaves nothing`,
    ...requires("docker"),
    fn: async () => {
      await using home = await TestHome.create(env);
      const psql = (id: string, sql: string) =>
        home.ok(["service", "exec", id, "postgres", "--", "psql", "-U", "postgres", "-Atc", sql]);
      await home.write(
        "moat.yaml",
        "dependencies: [postgres@17]\nservices: {postgres: {seed: [first.sql, second.sql]}}\n",
      );
      await home.write("first.sql", seedOf(3));
      await home.write("second.sql", "insert into marks select 9 from marks;\n");
      for (const origin of ["new-template", "template"]) {
        const id = await startIdle(home, "none");
        assert.equal(await originOf(home, id, "postgres"), origin);
        assert.equal(await psql(id, "select count(*) from marks"), "6\n");
        await psql(id, "delete from marks");
        const logs = await home.moat(["service", "logs", "-n", "2", id, "postgres"]);
        assert.equal(logs.stderr.trim().split("\n").length, 2, logs.stderr);
        const url = new URL(await home.ok(["service", "url", id, "postgres"]));
        assert.match(url.hostname, /^10(\.\d+){3}$/);
        await home.ok(["stop", "-t", "0", id]);
      }

      await home.write("second.sql", "select 1;\nselect broken;\n");
      const { code, stderr } = await home.moat(["run", "--isolation", "none", "--", "true"]);
      assert.equal(code, 125);
      assert.match(stderr, /Cannot seed service "postgres" with "second\.sql"/);
      assert.match(stderr, /line 2: ERROR: +column "broken" does not exist/);
      assert.deepEqual(await cleanTemplates(home), []);
      assert.match((await home.moat(["clean"])).stderr, /Nothing to clean/);
    },
  });

  Deno.test({
    name: `${label}: kept data survives its run under gVisor, its password does not`,
    ...requires("gvisor"),
    fn: async () => {
      await using home = await TestHome.create(env);
      await home.write(
        "moat.yaml",
        "dependencies: [postgres@17]\nservices: {postgres: {keep: true}}\n",
      );
      /** Through TCP, as the run does; the server is in the same container as its client here. */
      const query = (id: string, url: string, sql: string) => {
        const local = url.trim().replace("@postgres:", "@127.0.0.1:");
        return home.moat(["service", "exec", id, "postgres", "--", "psql", local, "-Atc", sql]);
      };
      const first = await startIdle(home, "gvisor");
      const old = await home.ok(["service", "url", "--inside", first, "postgres"]);
      const made = await query(first, old, "create table marks as select 42 as mark");
      assert.equal(made.code, 0, made.stderr);
      const refused = await home.moat(["run", "--isolation", "gvisor", "--", "true"]);
      assert.equal(refused.code, 125);
      assert.match(
        refused.stderr,
        /Cannot use the kept data of service "postgres": run ".*" has it/,
      );
      await home.ok(["stop", "-t", "0", first]);

      const second = await startIdle(home, "gvisor");
      assert.equal(await originOf(home, second, "postgres"), "kept");
      const now = await home.ok(["service", "url", "--inside", second, "postgres"]);
      assert.notEqual(now, old);
      assert.equal((await query(second, now, "select mark from marks")).stdout, "42\n");
      const stale = await query(second, old, "select 1");
      assert.match(stale.stderr, /password authentication failed/);
      assert.notEqual(stale.code, 0);

      const [postgres] = JSON.parse(await home.ok(["service", "ls", second, "--json"]));
      assert.deepEqual([postgres.name, postgres.state, postgres.data], [
        "postgres",
        "ready",
        "keep",
      ]);
      await home.ok(["stop", "-t", "0", second]);
      await new Deno.Command("docker", {
        args: ["--host", target, "volume", "rm", postgres.volume],
      }).output();
    },
  });

  Deno.test({
    name:
      `${label}: a template of mariadb and of an older postgres serve with passwords of the run`,
    ...requires("docker"),
    fn: async () => {
      await using home = await TestHome.create(env);
      await home.write(
        "moat.yaml",
        "dependencies: [postgres@15, mariadb@11]\nservices: {mariadb: {seed: seed.sql}}\n",
      );
      await home.write("seed.sql", seedOf(2));
      for (const origin of ["new-template", "template"]) {
        const id = await startIdle(home, "none");
        assert.equal(await originOf(home, id, "mariadb"), origin);
        const url = (await home.ok(["service", "url", "--inside", id, "postgres"])).trim();
        const version = await home.ok([
          "service",
          "exec",
          id,
          "postgres",
          "--",
          "psql",
          url.replace("@postgres:", "@127.0.0.1:"),
          "-Atc",
          "show server_version_num",
        ]);
        assert.match(version, /^15\d{4}\n$/);
        const { password, pathname } = new URL(
          await home.ok(["service", "url", "--inside", id, "mariadb"]),
        );
        const rows = (secret: string) =>
          home.moat(
            [
              "service",
              "exec",
              id,
              "mariadb",
              "--",
              "sh",
              "-c",
              'MYSQL_PWD=$(cat) exec mariadb -h 127.0.0.1 -u root -N -e "select count(*) from marks" "$0"',
              pathname.slice(1),
            ],
            { input: secret },
          );
        assert.equal((await rows(password)).stdout, "2\n");
        assert.match((await rows("wrong")).stderr, /Access denied/);
        await home.ok(["stop", "-t", "0", id]);
      }
      assert.deepEqual(await cleanTemplates(home), []);
    },
  });
}

Deno.test({
  name: "local: a kept seed is loaded once into the host's server, which forgets earlier passwords",
  ...requires("bubblewrap", "postgres"),
  fn: async () => {
    await using home = await TestHome.create({ MOAT_RUNTIME: "local" });
    await home.write(
      "moat.yaml",
      "dependencies: [psql, postgres]\nservices: {postgres: {keep: true, seed: seed.sql}}\n",
    );
    await home.write("seed.sql", seedOf(2));
    const script = [
      'psql "$MOAT_POSTGRES_URL" -qAtc "insert into marks values (7)" -c "select count(*) from marks"',
      'if [ -e old ] && psql "$(cat old)" -qAtc "select 1" 2>/dev/null; then echo old; fi',
      'printf %s "$MOAT_POSTGRES_URL" >old',
    ].join("\n");
    for (const rows of [3, 4]) {
      assert.equal(await home.ok(["run", "--", "sh", "-ec", script]), `${rows}\n`);
    }
  },
});
