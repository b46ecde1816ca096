import assert from "node:assert/strict";
import { requires } from "../../../tests/helpers/machine.ts";
import { findInode, isOwnLoopbackPeer } from "./loopback_peer.ts";

const TABLE =
  `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:9C40 0100007F:1F90 01 00000000:00000000 00:00000000 00000000     0        0 4242 1 0
   1: 0100007F:1F90 0100007F:9C40 01 00000000:00000000 00:00000000 00000000     0        0 4343 1 0
`;

Deno.test("findInode() finds the socket whose own port is the connection's other end", () => {
  assert.equal(findInode(TABLE, { from: 40_000, to: 8080 }), "4242");
  assert.equal(findInode(TABLE, { from: 40_001, to: 8080 }), undefined);
});

Deno.test({
  name: "isOwnLoopbackPeer() tells this process from another",
  ...requires("linux"),
  async fn() {
    using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const { port } = listener.addr;
    const own = await Deno.connect({ hostname: "127.0.0.1", port });
    const accepted = await listener.accept();
    assert.equal(await isOwnLoopbackPeer(accepted), true);
    own.close();
    accepted.close();

    const code = `const c = await Deno.connect({ hostname: "127.0.0.1", port: ${port} });` +
      "await c.read(new Uint8Array(1));";
    const other = new Deno.Command(Deno.execPath(), { args: ["eval", code], stdin: "null" })
      .spawn();
    const foreign = await listener.accept();
    assert.equal(await isOwnLoopbackPeer(foreign), false);
    foreign.close();
    await other.status;
  },
});
