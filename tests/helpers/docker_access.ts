/**
 * Homes for `docker:host` and `docker:dind`, and moat killed while it starts such a run.
 *
 * @module
 */

import { join } from "node:path";
import { type EngineTool, engineTool, homeObjects, unnamedVolumes } from "./engine_objects.ts";
import { TestHome } from "./moat.ts";
import { kill9 } from "./processes.ts";

/** Options of {@linkcode createDockerHome}. */
export interface DockerHomeOptions {
  /** More of moat.yaml. */
  readonly more?: string;
  /** Whether the project keeps its cache of builds: see {@linkcode removeCaches}. @default false */
  readonly cache?: boolean;
}

/** A home that takes Debian's packages, with a project of an ordinary user that wants `dependency`. */
export async function createDockerHome(
  target: string,
  dependency: "docker:host" | "docker:dind",
  { more = "", cache = false }: DockerHomeOptions = {},
): Promise<TestHome> {
  const home = await TestHome.create({
    MOAT_RUNTIME: "docker",
    DOCKER_HOST: target,
    MOAT_NO_SANDBOX: "1",
  });
  await Deno.mkdir(home.home, { recursive: true, mode: 0o700 });
  await Deno.writeTextFile(
    join(home.home, "config.yaml"),
    `docker: { packages: debian, build_cache: ${cache} }\n`,
  );
  await home.write("moat.yaml", `dependencies: ["${dependency}"]\n${more}`);
  await Deno.chown(home.project, 1000, 1000);
  return home;
}

/** Removes caches of builds, which moat itself keeps, when disposed. */
export function removeCaches(home: TestHome, docker: EngineTool): AsyncDisposable {
  return {
    async [Symbol.asyncDispose]() {
      const volumes = (await homeObjects(home, docker)).flatMap((text) =>
        text.startsWith("volume ") ? [text.slice("volume ".length)] : []
      );
      if (volumes.length > 0) await docker("volume", "rm", ...volumes);
    },
  };
}

/** What one killed start left. */
export interface DockerKill {
  readonly momentMs: number;
  /** Engine objects there were at the moment. */
  readonly found: number;
  /** What `moat clean` left, which should be nothing. */
  readonly left: readonly string[];
}

/** Kills moat with -9 so many milliseconds into the start of a `docker:dind` run, then cleans. */
export async function killDockerStart(target: string, momentMs: number): Promise<DockerKill> {
  const docker = engineTool(target);
  await using home = await createDockerHome(target, "docker:dind");
  const child = home.spawn(["run", "--trust", "--", "sleep", "600"]);
  const outputs = Promise.all([child.stdout.cancel(), child.stderr.cancel(), child.stdin.close()]);
  await new Promise((resolve) => setTimeout(resolve, momentMs));
  kill9(child.pid);
  await Promise.all([child.status, outputs]);
  const found = await homeObjects(home, docker);
  const names = found.filter((text) => text.startsWith("container "))
    .map((text) => text.slice("container ".length));
  const volumes = (await Promise.all(names.map((name) => unnamedVolumes(name, docker)))).flat();
  await home.ok(["clean", "--force"]);
  const present = (await docker("volume", "ls", "--quiet")).split("\n");
  const left = [
    ...await homeObjects(home, docker),
    ...volumes.filter((volume) => present.includes(volume)).map((volume) => `volume ${volume}`),
  ];
  return { momentMs, found: found.length, left };
}
