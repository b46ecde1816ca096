import assert from "node:assert/strict";
import { playDatabases } from "../helpers/database_runs.ts";
import { type EngineTool, engineTool, homeObjects } from "../helpers/engine_objects.ts";
import { requires, testEngines } from "../helpers/machine.ts";
import { TestHome } from "../helpers/moat.ts";
import { until } from "../helpers/until.ts";

const ISOLATIONS = [
  { name: "gVisor", isolation: "gvisor", needs: ["gvisor"] },
  { name: "a plain container", isolation: "none", needs: ["docker"] },
] as const;

/** Nobody answers there: names must come from hosts entries. */
const MOAT_YAML = `
name: shop
dependencies: [postgres@17, redis@7, psql, redis-cli]
container: {dns: [192.0.2.1]}
`;

/** Writes and reads with the variables that it got, and leaves the passwords where a test finds them. */
const PROGRAM = `
set -eu
psql -q "$MOAT_POSTGRES_URL" -c "create table notes (text text)" -c "insert into notes values ('kept')"
psql -At "$MOAT_POSTGRES_URL" -c "select text from notes"
export REDISCLI_AUTH="$MOAT_REDIS_PASSWORD"
redis-cli -h "$MOAT_REDIS_HOST" set note cached
redis-cli -h "$MOAT_REDIS_HOST" get note
if psql "postgresql://postgres:wrong@postgres:5432/postgres" -c "select 1" 2>/dev/null; then exit 9; fi
printf %s "$MOAT_POSTGRES_PASSWORD" > postgres-password
printf %s "$MOAT_REDIS_PASSWORD" > redis-password
`;

for (const [index, target] of testEngines().entries()) {
  const env = { MOAT_RUNTIME: "docker", DOCKER_HOST: target };
  const docker = engineTool(target);

  for (const { name, isolation, needs } of ISOLATIONS) {
    Deno.test({
      name: `docker ${
        index + 1
      }: services in ${name} are found by name, with passwords nobody sees`,
      ...requires(...needs),
      fn: async () => {
        await using home = await TestHome.create(env);
        await home.write("moat.yaml", MOAT_YAML);
        await home.write(
          "program.sh",
          `${PROGRAM}\ntouch done; while [ ! -e go ]; do sleep 0.1; done`,
        );
        const child = home.spawn(["run", "--isolation", isolation, "--", "sh", "program.sh"]);
        await child.stdin.close();
        const output = Promise.all([
          new Response(child.stdout).text(),
          new Response(child.stderr).text(),
        ]);
        const ended = child.status.then(() => true);
        await until(
          "the program is through",
          async () => await exists(`${home.project}/done`) || await Promise.race([ended, false]),
          {
            timeoutMs: 120_000,
          },
        );
        if (!await exists(`${home.project}/done`)) assert.fail((await output)[1]);
        const passwords = await Promise.all(
          ["postgres", "redis"].map((service) =>
            Deno.readTextFile(`${home.project}/${service}-password`)
          ),
        );
        const seen = await Promise.all([
          inspectAll(home, docker),
          new Deno.Command("ps", { args: ["axww"] }).output()
            .then(({ stdout }) => new TextDecoder().decode(stdout)),
        ]);
        const [run] = JSON.parse(await home.ok(["list", "--json"]));
        await home.write("go", "");
        const { code } = await child.status;
        const [stdout, stderr] = await output;
        assert.equal(code, 0, stderr);
        assert.equal(stdout, "kept\nOK\ncached\n");
        assert.match(stderr, /postgres: ready \(\d+\.\ds\)/);
        assert.deepEqual(states(run), [["postgres", "ready"], ["redis", "ready"]]);
        const plan = await home.ok(["plan", "--json"]);
        const files = await allFiles(`${home.home}/store`);
        for (const password of passwords) {
          assert.match(password, /^[a-zA-Z0-9]{32}$/);
          const places = [stderr, plan, ...seen, ...files];
          assert.deepEqual(places.filter((text) => text.includes(password)), []);
        }
        assert.notEqual(passwords[0], passwords[1]);
        assert.deepEqual(await homeObjects(home, docker), []);
      },
    });
  }

  Deno.test({
    name: `docker ${
      index + 1
    }: a service that fails ends the start with its last lines, and leaves nothing`,
    ...requires("docker"),
    fn: async () => {
      await using home = await TestHome.create({ ...env, MOAT_NO_SANDBOX: "1" });
      await home.write(
        "moat.yaml",
        `
name: shop
dependencies: [postgres@17, redis@7, mariadb@11]
services: {redis: {command: [cat]}}
`,
      );
      const { code, stderr } = await home.moat(["run", "--", "true"]);
      assert.equal(code, 125);
      assert.match(stderr, /Cannot start service "redis": it ended with exit code 1/);
      assert.match(stderr, /Its last output:\n +cat: unrecognized option/);
      assert.deepEqual(await homeObjects(home, docker), []);
    },
  });

  Deno.test({
    name: `docker ${index + 1}: a service that dies is reported at once, attached and detached`,
    ...requires("docker"),
    fn: async () => {
      await using home = await TestHome.create({ ...env, MOAT_NO_SANDBOX: "1" });
      await home.write("moat.yaml", "dependencies: [redis@7]\n");
      const child = home.spawn(["run", "--name", "seen", "--", "sleep", "60"]);
      await child.stdin.close();
      const stdout = child.stdout.cancel();
      let said = "";
      const reading = (async () => {
        for await (const text of child.stderr.pipeThrough(new TextDecoderStream())) said += text;
      })();
      const id = (await home.ok(["run", "-d", "--name", "alone", "--", "sleep", "60"])).trim();
      const seen = await until("the attached run", async () => {
        const runs = JSON.parse(await home.ok(["list", "--json"]));
        const run = runs.find((one: { name: string }) => one.name === "seen");
        return run?.state === "running" && String(run.id);
      }, { timeoutMs: 60_000 });
      await docker("kill", `moat-redis-${seen}`, `moat-redis-${id}`);
      await until("both are reported", async () => {
        const runs = JSON.parse(await home.ok(["list", "--json"]));
        return runs.every((run: unknown) => states(run)[0]?.[1] === "exited") &&
          /Service "redis" ended: exit code 137/.test(said);
      }, { timeoutMs: 20_000 });
      await until(
        "its log says it",
        async () => (await home.moat(["logs", "alone"])).stderr.includes('Service "redis" ended'),
      );
      await home.ok(["destroy", "-f", "alone"]);
      child.kill("SIGTERM");
      await Promise.all([child.status, reading, stdout]);
      assert.match(await home.ok(["service", "ls", "seen"]), /^redis +exited/m);
      assert.deepEqual(await homeObjects(home, docker), []);
    },
  });

  Deno.test({
    name: `docker ${index + 1}: moat killed while services start leaves nothing behind clean`,
    ...requires("docker"),
    fn: async () => {
      await using home = await TestHome.create({ ...env, MOAT_NO_SANDBOX: "1" });
      await home.write("moat.yaml", "dependencies: [postgres@17, redis@7]\n");
      const child = home.spawn(["run", "--", "sleep", "60"]);
      await child.stdin.close();
      await until("a service is there", async () => {
        return (await homeObjects(home, docker)).some((line) => line.startsWith("container"));
      }, { timeoutMs: 60_000 });
      child.kill("SIGKILL");
      await Promise.all([child.status, child.stdout.cancel(), child.stderr.cancel()]);
      await until("clean leaves nothing", async () => {
        await home.ok(["clean", "--force"]);
        return (await homeObjects(home, docker)).length === 0;
      });
    },
  });

  Deno.test({
    name: `docker ${index + 1}: runs at once have a database each`,
    ...requires("docker"),
    fn: async () => {
      assert.deepEqual((await playDatabases(target, 3)).problems, []);
    },
  });
}

function states(run: unknown): readonly (readonly [string, string])[] {
  const services: readonly { name: string; state: string }[] = Object(run).services;
  return services.map(({ name, state }) => [name, state] as const)
    .toSorted(([a], [b]) => a < b ? -1 : 1);
}

/** All that the engine lists of the home's containers. */
async function inspectAll(home: TestHome, docker: EngineTool): Promise<string> {
  const names = (await homeObjects(home, docker)).filter((line) => line.startsWith("container"));
  return await docker("inspect", ...names.map((line) => line.slice("container ".length)));
}

async function exists(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}

/** The text of all files in the directory, read as bytes are. */
async function allFiles(directory: string): Promise<readonly string[]> {
  const texts: string[] = [];
  for await (const { name, isDirectory, isFile } of Deno.readDir(directory)) {
    const path = `${directory}/${name}`;
    if (isDirectory) texts.push(...await allFiles(path));
    else if (isFile) texts.push(new TextDecoder("latin1").decode(await Deno.readFile(path)));
  }
  return texts;
}
