/**
 * The router alone on a port of its own, for `bench_router.ts`: what the daemon opens, without runs.
 *
 *     bench_router_front <endpoint's port> <number of routes>
 *
 * Prints its port. Serves `a.localhost` and as many other names as asked for.
 *
 * @module
 */

import { openRouter } from "../proxy/router/open_router.ts";

async function main([endpointPort = "", count = "1"]: readonly string[]): Promise<void> {
  const router = await openRouter({ ports: [0], log: (text) => console.error(text) });
  const connect = () => Deno.connect({ hostname: "127.0.0.1", port: Number(endpointPort) });
  for (let index = 0; index < Number(count); index++) {
    router.set({
      runId: `run_${index}`,
      runName: index === 0 ? "a" : `a-${index}`,
      endpoints: [{ name: "web", port: 3000 }, { name: "api", port: 3001 }],
      connect,
    });
  }
  console.log(router.port);
}

await main(Deno.args);
