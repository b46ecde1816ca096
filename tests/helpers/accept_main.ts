/**
 * A program that accepts connections from inside a container, says "hello" and then nothing more: for
 * tests of what is left of it when it is killed. Arguments: `docker` and the engine, or `local` with
 * backend and state directory; then home, container and port. Says "ready" when it accepts.
 *
 * @module
 */

import { openLocalRuntime } from "../../runtimes/local/local_runtime.ts";
import { docker } from "../../runtimes/docker/plugin.ts";
import type { Runtime } from "../../core/plugin/runtime.ts";

const [kind = "", where = "", stateDir = "", home = "", name = "", port = ""] = Deno.args;
const arch = Deno.build.arch === "aarch64" ? "arm64" : "amd64";
const environment = { os: "linux", arch, env: Deno.env.toObject(), stateDir, home } as const;
const runtime: Runtime = kind === "docker"
  ? await docker.open(environment, where)
  : openLocalRuntime(environment, {
    backend: where === "unshare" ? "unshare" : "bubblewrap",
    bubblewrap: "/usr/bin/bwrap",
  });
await runtime.accept?.(name, Number(port), {
  serve: (stream) => void stream.write(new TextEncoder().encode("hello")),
});
await Deno.stdout.write(new TextEncoder().encode("ready\n"));
await new Promise(() => setInterval(() => {}, 1000));
