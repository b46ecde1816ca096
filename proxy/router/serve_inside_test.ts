import assert from "node:assert/strict";
import { connect } from "node:http2";
import { fetchFrom } from "../../tests/helpers/fetch_from.ts";
import { createTestHome } from "../../tests/helpers/test_home.ts";
import { openAuthority } from "../tls/authority.ts";
import { openRouter } from "./open_router.ts";

/** A router with shop and lab, and a port that stands for the router's inside lab. */
async function createBench() {
  const home = await createTestHome();
  const { certificate } = await openAuthority(home.directory);
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    ({ headers }) => new Response(`${headers.get("host")} ${headers.get("forwarded")}`),
  );
  const router = await openRouter({
    ports: [0],
    log: () => {},
    authorityDirectory: home.directory,
  });
  const { port } = server.addr;
  for (const runName of ["shop", "lab"]) {
    router.set({
      runId: `run_${runName}`,
      runName,
      endpoints: [{ name: "web", port }],
      connect: () => Deno.connect({ hostname: "127.0.0.1", port }),
    });
  }
  const inside = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const accepting = (async () => {
    for await (const connection of inside) router.serve(connection, { runId: "run_lab" });
  })();
  return {
    router,
    certificate,
    port: inside.addr.port,
    async [Symbol.asyncDispose]() {
      inside.close();
      await accepting;
      await router[Symbol.asyncDispose]();
      await server.shutdown();
      await home[Symbol.asyncDispose]();
    },
  };
}

type Bench = Awaited<ReturnType<typeof createBench>>;

/** One request over HTTP/2, inside TLS or by prior knowledge. */
async function askH2(
  { port, certificate }: Bench,
  host: string,
  { scheme }: { readonly scheme: "http" | "https" },
): Promise<{ readonly status: number; readonly body: string }> {
  const session = connect(`${scheme}://127.0.0.1:${port}`, {
    ca: certificate,
    servername: host,
    checkServerIdentity: () => undefined,
  });
  const { promise, resolve, reject } = Promise.withResolvers<{ status: number; body: string }>();
  session.on("error", reject);
  const stream = session.request({ ":authority": host, ":path": "/" });
  let status = 0;
  let body = "";
  stream.on("response", (headers) => status = Number(headers[":status"]));
  stream.setEncoding("utf8");
  stream.on("data", (text) => body += text);
  stream.on("end", () => resolve({ status, body }));
  stream.on("error", reject);
  try {
    return await promise;
  } finally {
    session.destroy();
  }
}

/** One request over HTTP/1.1 inside TLS. */
async function askTls({ port, certificate }: Bench, host: string) {
  const connection = await Deno.connect({ hostname: "127.0.0.1", port });
  using inside = await Deno.startTls(connection, { hostname: host, caCerts: [certificate] });
  const request = `GET / HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`;
  await inside.write(new TextEncoder().encode(request));
  const text = await new Response(inside.readable).text();
  const [head = "", body = ""] = text.split("\r\n\r\n");
  return { status: Number(head.split(" ")[1]), body };
}

const WAYS: Readonly<
  Record<
    string,
    (bench: Bench, host: string) => Promise<{ readonly status: number; readonly body: string }>
  >
> = {
  "HTTP/1.1": ({ port }, host) => fetchFrom(port, { host }),
  "HTTP/1.1 inside TLS": askTls,
  "HTTP/2 by prior knowledge": (bench, host) => askH2(bench, host, { scheme: "http" }),
  "HTTP/2 inside TLS": (bench, host) => askH2(bench, host, { scheme: "https" }),
};

for (const [way, ask] of Object.entries(WAYS)) {
  Deno.test(`a run reaches its own endpoints and no others by ${way}`, async () => {
    await using bench = await createBench();
    const own = await ask(bench, "web.lab.localhost");
    assert.equal(own.status, 200);
    assert.match(own.body, /^web\.lab\.localhost for=127\.0\.0\.1;/);
    const other = await ask(bench, "web.shop.localhost");
    assert.equal(other.status, 403);
    assert.match(other.body, /run:shop\/web/);
    // The machine itself is told of no such limit.
    const { router } = bench;
    const { status } = await fetchFrom(router.port, { host: "web.shop.localhost" });
    assert.equal(status, 200);
  });
}

Deno.test("a run that is not served gets no answer", async () => {
  await using bench = await createBench();
  bench.router.delete("run_lab");
  const { head, body } = await fetchFrom(bench.port, { host: "web.lab.localhost" });
  assert.deepEqual([head, body], ["", ""]);
});
