import assert from "node:assert/strict";
import { interruptible } from "./interruptible.ts";

async function pair(): Promise<[Deno.Conn, Deno.Conn]> {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  return await Promise.all([Deno.connect({ hostname: "127.0.0.1", port }), listener.accept()]);
}

Deno.test("interruptible() ends a read that waits when it is closed", async () => {
  const [near, far] = await pair();
  const connection = interruptible(near);
  const reading = connection.read(new Uint8Array(1));
  connection.close();
  await assert.rejects(reading, Deno.errors.Interrupted);
  far.close();
});

Deno.test("interruptible() tells the other side of its close", async () => {
  const [near, far] = await pair();
  const connection = interruptible(near);
  const reading = assert.rejects(connection.read(new Uint8Array(1)));
  connection.close();
  assert.equal(await far.read(new Uint8Array(1)), null);
  await reading;
  far.close();
});

Deno.test("interruptible() may be closed twice, and reads nothing afterwards", async () => {
  const [near, far] = await pair();
  const connection = interruptible(near);
  connection.close();
  connection.close();
  await assert.rejects(connection.read(new Uint8Array(1)), Deno.errors.BadResource);
  far.close();
});
