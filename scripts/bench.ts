/**
 * Measurements against a peer in the same run, printed as ratios.
 *
 *     deno task bench start      the compiled program: --version, list, run on local and docker
 *     deno task bench output     1 GiB through an attached run: throughput and peak memory
 *     deno task bench dial       a connection into a run, to the first byte (docker's need an engine)
 *     deno task bench accept     connections from inside runs (docker's need an engine)
 *     deno task bench docker     docker:dind's start, builds and storage (needs an engine)
 *     deno task bench images     plan to tag, the image check, builds (needs an engine)
 *     deno task bench services   readiness, templates, a run with a database (needs an engine)
 *     deno task bench plugins    plugins from elsewhere at the start, code of theirs
 *     deno task bench router     the router beside other proxies, 7 minutes; --quick for one minute
 *
 * Needs dist/moat (deno task compile; not for the router). Uses a MOAT_HOME of its own below the temporary directory.
 * Figures in docs/performance.md name the command that gave them.
 *
 * @module
 */

import { benchAccept } from "./bench_accept.ts";
import { benchDial } from "./bench_dial.ts";
import { benchDocker } from "./bench_docker.ts";
import { benchImages } from "./bench_images.ts";
import { benchOutput } from "./bench_output.ts";
import { benchPlugins } from "./bench_plugins.ts";
import { benchServices } from "./bench_services.ts";
import { benchRouter } from "./bench_router.ts";
import { benchStart } from "./bench_start.ts";

const BENCHES: Readonly<Record<string, (args: readonly string[]) => Promise<void>>> = {
  start: benchStart,
  output: benchOutput,
  images: benchImages,
  services: benchServices,
  dial: benchDial,
  accept: benchAccept,
  plugins: benchPlugins,
  docker: benchDocker,
  router: benchRouter,
};

async function main([name, ...args]: readonly string[]): Promise<number> {
  const bench = BENCHES[name ?? ""];
  if (bench === undefined) {
    console.error(`Usage: deno task bench ${Object.keys(BENCHES).join("|")}`);
    return 2;
  }
  await bench(args);
  return 0;
}

if (import.meta.main) Deno.exit(await main(Deno.args));
