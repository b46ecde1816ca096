import assert from "node:assert/strict";
import { bridgeProgram } from "./bridge_script.ts";
import type { RelayMachine } from "./checked_connect.ts";
import { serveRelay, type ServeRelayOptions } from "./serve_relay.ts";
import { writeAll } from "./write_all.ts";

const OWN = [{ address: "192.0.2.1", cidr: "192.0.2.1/24" }];

/** A machine whose outside is a server of the test's own, whatever the address. */
function machineOf(server: Deno.TcpListener, names: Record<string, readonly string[]> = {}) {
  const connected: string[] = [];
  const resolved: string[] = [];
  const machine: RelayMachine = {
    resolve(name) {
      resolved.push(name);
      const addresses = names[name];
      return addresses ? Promise.resolve(addresses) : Promise.reject(new Error("no such name"));
    },
    ownAddresses: () => OWN,
    async connect(address, port) {
      connected.push(`${address}:${port}`);
      const connection = await Deno.connect({ port: server.addr.port });
      // Both ends are on the loopback here, which a relay takes for the host itself.
      return Object.create(connection, {
        remoteAddr: { value: { transport: "tcp", hostname: address, port } },
        read: { value: (buffer: Uint8Array) => connection.read(buffer) },
        write: { value: (buffer: Uint8Array) => connection.write(buffer) },
        close: { value: () => connection.close() },
        closeWrite: { value: () => connection.closeWrite() },
        localAddr: { value: connection.localAddr },
      });
    },
  };
  return { machine, connected, resolved };
}

/** Serves connections with the handler until disposed. */
function serve(handle: (connection: Deno.TcpConn) => Promise<void>) {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const open: Promise<void>[] = [];
  const accepting = (async () => {
    for await (const connection of listener) {
      open.push(
        handle(connection).catch(() => undefined).finally(() => {
          try {
            connection.close();
          } catch {
            // The handler closed it.
          }
        }),
      );
    }
  })();
  return {
    listener,
    async [Symbol.asyncDispose]() {
      listener.close();
      await accepting;
      await Promise.all(open);
    },
  };
}

async function readAll(connection: Deno.Conn): Promise<string> {
  let text = "";
  const buffer = new Uint8Array(65536);
  for (let n = await connection.read(buffer); n !== null; n = await connection.read(buffer)) {
    text += new TextDecoder("latin1").decode(buffer.subarray(0, n));
  }
  return text;
}

const bytes = (text: string) => new TextEncoder().encode(text);

async function withRelay<T>(
  options: ServeRelayOptions,
  use: (path: string) => Promise<T>,
): Promise<T> {
  const directory = await Deno.makeTempDir();
  try {
    await using _relay = await serveRelay(`${directory}/s`, options);
    return await use(`${directory}/s`);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

async function ask(path: string, text: string): Promise<string> {
  using connection = await Deno.connect({ transport: "unix", path });
  await writeAll(connection, bytes(text));
  await connection.closeWrite();
  return await readAll(connection);
}

Deno.test("the relay connects to the address that it checked, asked for once", async () => {
  await using server = serve(async (connection) => {
    await connection.read(new Uint8Array(1024));
    await writeAll(connection, bytes("HTTP/1.1 200 OK\r\n\r\nbody"));
  });
  const outside = machineOf(server.listener, {
    "mixed.example": ["127.0.0.1", "192.0.2.1", "::ffff:10.0.0.1", "198.51.100.7"],
  });
  const answer = await withRelay(
    outside,
    (path) => ask(path, "GET http://mixed.example/x HTTP/1.1\r\nHost: mixed.example\r\n\r\n"),
  );
  assert.match(answer, /body$/);
  assert.deepEqual(outside.resolved, ["mixed.example"]);
  assert.deepEqual(outside.connected, ["::ffff:10.0.0.1:80"]);
});

Deno.test("the relay refuses names that mean the host, with the reason", async () => {
  await using server = serve(() => Promise.resolve());
  const outside = machineOf(server.listener, {
    "rebound.example": ["127.0.0.1"],
    "own.example": ["192.0.2.1"],
    "mapped.example": ["::ffff:127.0.0.1"],
    "metadata.example": ["169.254.169.254"],
    "nowhere.example": [],
  });
  await withRelay(outside, async (path) => {
    const cases = [
      ["rebound.example", /^HTTP\/1\.1 403 moat: .*127\.0\.0\.1 is the host's loopback/],
      ["own.example", /^HTTP\/1\.1 403 moat: .*an address of the host itself/],
      ["mapped.example", /^HTTP\/1\.1 403 /],
      ["metadata.example", /^HTTP\/1\.1 403 .*link-local/],
      ["nowhere.example", /^HTTP\/1\.1 502 .*has no address/],
      ["unknown.example", /^HTTP\/1\.1 502 .*cannot resolve/],
      ["localhost", /^HTTP\/1\.1 403 /],
    ] as const;
    for (const [host, expected] of cases) {
      assert.match(await ask(path, `CONNECT ${host}:443 HTTP/1.1\r\n\r\n`), expected, host);
    }
    assert.match(await ask(path, "GET / HTTP/1.1\r\n\r\n"), /^HTTP\/1\.1 400 moat: /);
  });
  assert.deepEqual(outside.connected, []);
});

Deno.test("a relay that is told what it may reach leads nowhere else", async () => {
  await using server = serve((connection) => writeAll(connection, bytes("banner")));
  const outside = machineOf(server.listener, {
    "api.example": ["198.51.100.7"],
    "API.example": ["198.51.100.7"],
    "other.example": ["198.51.100.8"],
    "rebound.example": ["127.0.0.1"],
  });
  const reach = ["api.example:443", "rebound.example:443"];
  await withRelay({ ...outside, reach }, async (path) => {
    const connect = (place: string) => ask(path, `CONNECT ${place} HTTP/1.1\r\n\r\n`);
    assert.match(await connect("api.example:443"), /^HTTP\/1\.1 200 [^]*banner$/);
    assert.match(await connect("API.example:443"), /^HTTP\/1\.1 200 /);
    for (
      const place of [
        "api.example:80",
        "api.example.:443",
        "other.example:443",
        "198.51.100.7:443",
        "sub.api.example:443",
      ]
    ) {
      assert.match(await connect(place), /^HTTP\/1\.1 403 .*none of the declared servers/, place);
    }
    assert.match(
      await ask(path, "GET http://api.example/ HTTP/1.1\r\nHost: api.example:443\r\n\r\n"),
      /^HTTP\/1\.1 403 .*none of the declared/,
    );
    // What is declared is outside, whatever its owner says about its address.
    assert.match(await connect("rebound.example:443"), /^HTTP\/1\.1 403 .*loopback/);
  });
  assert.deepEqual(outside.connected, ["198.51.100.7:443", "198.51.100.7:443"]);
});

Deno.test("a connection whose ends are one address is the host, whatever was resolved", async () => {
  await using server = serve(() => Promise.resolve());
  const machine: RelayMachine = {
    ...machineOf(server.listener).machine,
    connect: () => Deno.connect({ hostname: "127.0.0.1", port: server.listener.addr.port }),
  };
  const answer = await withRelay(
    { machine },
    (path) => ask(path, "CONNECT 203.0.113.5:443 HTTP/1.1\r\n\r\n"),
  );
  assert.match(answer, /^HTTP\/1\.1 403 .*an address of the host itself/);
});

Deno.test("the relay passes the end of one direction on and keeps the other open", async () => {
  await using server = serve(async (connection) => {
    const all = await readAll(connection);
    await writeAll(connection, bytes(`you sent ${all.length}`));
  });
  const { machine } = machineOf(server.listener);
  const answer = await withRelay(
    { machine },
    (path) => ask(path, `CONNECT 198.51.100.7:9 HTTP/1.1\r\n\r\n${"x".repeat(300_000)}`),
  );
  assert.match(answer, /you sent 300000$/);
});

Deno.test("the relay chains to the host's proxy and gives it the credentials", async () => {
  let seen = "";
  await using proxy = serve(async (connection) => {
    const buffer = new Uint8Array(4096);
    const count = await connection.read(buffer) ?? 0;
    seen = new TextDecoder().decode(buffer.subarray(0, count));
    await writeAll(connection, bytes("HTTP/1.1 200 OK\r\n\r\nbanner first\n"));
    await readAll(connection);
  });
  const { machine, connected } = machineOf(proxy.listener, { "proxy.example": ["198.51.100.9"] });
  const env = { HTTPS_PROXY: "http://me:pw@proxy.example:3128", NO_PROXY: "direct.example" };
  const answer = await withRelay(
    { machine, env },
    (path) => ask(path, "CONNECT hidden.example:22 HTTP/1.1\r\n\r\n"),
  );
  assert.match(answer, /^HTTP\/1\.1 200 [^]*banner first\n$/);
  assert.match(seen, /^CONNECT hidden\.example:22 HTTP\/1\.1\r\n/);
  assert.ok(seen.includes(`Proxy-Authorization: Basic ${btoa("me:pw")}\r\n`));
  assert.deepEqual(connected, ["198.51.100.9:3128"]);
  const bypassed = await withRelay(
    { machine, env },
    (path) => ask(path, "CONNECT direct.example:22 HTTP/1.1\r\n\r\n"),
  );
  assert.match(bypassed, /^HTTP\/1\.1 502 .*cannot resolve/);
});

Deno.test("a proxy on the host itself gets checked addresses only", async () => {
  let seen = "";
  await using proxy = serve(async (connection) => {
    const buffer = new Uint8Array(4096);
    const count = await connection.read(buffer) ?? 0;
    seen = new TextDecoder().decode(buffer.subarray(0, count));
    await writeAll(connection, bytes("HTTP/1.1 200 OK\r\n\r\n"));
    await readAll(connection);
  });
  const { machine } = machineOf(proxy.listener, { "good.example": ["198.51.100.7"] });
  const env = { https_proxy: "http://127.0.0.1:3128" };
  await withRelay({ machine, env }, async (path) => {
    const good = await ask(path, "CONNECT good.example:443 HTTP/1.1\r\n\r\n");
    assert.match(good, /^HTTP\/1\.1 200 /);
    assert.match(seen, /^CONNECT 198\.51\.100\.7:443 /);
    const hidden = await ask(path, "CONNECT hidden.example:443 HTTP/1.1\r\n\r\n");
    assert.match(hidden, /^HTTP\/1\.1 502 /);
    const local = await ask(path, "CONNECT 127.0.0.1:443 HTTP/1.1\r\n\r\n");
    assert.match(local, /^HTTP\/1\.1 403 /);
  });
});

Deno.test("serving ends open connections, and can be disposed of twice", async () => {
  await using server = serve(async (connection) => {
    await readAll(connection);
  });
  const { machine } = machineOf(server.listener);
  const directory = await Deno.makeTempDir();
  const relay = await serveRelay(`${directory}/s`, { machine });
  using client = await Deno.connect({ transport: "unix", path: `${directory}/s` });
  await writeAll(client, bytes("CONNECT 198.51.100.7:9 HTTP/1.1\r\n\r\n"));
  await client.read(new Uint8Array(1024));
  await relay[Symbol.asyncDispose]();
  await relay[Symbol.asyncDispose]();
  assert.equal(await readAll(client), "");
  await Deno.remove(directory, { recursive: true });
});

/** A port that was free a moment ago: the bridge's port is fixed in a namespace, not here. */
function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

Deno.test("the bridge carries many connections at once without mixing or losing bytes", async () => {
  const directory = await Deno.makeTempDir();
  const path = `${directory}/it's`;
  const listener = Deno.listen({ transport: "unix", path });
  const echoing = (async () => {
    for await (const connection of listener) {
      void connection.readable.pipeTo(connection.writable).catch(() => undefined);
    }
  })();
  const port = freePort();
  const bridge = new Deno.Command("perl", {
    args: ["-e", bridgeProgram({ socket: path, port })],
    stdin: "null",
    stdout: "piped",
  }).spawn();
  const ready = bridge.stdout.getReader();
  await ready.read();
  await ready.cancel();
  try {
    const all = Array.from({ length: 150 }, async (_, index) => {
      const connection = await Deno.connect({ port });
      const text = `${index} `.repeat(20_000);
      const [answer] = await Promise.all([
        readAll(connection),
        writeAll(connection, bytes(text)).then(() => connection.closeWrite()),
      ]);
      connection.close();
      assert.equal(answer === text, true, `connection ${index}`);
    });
    await Promise.all(all);
  } finally {
    bridge.kill("SIGKILL");
    await bridge.status;
    listener.close();
    await echoing;
    await Deno.remove(directory, { recursive: true });
  }
});
