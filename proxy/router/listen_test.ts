import assert from "node:assert/strict";
import { MoatError } from "../../core/errors.ts";
import { listen, type OpenPort } from "./listen.ts";

function closeAll({ listeners }: OpenPort): void {
  for (const listener of listeners) listener.close();
}

/** A port that this process holds. */
function takePort(): { readonly port: number } & Disposable {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return { port: listener.addr.port, [Symbol.dispose]: () => listener.close() };
}

Deno.test("listen() takes the loopback addresses and no others", async () => {
  const open = await listen([0]);
  const addresses = open.listeners.map(({ addr }) => addr.transport === "tcp" && addr.hostname);
  assert.equal(addresses[0], "127.0.0.1");
  assert(addresses.every((address) => address === "127.0.0.1" || address === "::1"));
  assert.equal(open.taken, undefined);
  closeAll(open);
});

Deno.test("listen() refuses a taken port and names who has it", async () => {
  using taken = takePort();
  await assert.rejects(listen([taken.port]), (error: unknown) => {
    assert(error instanceof MoatError);
    const who = Deno.build.os === "linux" ? `pid ${Deno.pid}` : "another program";
    assert(
      error.message.includes(String(taken.port)) && error.message.includes(who),
      error.message,
    );
    return true;
  });
});

Deno.test("listen() moves on to the next port and says which one was taken", async () => {
  using taken = takePort();
  const open = await listen([taken.port, 0]);
  assert.notEqual(open.port, taken.port);
  assert.equal(open.taken?.port, taken.port);
  closeAll(open);
});

Deno.test("listen() does not take a port that is free on one address only", async () => {
  const open = await listen([0]);
  if (open.listeners.length === 2) {
    open.listeners[0]?.close();
    await assert.rejects(listen([open.port]), MoatError);
    open.listeners[1]?.close();
  } else closeAll(open);
});
