import assert from "node:assert/strict";
import { join } from "node:path";
import { requires } from "../helpers/machine.ts";
import { LOCAL_BACKENDS } from "../helpers/local_subject.ts";
import { TestHome } from "../helpers/moat.ts";
import { until } from "../helpers/until.ts";

const NOTES = join(import.meta.dirname ?? ".", "..", "..", "examples", "notes");

/** Says what a client that brings no or another password is told. */
const REDIS_CLIENT = `use Socket;
socket(my $s, PF_INET, SOCK_STREAM, 0); $| = 1;
connect($s, sockaddr_in($ENV{MOAT_REDIS_PORT}, inet_aton($ENV{MOAT_REDIS_HOST}))) or die "$!";
for ("PING", "AUTH wrong", "AUTH $ENV{MOAT_REDIS_PASSWORD}", "PING") {
  syswrite($s, "$_\\r\\n"); my $line = <$s>; print $line =~ /^(\\S+)/, "\\n";
}`;

for (const { backend, needs } of LOCAL_BACKENDS) {
  const createHome = () => TestHome.create({ MOAT_RUNTIME: "local", MOAT_LOCAL_BACKEND: backend });

  Deno.test({
    ...requires(...needs, "postgres", "redis"),
    name: `${backend}: a run finds the host's postgres and redis by name, with its own passwords`,
    async fn() {
      await using home = await createHome();
      const overrides = "{postgres: {env: {POSTGRES_INITDB_ARGS: --data-checksums}}}";
      await home.write(
        "moat.yaml",
        `dependencies: [psql, postgres, redis]\nservices: ${overrides}\n`,
      );
      await home.write("client.pl", REDIS_CLIENT);
      const script = [
        'psql "$MOAT_POSTGRES_URL" -qAtc "create table t (x int); insert into t values (42)"',
        'psql "$MOAT_POSTGRES_URL" -Atc "select x, current_user, current_database() from t"',
        'psql "$MOAT_POSTGRES_URL" -Atc "show data_checksums"',
        "PGPASSWORD=wrong psql -h postgres -U postgres -c 'select 1' 2>&1 | grep -o 'password.*failed'",
        "perl client.pl",
        "env >env.txt",
      ].join("\n");
      const output = await home.ok(["run", "--", "sh", "-ec", script]);
      assert.deepEqual(output.trim().split("\n"), [
        ...["42|postgres|postgres", "on", "password authentication failed"],
        ...["-NOAUTH", "-WRONGPASS", "+OK", "+PONG"],
      ]);
      const env = await Deno.readTextFile(join(home.project, "env.txt"));
      const passwords = [...env.matchAll(/^MOAT_\w+_PASSWORD=(.*)$/gm)].map(([, text]) => text);
      assert.equal(new Set(passwords).size, 2);
      assert.deepEqual(await leftBehind(home), []);
      for (const [path, text] of await filesOf(home.home)) {
        for (const password of passwords) {
          assert.ok(password?.length === 32 && !text.includes(password), path);
        }
      }
    },
  });

  Deno.test({
    ...requires(...needs, "postgres", "python"),
    name: `${backend}: examples/notes keeps notes in the host's postgres`,
    async fn() {
      await using home = await createHome();
      const run = home.spawn(["run", "--name", "notes", NOTES]);
      await run.stdin.close();
      const output = Promise.all([
        new Response(run.stdout).text(),
        new Response(run.stderr).text(),
      ]);
      const fetchInside = async (...args: readonly string[]) =>
        (await home.moat(["exec", "notes", "--", "python3", "-c", FETCH, ...args])).stdout;
      await until("the first answer", async () => await fetchInside("/notes") === "[]");
      await fetchInside("/", "text=%3Cb%3E+it%27s+%22quoted%22");
      assert.equal(await fetchInside("/notes"), '["<b> it\'s \\"quoted\\""]');
      assert.match(await fetchInside("/"), /<li>&lt;b&gt; it&#x27;s &quot;quoted&quot;<\/li>/);
      await home.ok(["stop", "notes"]);
      await run.status;
      await output;
      assert.deepEqual(await leftBehind(home), []);
    },
  });

  Deno.test({
    ...requires(...needs, "redis"),
    name: `${backend}: moat clean removes the services of a run whose owner was killed`,
    async fn() {
      await using home = await createHome();
      await home.write("moat.yaml", "dependencies: [redis]\n");
      const run = home.spawn(["run", "--", "sh", "-c", "echo up; exec sleep 100"]);
      const reader = run.stdout.getReader();
      await reader.read();
      assert.notDeepEqual(await leftBehind(home), []);
      run.kill("SIGKILL");
      await run.status;
      await Promise.all([reader.cancel(), run.stderr.cancel(), run.stdin.abort()]);
      await home.ok(["clean", "--force"]);
      assert.deepEqual(await leftBehind(home), []);
    },
  });

  Deno.test({
    ...requires(...needs),
    name: `${backend}: a server that the host lacks is named with what to do`,
    async fn() {
      await using home = await createHome();
      await home.write("moat.yaml", "dependencies: [mariadb, ollama]\n");
      const { code, stderr } = await home.moat(["run", "--", "true"]);
      assert.notEqual(code, 0);
      assert.match(stderr, /Cannot give the run "mariadb" on runtime "local"/);
      assert.match(stderr, /hint: .*--runtime docker/);
    },
  });
}

/** Prints the body of a page; with a form, posts it first. */
const FETCH = `import sys, urllib.request
path, *form = sys.argv[1:]
body = form[0].encode() if form else None
with urllib.request.urlopen("http://127.0.0.1:8080" + path, body, timeout=10) as answer:
    print(answer.read().decode(), end="")
`;

/** Sandboxes and namespaces of the home, and processes that were started with its files. */
async function leftBehind({ home }: TestHome): Promise<readonly string[]> {
  const left: string[] = [];
  for (const kind of ["sandboxes", "networks"]) {
    const directory = join(home, "store", "local", kind);
    try {
      for await (const { name } of Deno.readDir(directory)) left.push(`${kind}/${name}`);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  return left;
}

/** Every file below the directory, with its bytes as text. */
async function filesOf(directory: string): Promise<readonly (readonly [string, string])[]> {
  const found: (readonly [string, string])[] = [];
  for await (const { name, isDirectory, isFile } of Deno.readDir(directory)) {
    const path = join(directory, name);
    if (isDirectory) found.push(...await filesOf(path));
    if (isFile) found.push([path, new TextDecoder("latin1").decode(await Deno.readFile(path))]);
  }
  return found;
}
