import assert from "node:assert/strict";
import { join } from "node:path";
import type { DependencyEntry, HostProbe } from "./contribution.ts";
import { findServer } from "./host_server.ts";

/** Servers in directories of their own, as Debian lays them out; none is on PATH unless said so. */
async function withServers(
  servers: Readonly<Record<string, readonly string[]>>,
  use: (root: string) => Promise<void>,
): Promise<void> {
  const root = await Deno.makeTempDir();
  try {
    for (const [version, programs] of Object.entries(servers)) {
      const bin = join(root, version, "bin");
      await Deno.mkdir(bin, { recursive: true });
      for (const program of programs) {
        await Deno.writeTextFile(
          join(bin, program),
          `#!/bin/sh\necho "${program} (X) ${version}"\n`,
          {
            mode: 0o755,
          },
        );
      }
    }
    await use(root);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

function probe(onPath?: string): HostProbe {
  return {
    os: "linux",
    which: () => Promise.resolve(onPath),
    directoryOf: () => Promise.resolve(onPath),
    async firstLine(program, args) {
      const { stdout } = await new Deno.Command(program, { args: [...args] }).output();
      return new TextDecoder().decode(stdout).split("\n")[0] || undefined;
    },
  };
}

function entry(requested?: string): DependencyEntry {
  return { text: "db", id: "db", ...(requested === undefined ? {} : { requested }) };
}

const BOTH = ["server", "init"];

Deno.test("findServer() takes the newest, or the one that was asked for", async () => {
  await withServers({ "9.6": BOTH, "15.2": BOTH, "17.1": BOTH }, async (root) => {
    const host = { programs: BOTH, script: "", directories: [`${root}/*/bin`] };
    const find = (requested?: string) =>
      findServer(host, { entry: entry(requested), probe: probe() });
    for (
      const [requested, version] of [[undefined, "17.1"], ["15", "15.2"], ["9.6", "9.6"]] as const
    ) {
      assert.deepEqual(await find(requested), {
        kind: "found",
        version,
        paths: [`${root}/${version}/bin`],
        bin: [`${root}/${version}/bin`],
      });
    }
    assert.deepEqual(await find("16"), {
      kind: "missing",
      reason: "this machine has server 17.1, 15.2, 9.6, not 16",
      hint: "Install it with your package manager, or use --runtime docker",
    });
  });
});

Deno.test("findServer() prefers the one on PATH, where all its programs are there", async () => {
  await withServers({ "15.2": BOTH, "17.1": BOTH, "18.1": ["server"] }, async (root) => {
    const host = { programs: BOTH, script: "", directories: [`${root}/*/bin`] };
    const find = async (onPath: string) => {
      const finding = await findServer(host, { entry: entry(), probe: probe(onPath) });
      return finding.kind === "found" ? finding.version : finding.reason;
    };
    assert.equal(await find(`${root}/15.2/bin`), "15.2");
    assert.equal(await find(`${root}/18.1/bin`), "17.1");
  });
});

Deno.test("findServer() says what is missing, and how to get it", async () => {
  await withServers({ "18.1": ["server"] }, async (root) => {
    const host = {
      programs: BOTH,
      script: "",
      directories: [`${root}/*/bin`],
      hint: "Install it, or use --runtime docker",
    };
    assert.deepEqual(await findServer(host, { entry: entry(), probe: probe() }), {
      kind: "missing",
      reason: "there is no server and init on this machine",
      hint: "Install it, or use --runtime docker",
    });
  });
  const none = await findServer(undefined, { entry: entry(), probe: probe() });
  assert(none.kind === "missing");
  assert.equal(none.reason, "moat has db as an image only");
});
