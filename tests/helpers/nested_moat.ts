/**
 * A moat inside a run with `docker:dind`: from source, as programs on the 2.7 runtime cannot build over
 * BUILDKIT_HOST.
 *
 * @module
 */

import { resolve } from "node:path";
import { createDockerHome } from "./docker_access.ts";

const INNER = `
cp -r /deno-dir /tmp/deno-dir
mkdir inner
printf 'sandbox: none\\nhooks:\\n  post_build: echo made inside >~/mark\\n' >inner/moat.yaml
export DENO_DIR=/tmp/deno-dir MOAT_HOME=/tmp/moat-home
deno run --quiet --no-check --cached-only --allow-all /moat/main.ts \
  run --trust --runtime docker inner -- cat /home/moatuser/mark
docker buildx du | tail -n 1
`;

/** What the run printed: the inner run's output, and how much the BuildKit beside it then keeps. */
export async function runMoatInside(
  target: string,
): Promise<{ readonly code: number; readonly stdout: string; readonly stderr: string }> {
  await using home = await createDockerHome(target, "docker:dind");
  const denoDir = await new Deno.Command(Deno.execPath(), { args: ["info", "--json"] }).output();
  const cache: unknown = JSON.parse(new TextDecoder().decode(denoDir.stdout));
  const mounts = [
    `${await Deno.realPath(Deno.execPath())}:/usr/local/bin/deno:ro`,
    `${resolve(import.meta.dirname ?? ".", "..", "..")}:/moat:ro`,
    `${Object(cache).denoDir}:/deno-dir:ro`,
  ].flatMap((mount) => ["--mount", mount]);
  return await home.moat(["run", "--trust", ...mounts, "--", "sh", "-euc", INNER]);
}
