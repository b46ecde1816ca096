import assert from "node:assert/strict";
import { requires } from "../../tests/helpers/machine.ts";
import { awaitRouterScript } from "./await_router.ts";

/** As the kernel tells it: a connection to port 8080, and who listens on 53 and on the other port. */
const sockets = (port: string) =>
  `  sl  local_address rem_address   st tx_queue rx_queue
   0: 0100007F:1F90 0100007F:D2F0 01 00000000:00000000 00:00000000 00000000     0
   1: 0100007F:0035 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0
   2: 0100007F:${port} 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0
`;

/** What the script's tries are, and what a hook behind it still says. */
async function run(listening: string): Promise<readonly string[]> {
  const file = await Deno.makeTempFile();
  try {
    await Deno.writeTextFile(file, sockets(listening));
    const script = awaitRouterScript(8080)
      .replaceAll("/proc/net/tcp", file)
      .replaceAll("sleep ", "echo pause ");
    const { code, stdout } = await new Deno.Command("sh", {
      args: ["-e", "-c", `${script}; echo hook`],
    }).output();
    assert.equal(code, 0);
    return new TextDecoder().decode(stdout).trimEnd().split("\n");
  } finally {
    await Deno.remove(file);
  }
}

Deno.test({
  name: "awaitRouterScript() returns at once where something listens, and the hook goes on",
  ...requires("linux"),
  fn: async () => assert.deepEqual(await run("1F90"), ["hook"]),
});

Deno.test({
  name: "awaitRouterScript() gives up after two seconds without failing",
  ...requires("linux"),
  fn: async () => assert.deepEqual(await run("1F91"), [...Array(100).fill("pause 0.02"), "hook"]),
});
