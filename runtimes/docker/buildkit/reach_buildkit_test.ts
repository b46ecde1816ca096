import assert from "node:assert/strict";
import { UnavailableError, UsageError } from "../../../core/errors.ts";
import { needsLoopback } from "./grpc_joint.ts";
import { reachEngine, reachRemote, remoteAddress } from "./reach_buildkit.ts";
import { loadServices } from "./services.ts";

const ADDRESSES: readonly (readonly [host: string, address: string])[] = [
  ["tcp://buildkit:1234", "dns:buildkit:1234"],
  ["tcp://127.0.0.1:1234", "dns:127.0.0.1:1234"],
  ["tcp://[::1]:1234", "ipv6:[::1]:1234"],
  ["unix:///run/buildkit/buildkitd.sock", "unix:/run/buildkit/buildkitd.sock"],
];

for (const [host, address] of ADDRESSES) {
  Deno.test(`remoteAddress() of ${host}`, () => assert.equal(remoteAddress(host), address));
}

for (
  const host of [
    "buildkit:1234",
    "tcp://buildkit",
    "docker-container://x",
    "unix://",
    "tcp://a:1/b",
  ]
) {
  Deno.test(`remoteAddress() refuses ${host}`, () => {
    assert.throws(() => remoteAddress(host), UsageError);
  });
}

/** Answers every connection with these bytes and closes it. */
function answering(text: string): Disposable & { connect(): Promise<Deno.Conn> } {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const serving = (async () => {
    for await (const connection of listener) {
      await connection.read(new Uint8Array(4096));
      await connection.write(new TextEncoder().encode(text));
      connection.close();
    }
  })();
  const { port } = listener.addr;
  return {
    connect: () => Deno.connect({ hostname: "127.0.0.1", port }),
    [Symbol.dispose]() {
      listener.close();
      void serving;
    },
  };
}

Deno.test("reachEngine() finds no BuildKit in an engine that knows neither way", async () => {
  const services = await loadServices();
  for (const status of ["404 Not Found", "400 Bad Request"]) {
    using engine = answering(`HTTP/1.1 ${status}\r\nContent-Length: 0\r\n\r\n`);
    const found = await reachEngine(engine.connect, { services, signal: undefined });
    assert.equal(found, undefined, status);
  }
});

Deno.test("reachEngine() takes no refusal for an absent BuildKit", async () => {
  const services = await loadServices();
  using engine = answering("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n");
  await assert.rejects(
    reachEngine(engine.connect, { services, signal: undefined }),
    /the engine answered "HTTP\/1.1 403 Forbidden"/,
  );
});

Deno.test({
  name: "reachRemote() says at once that nothing answers",
  ignore: needsLoopback(),
  async fn() {
    const services = await loadServices();
    const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const { port } = listener.addr;
    listener.close();
    await assert.rejects(
      reachRemote(`tcp://127.0.0.1:${port}`, { services, signal: undefined }),
      UnavailableError,
    );
  },
});
