/**
 * `docker:host` and `docker:dind` on real engines, with Debian's packages. Their images take a minute
 * where nothing is cached; the BuildKit beside a run is moby/buildkit.
 */

import assert from "node:assert/strict";
import { join } from "node:path";
import {
  type EngineTool,
  engineTool,
  homeObjects,
  unnamedVolumes,
} from "../helpers/engine_objects.ts";
import { createDockerHome, killDockerStart, removeCaches } from "../helpers/docker_access.ts";
import { requires, testEngines } from "../helpers/machine.ts";
import { TestHome } from "../helpers/moat.ts";
import { until } from "../helpers/until.ts";

/** Builds an image around one program; says how many steps were cached. */
const BUILD = `
mkdir -p context/root
cp --parents --dereference /bin/cat $(ldd /bin/cat | grep -o '/[^ ]*') context/root
printf 'FROM scratch\\nCOPY root /\\nCMD ["/bin/cat", "/etc/resolv.conf"]\\n' >context/Dockerfile
docker build --progress plain --tag made context >build.log 2>&1
echo "cached: $(grep -c 'CACHED' build.log || :)"
`;

const WAIT_FOR_GO = "while [ ! -e go ]; do sleep 0.05; done";

const LOOK_AROUND = `
echo "uid: $(id -u)"
echo "driver: $(docker info --format '{{.Driver}}')"
echo "address: $BUILDKIT_HOST $NO_PROXY"
${BUILD}
echo "known: $(grep -c ExtServers /etc/resolv.conf || :)"
echo "made: $(docker run --rm made | grep -m 1 nameserver)"
tar -C context/root -c . | docker import --change 'CMD ["/bin/cat", "/etc/resolv.conf"]' - loaded >/dev/null
docker save loaded >loaded.tar && docker image rm loaded >/dev/null && docker load --quiet --input loaded.tar >/dev/null
echo "loaded: $(docker run --rm loaded | grep -m 1 nameserver)"
echo "containers: $(docker ps --all --quiet | wc -l)"
echo "own cache: $(docker buildx du --builder default --verbose | grep -c '^ID')"
touch ready
${WAIT_FOR_GO}
exit 7
`;

async function runId(home: TestHome, name: string): Promise<string> {
  const runs: unknown = JSON.parse(await home.ok(["list", "--json"]));
  const found = Array.isArray(runs) ? runs.find((run) => run?.name === name) : undefined;
  assert(typeof found?.id === "string", `no run "${name}"`);
  return found.id;
}

/** What the script printed as `name: value`. */
function facts(stdout: string): Readonly<Record<string, string>> {
  const lines = stdout.split("\n").filter((line) => line.includes(": "));
  return Object.fromEntries(lines.map((line) => {
    const at = line.indexOf(": ");
    return [line.slice(0, at), line.slice(at + 2).trim()];
  }));
}

async function exists(path: string): Promise<boolean> {
  try {
    await Deno.stat(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** Starts a run and waits until its script has made the file `ready`. */
async function startUntilReady(
  home: TestHome,
  { name, script }: { readonly name: string; readonly script: string },
): Promise<
  { readonly id: string; end(): Promise<{ code: number; stdout: string; stderr: string }> }
> {
  const ready = join(home.project, "ready");
  const running = home.moat(["run", "--trust", "--name", name, "--", "sh", "-euc", script]);
  let over = false;
  running.then(() => over = true);
  await until(`"${name}" ready`, async () => over || await exists(ready), { timeoutMs: 240_000 });
  if (over) {
    const { code, stdout, stderr } = await running;
    assert.fail(`"${name}" ended with ${code}\n${stdout}${stderr}`);
  }
  await Deno.remove(ready);
  return {
    id: await runId(home, name),
    end: async () => {
      await home.write("go", "");
      const outcome = await running;
      await Deno.remove(join(home.project, "go"));
      return outcome;
    },
  };
}

async function assertGone(volumes: readonly string[], docker: EngineTool): Promise<void> {
  const left = await docker("volume", "ls", "--quiet");
  assert.deepEqual(volumes.filter((volume) => left.includes(volume)), []);
}

for (const [index, target] of testEngines().entries()) {
  const label = `docker ${index + 1}`;
  const options = requires("docker", "root");
  const docker = engineTool(target);

  Deno.test({
    name: `${label}: docker:host is refused until trusted, then lists the host's containers`,
    ...options,
    fn: async () => {
      await using home = await createDockerHome(target, "docker:host");
      const script = 'id -u; echo "${DOCKER_HOST-unset}"; docker ps --format "{{.Names}}"';
      const command = ["--name", "lister", "--", "sh", "-c", script];
      const refused = await home.moat(["run", ...command]);
      assert.equal(refused.code, 125, refused.stderr);
      assert.match(refused.stderr, /docker:host .*root on this machine/);
      const { code, stdout, stderr } = await home.moat(["run", "--trust", ...command]);
      assert.equal(code, 0, stderr);
      const [uid, address, ...names] = stdout.trim().split("\n");
      assert.deepEqual([uid, address], ["1000", "unset"]);
      assert(names.includes(`moat-${await runId(home, "lister")}`), stdout);
      assert.match(stderr, /warning: "docker:host" hands over this machine's Docker/);
    },
  });

  Deno.test({
    name: `${label}: docker:dind has an engine of its own, builds beside it, and leaves nothing`,
    ...options,
    fn: async () => {
      // Without DNS: the names of companions need none.
      const more = "container: { dns: [192.0.2.1] }\n";
      await using home = await createDockerHome(target, "docker:dind", { more, cache: true });
      await using _caches = removeCaches(home, docker);
      const one = await startUntilReady(home, { name: "one", script: LOOK_AROUND });
      const sidecar = `moat-buildkit-${one.id}`;
      const volumes = await unnamedVolumes(`moat-${one.id}`, docker);
      assert.equal(volumes.length, 1, "the engine's images lie on a volume without a name");
      const history = await docker(
        ...["exec", sidecar, "buildctl", "--addr", "tcp://127.0.0.1:1234", "debug", "histories"],
      );
      assert.match(history, /COMPLETE/);
      assert.equal(await docker("port", sidecar), "", "nothing is published");
      const first = await one.end();
      assert.equal(first.code, 7, first.stderr);
      const { made, loaded, known, ...rest } = facts(first.stdout);
      assert.deepEqual(rest, {
        uid: "1000",
        driver: "overlay2",
        address: "tcp://buildkit:1234 buildkit",
        cached: "0",
        containers: "0",
        "own cache": "0",
      });
      // Engines that say whom they ask for names, for the containers of the engine inside.
      assert.equal(made, `nameserver ${known === "1" ? "192.0.2.1" : "8.8.8.8"}`);
      assert.equal(loaded, made);
      assert.match(first.stderr, /warning: The run is privileged/);

      const events = await Deno.readTextFile(join(home.home, "store/runs", one.id, "events.jsonl"));
      const privileged = events.trim().split("\n").map((line) => JSON.parse(line))
        .filter(({ type }) => type === "privileged").map(({ container }) => container);
      assert.deepEqual(privileged.sort(), [sidecar, `moat-${one.id}`]);

      const again = await home.ok(["run", "--", "sh", "-euc", BUILD]);
      assert.equal(facts(again).cached, "1", "the project's cache is kept");

      await home.ok(["destroy", "-f", one.id]);
      const [cache, ...left] = await homeObjects(home, docker);
      assert.match(cache ?? "", /^volume moat-project-buildkit-/);
      assert.deepEqual(left, []);
      await assertGone(volumes, docker);
    },
  });

  Deno.test({
    name: `${label}: two docker:dind runs at once do not see each other`,
    ...options,
    fn: async () => {
      await using home = await createDockerHome(target, "docker:dind", { cache: true });
      await using _caches = removeCaches(home, docker);
      const script = (name: string) =>
        `${BUILD}
        docker tag made only-${name}
        docker create --name container-${name} made >/dev/null
        touch ready
        ${WAIT_FOR_GO}
        docker ps --all --format '{{.Names}}'
        docker images --format '{{.Repository}}' | grep only`;
      const one = await startUntilReady(home, { name: "one", script: script("one") });
      const two = await startUntilReady(home, { name: "two", script: script("two") });
      const [first, second] = [await one.end(), await two.end()];
      assert.equal(first.stdout, "cached: 0\ncontainer-one\nonly-one\n", first.stderr);
      assert.equal(second.stdout, "cached: 0\ncontainer-two\nonly-two\n", second.stderr);
      assert.match(second.stderr, /"buildkit" starts without its cache: run "one" has it/);
    },
  });

  for (
    const [what, program, said] of [
      ["ends", "echo the disk is on fire; exit 3", /dockerd has ended\n[^]*the disk is on fire/],
      ["hangs", "exec sleep 1000", /dockerd did not answer within 1 s/],
    ] as const
  ) {
    Deno.test({
      name:
        `${label}: a dockerd that ${what} fails the run with its last lines, and nothing is left`,
      ...options,
      fn: async () => {
        await using home = await createDockerHome(target, "docker:dind", {
          more: "env: { PATH: '/workspace/bin:/usr/sbin:/usr/bin:/sbin:/bin' }\n",
        });
        await Deno.mkdir(join(home.project, "bin"));
        await home.write("bin/dockerd", `#!/bin/sh\n${program}\n`);
        await Deno.chmod(join(home.project, "bin/dockerd"), 0o755);
        const { code, stderr } = await home.moat(["run", "--trust", "--", "true"], {
          env: { MOAT_DIND_TIMEOUT: "1" },
        });
        assert.equal(code, 125, stderr);
        assert.match(stderr, said);
        assert.match(stderr, /Cannot start the run: dockerd did not start/);
        assert.deepEqual(await homeObjects(home, docker), []);
      },
    });
  }

  // The short form of `deno task soak docker`.
  Deno.test({
    name: `${label}: kill -9 while docker:dind starts leaves nothing behind moat clean`,
    ...options,
    fn: async () => {
      for (const momentMs of [700, 1600]) {
        assert.deepEqual((await killDockerStart(target, momentMs)).left, [], `${momentMs} ms`);
      }
    },
  });
}

Deno.test({
  name: "Docker inside is refused on a runtime without an engine",
  ...requires("linux"),
  fn: async () => {
    await using home = await TestHome.create();
    for (
      const [dependency, ability] of [["docker:host", "hostSocket"], ["docker:dind", "privileged"]]
    ) {
      await home.write("moat.yaml", `dependencies: ["${dependency}"]\n`);
      const { code, stderr } = await home.moat(["plan", "--runtime", "local"]);
      assert.equal(code, 125, stderr);
      assert(stderr.includes(`dependency "${dependency}" on runtime "local"`), stderr);
      assert(stderr.includes(`no ability "${ability}"`), stderr);
      assert.match(stderr, /hint: .*--runtime/);
    }
  },
});

Deno.test({
  name: "both modes of Docker are refused under gVisor, with the setting that helps",
  ...requires("gvisor"),
  fn: async () => {
    await using home = await TestHome.create({ MOAT_RUNTIME: "docker" });
    for (const dependency of ["docker:host", "docker:dind"]) {
      await home.write("moat.yaml", `dependencies: ["${dependency}"]\n`);
      const { code, stderr } = await home.moat(["plan"]);
      assert.equal(code, 125, stderr);
      assert.match(stderr, new RegExp(`"${dependency}" under gVisor`));
      assert.match(stderr, /hint: Write sandbox: none in moat.yaml/);
    }
  },
});
