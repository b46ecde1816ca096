import assert from "node:assert/strict";
import { requires } from "../../tests/helpers/machine.ts";
import { readText, writeAll } from "../../tests/helpers/stream_pair.ts";
import { createTestHome } from "../../tests/helpers/test_home.ts";
import { until } from "../../tests/helpers/until.ts";
import type { AcceptedClient, KeptPort } from "../plugin/router.ts";
import { isThere } from "../store/files.ts";
import { endKeptPort, findKeptPort, keeperPath } from "./kept_port.ts";
import { commandAs, findSystemUser } from "./port_keeper.ts";

/** Every system has it. */
const NOBODY = 65534;
const needs = requires("linux", "root");

/** A keeper that was just started; disposing ends it with the program that it was started with. */
interface Keeper extends AsyncDisposable {
  readonly port: number;
  readonly paths: { readonly store: string };
  readonly kept: KeptPort;
  /** Ends the program. */
  endProgram(): Promise<void>;
}

async function startKeeper(): Promise<Keeper> {
  const home = await createTestHome();
  const store = `${home.directory}/kept/store`;
  await Deno.mkdir(`${home.directory}/kept`);
  await Deno.chown(`${home.directory}/kept`, NOBODY, NOBODY);
  await Deno.chmod(home.directory, 0o755);
  const port = freePort();
  const child = commandAs(["sleep", "1000"], {
    user: await findSystemUser(NOBODY, { signal: new AbortController().signal }),
    env: { PATH: "/usr/bin:/bin" },
    keep: { port, path: keeperPath({ store }), directory: store },
  }).spawn();
  const endProgram = async () => {
    try {
      child.kill();
    } catch (error) {
      // It has ended.
      if (!(error instanceof TypeError)) throw error;
    }
    await child.status;
  };
  return {
    port,
    paths: { store },
    kept: await until("the keeper", () => findKeptPort({ store })),
    endProgram,
    async [Symbol.asyncDispose]() {
      await endProgram();
      await endKeptPort({ store });
      await home[Symbol.asyncDispose]();
    },
  };
}

/** One that may be taken by root's processes only in theory. */
function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

async function acceptNext(kept: KeptPort): Promise<AcceptedClient> {
  const client = await kept.accept();
  assert(client !== undefined, "no client came");
  return client;
}

Deno.test("commandAs() becomes the user for good, with the user's groups", needs, async () => {
  const user = { ...await findSystemUser(NOBODY, { signal: new AbortController().signal }) };
  const { stdout } = await commandAs([
    "sh",
    "-c",
    "id -u; id -G; grep -E '^(Uid|CapEff)' /proc/$$/status",
  ], {
    user: { ...user, groups: [...user.groups, 4] },
    env: { PATH: "/usr/bin:/bin" },
    stdout: "piped",
  }).output();
  assert.equal(
    new TextDecoder().decode(stdout),
    `65534\n65534 4\nUid:\t65534\t65534\t65534\t65534\nCapEff:\t0000000000000000\n`,
  );
});

Deno.test("commandAs() keeps no group of root's, however many the user has", needs, async () => {
  const user = await findSystemUser(NOBODY, { signal: new AbortController().signal });
  const groups = Array.from({ length: 1000 }, (_, index) => 100_000 + index);
  const { stdout } = await commandAs(["sh", "-c", "id -G | wc -w; id -G | grep -cw 0"], {
    user: { ...user, groups },
    env: { PATH: "/usr/bin:/bin" },
    stdout: "piped",
  }).output();
  assert.equal(new TextDecoder().decode(stdout), "1001\n0\n");
});

Deno.test("findSystemUser() says so when there is no such user", needs, async () => {
  await assert.rejects(
    findSystemUser(4_000_000_123, { signal: new AbortController().signal }),
    /Cannot start router for user 4000000123: the system knows no such user/,
  );
});

Deno.test("a port's keeper is the user, and what it makes is the user's alone", needs, async () => {
  await using keeper = await startKeeper();
  const { pid } = keeper.kept;
  assert.match(
    await Deno.readTextFile(`/proc/${pid}/status`),
    /^Uid:\t65534\t65534\t65534\t65534$/m,
  );
  assert.equal((await Deno.readTextFile(`/proc/${pid}/comm`)).slice(0, 10), "moat keeps");
  const { uid, mode } = await Deno.lstat(keeperPath(keeper.paths));
  assert.deepEqual([uid, (mode ?? 0) & 0o077], [NOBODY, 0]);
});

Deno.test("clients of a kept port come with their address, on IPv4 and IPv6", needs, async () => {
  await using keeper = await startKeeper();
  for (const hostname of ["127.0.0.1", "::1"]) {
    using client = await Deno.connect({ hostname, port: keeper.port });
    const { stream, address, port } = await acceptNext(keeper.kept);
    assert.deepEqual([address, port], [hostname, client.localAddr.port]);
    stream.close();
  }
  keeper.kept.close();
});

Deno.test(
  "what goes through a kept port is the same on the other side, both ways at once",
  needs,
  async () => {
    await using keeper = await startKeeper();
    using client = await Deno.connect({ hostname: "127.0.0.1", port: keeper.port });
    const { stream } = await acceptNext(keeper.kept);
    using inside = stream;
    const up = "up ".repeat(1_000_000);
    const down = "down".repeat(1_000_000);
    const send = async (to: typeof stream, text: string) => {
      await writeAll(to, new TextEncoder().encode(text));
      await to.closeWrite();
    };
    const [above, below] = await Promise.all([
      readText(inside),
      readText(client),
      send(client, up),
      send(inside, down),
    ]);
    assert(above === up && below === down);
    keeper.kept.close();
  },
);

Deno.test("an end on one side leaves the other direction open", needs, async () => {
  await using keeper = await startKeeper();
  using client = await Deno.connect({ hostname: "127.0.0.1", port: keeper.port });
  using inside = (await acceptNext(keeper.kept)).stream;
  await client.closeWrite();
  assert.equal(await readText(inside), "");
  await writeAll(inside, new TextEncoder().encode("still here"));
  await inside.closeWrite();
  assert.equal(await readText(client), "still here");
  keeper.kept.close();
});

Deno.test("a client that reads nothing holds up nobody", needs, async () => {
  await using keeper = await startKeeper();
  using _stalled = await Deno.connect({ hostname: "127.0.0.1", port: keeper.port });
  using full = (await acceptNext(keeper.kept)).stream;
  const block = new Uint8Array(1024 * 1024);
  const filling = (async () => {
    for (let count = 0; count < 64; count++) await writeAll(full, block);
  })().catch(() => {});
  using client = await Deno.connect({ hostname: "127.0.0.1", port: keeper.port });
  using other = (await acceptNext(keeper.kept)).stream;
  await writeAll(other, new TextEncoder().encode("hello"));
  await other.closeWrite();
  assert.equal(await readText(client), "hello");
  _stalled.close();
  await filling;
  keeper.kept.close();
});

Deno.test("a keeper keeps nothing of clients that are gone", needs, async () => {
  await using keeper = await startKeeper();
  const { kept, port } = keeper;
  const residentKib = async () => {
    const status = await Deno.readTextFile(`/proc/${kept.pid}/status`);
    return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]);
  };
  const serveClients = async (count: number) => {
    for (let served = 0; served < count; served++) {
      using client = await Deno.connect({ hostname: "127.0.0.1", port });
      (await acceptNext(kept)).stream.close();
      assert.equal(await readText(client), "");
    }
  };
  await serveClients(200);
  const before = await residentKib();
  await serveClients(1000);
  const grown = await residentKib() - before;
  assert(grown < 500, `it has ${grown} KiB more`);
  kept.close();
});

Deno.test(
  "clients wait while no router takes them, and the next one gets them",
  needs,
  async () => {
    await using keeper = await startKeeper();
    using first = await Deno.connect({ hostname: "127.0.0.1", port: keeper.port });
    const { stream } = await acceptNext(keeper.kept);
    stream.close();
    assert.equal(await readText(first), "");
    keeper.kept.close();
    assert.equal(await keeper.kept.accept(), undefined);
    await keeper.endProgram();
    using second = await Deno.connect({ hostname: "127.0.0.1", port: keeper.port });
    const next = await findKeptPort(keeper.paths);
    assert(next !== undefined);
    using inside = (await acceptNext(next)).stream;
    await writeAll(inside, new TextEncoder().encode("welcome"));
    await inside.closeWrite();
    assert.equal(await readText(second), "welcome");
    next.close();
  },
);

Deno.test(
  "a keeper that is told to end frees its port, and who accepts is told",
  needs,
  async () => {
    await using keeper = await startKeeper();
    const accepting = keeper.kept.accept();
    await endKeptPort(keeper.paths);
    assert.equal(await accepting, undefined);
    assert.equal(keeper.kept.hasEnded, true);
    Deno.listen({ hostname: "127.0.0.1", port: keeper.port }).close();
    assert.equal(await findKeptPort(keeper.paths), undefined);
  },
);

Deno.test("a keeper ends with its program when nobody asked for a client", needs, async () => {
  await using keeper = await startKeeper();
  await keeper.endProgram();
  await until("its end", async () => !(await isThere(`/proc/${keeper.kept.pid}`)));
  assert.equal(await isThere(keeperPath(keeper.paths)), false);
});

Deno.test("a keeper ends when its home is removed", needs, async () => {
  await using keeper = await startKeeper();
  await Deno.remove(keeper.paths.store, { recursive: true });
  await until("its end", async () => !(await isThere(`/proc/${keeper.kept.pid}`)));
});

Deno.test("a port that is taken is not kept, and the program does not start", needs, async () => {
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = taken.addr;
  const { code, stdout } = await commandAs(["echo", "started"], {
    user: await findSystemUser(NOBODY, { signal: new AbortController().signal }),
    env: { PATH: "/usr/bin:/bin" },
    keep: { port, path: "/nowhere/keeper.sock", directory: "/nowhere" },
    stdout: "piped",
  }).output();
  assert.deepEqual([code, new TextDecoder().decode(stdout)], [1, ""]);
});
