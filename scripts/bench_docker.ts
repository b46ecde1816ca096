/**
 * `deno task bench docker`: the private engine's start against a bare dockerd, builds beside it
 * against the outer engine's, overlay2 against vfs. With Debian's packages.
 *
 * @module
 */

import { resolve } from "node:path";

/** In turn, so that a noisy neighbour hits all alike. */
const ROUNDS = 5;
const BUILD_ROUNDS = 3;
const MODES = [["host", "the outer engine"], ["dind", "beside docker:dind"]] as const;

const HELPERS = `
now() { date +%s%3N; }
cat >/tmp/await <<'END'
use IO::Socket::UNIX;
while (1) {
  if (my $s = IO::Socket::UNIX->new(Peer => "/var/run/docker.sock")) {
    print $s "GET /_ping HTTP/1.0\\r\\n\\r\\n"; $s->flush; my $a = <$s>; exit 0 if $a =~ / 200 /;
  }
  select undef, undef, undef, 0.03;
}
END
bare() { setsid dockerd "$@" >/dev/null 2>&1 </dev/null & perl /tmp/await; }
end() {
  kill "$(cat /var/run/docker.pid)"
  while [ -e /var/run/docker.pid ]; do sleep 0.05; done
}
`;

/** The init's step and a dockerd alone, in one container. */
const START = `${HELPERS}
steps=/usr/local/lib/moat/init.d
for round in $(seq 0 ${ROUNDS}); do
  from=$(now); bare; to=$(now); [ "$round" = 0 ] || echo "dockerd alone: $((to - from))"
  from=$(now); end; to=$(now); [ "$round" = 0 ] || echo "its end: $((to - from))"
  from=$(now); sh -eu $steps/dockerd.start >/dev/null; to=$(now)
  [ "$round" = 0 ] || echo "docker:dind: $((to - from))"
  from=$(now); sh -eu $steps/dockerd.stop; to=$(now)
  [ "$round" = 0 ] || echo "its stop: $((to - from))"
  while [ -e /var/run/docker.pid ]; do sleep 0.05; done
done
`;

/** Loads an image and runs it, with either way of storing. */
const STORAGE = `${HELPERS}
for driver in overlay2 vfs; do
  bare --storage-driver $driver --data-root /var/lib/docker/$driver
  from=$(now); docker load --quiet --input /image.tar >/dev/null; to=$(now)
  echo "load, $driver: $((to - from))"
  for round in $(seq ${ROUNDS}); do
    from=$(now); docker run --rm --network none debian:trixie-slim true; to=$(now)
    echo "run, $driver: $((to - from))"
  done
  docker create debian:trixie-slim true >/dev/null
  echo "MiB with one container, $driver: $(du -sm /var/lib/docker/$driver | cut -f1)"
  end
done
`;

/** One build without cache. */
const BUILD = `
mkdir -p context
printf 'FROM debian:trixie-slim\\nRUN cp -a /usr/share /copy && find /copy -type f -exec sha256sum {} + >/sums\\nRUN rm -r /copy\\n' >context/Dockerfile
from=$(date +%s%3N)
docker build --quiet --no-cache --tag measured context >/dev/null 2>&1
echo "build, $WHERE: $(($(date +%s%3N) - from))"
docker image rm measured >/dev/null
`;

/** Prints the tables. */
export async function benchDocker(): Promise<void> {
  const moat = Deno.env.get("MOAT_TEST_BINARY") ?? resolve("dist/moat");
  const directory = await Deno.makeTempDir({ prefix: "moat-bench-" });
  const env = { MOAT_HOME: `${directory}/home`, NO_COLOR: "1" };
  try {
    await Deno.mkdir(env.MOAT_HOME);
    await Deno.writeTextFile(
      `${env.MOAT_HOME}/config.yaml`,
      "docker: { packages: debian }\n",
    );
    const times = new Map<string, number[]>();
    const take = async (argv: readonly string[], cwd?: string) => {
      const output = await run(argv, { env, ...(cwd === undefined ? {} : { cwd }) });
      for (const [, name = "", ms] of output.matchAll(/^(.+): (\d+)$/gm)) {
        times.set(name, [...times.get(name) ?? [], Number(ms)]);
      }
    };
    // The first of each is not counted: it fetches the base.
    for (let round = 0; round <= BUILD_ROUNDS; round++) {
      for (const [mode, where] of MODES) {
        const project = `${directory}/${mode}`;
        await Deno.mkdir(project, { recursive: true });
        await Deno.writeTextFile(`${project}/moat.yaml`, `dependencies: ["docker:${mode}"]\n`);
        const words = ["run", "--trust", "--isolation", "none", "--env", `WHERE=${where}`];
        await take([moat, ...words, "--", "sh", "-c", BUILD], project);
      }
      if (round === 0) times.clear();
    }
    const plan: unknown = JSON.parse(
      await run([moat, "plan", "--json", "--isolation", "none"], { env, cwd: `${directory}/dind` }),
    );
    const image = String(Object(Object(plan).image).tag);
    const cache = String(Object(plan).sidecars[0].mounts[0].source);
    await run(["docker", "volume", "rm", cache], { env });
    const archive = `${directory}/image.tar`;
    await run(["docker", "save", "--output", archive, "debian:trixie-slim"], { env });
    const container = ["docker", "run", "--rm", "--privileged", "--volume", "/var/lib/docker"];
    const shell = ["--volume", `${archive}:/image.tar:ro`, "--entrypoint", "sh", image, "-c"];
    await take([...container, ...shell, START]);
    await take([...container, ...shell, STORAGE]);
    print(times);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

/** What each is compared with. */
const AGAINST: Readonly<Record<string, string>> = {
  "docker:dind": "dockerd alone",
  "its stop": "its end",
  "build, beside docker:dind": "build, the outer engine",
  "load, vfs": "load, overlay2",
  "run, vfs": "run, overlay2",
  "MiB with one container, vfs": "MiB with one container, overlay2",
};

function print(times: ReadonlyMap<string, readonly number[]>): void {
  for (const [name, values] of times) {
    const value = median(values);
    const peer = AGAINST[name];
    const base = peer === undefined ? undefined : times.get(peer);
    const ratio = base === undefined ? "" : `  ${(value / median(base)).toFixed(2)} × ${peer}`;
    const unit = name.startsWith("MiB") ? "MiB" : "ms";
    console.log(`${name.padEnd(40)} ${String(value).padStart(7)} ${unit}${ratio}`);
  }
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? NaN;
}

async function run(
  [program = "", ...args]: readonly string[],
  options: { readonly env: Record<string, string>; readonly cwd?: string },
): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(program, {
    args,
    ...options,
    stdin: "null",
  }).output();
  if (!success) throw new Error(`${program}: ${new TextDecoder().decode(stderr)}`);
  return new TextDecoder().decode(stdout);
}
