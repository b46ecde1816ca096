/**
 * The router alone on a port of its own, for `bench_router.ts`: what the daemon opens, without runs.
 *
 *     bench_router_front <endpoint's port> <number of routes> [<port of api> <authority's directory>]
 *
 * Prints its port. Serves `a.localhost` and as many other names as asked for.
 *
 * @module
 */

import { openRouter } from "../proxy/router/open_router.ts";

const API_PORT = 3001;

async function main(
  [webPort = "", count = "1", apiPort = webPort, authorityDirectory]: readonly string[],
): Promise<void> {
  const log = (text: string) => console.error(text);
  const tls = authorityDirectory === undefined ? {} : { authorityDirectory };
  const router = await openRouter({ ports: [0], log, ...tls });
  const connect = (port: number) =>
    Deno.connect({ hostname: "127.0.0.1", port: Number(port === API_PORT ? apiPort : webPort) });
  for (let index = 0; index < Number(count); index++) {
    router.set({
      runId: `run_${index}`,
      runName: index === 0 ? "a" : `a-${index}`,
      endpoints: [{ name: "web", port: 3000 }, { name: "api", port: API_PORT }],
      connect,
    });
  }
  console.log(router.port);
}

await main(Deno.args);
