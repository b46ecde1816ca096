import assert from "node:assert/strict";
import { join } from "node:path";
import { loadHomeConfig } from "./load_home_config.ts";
import type { HomeConfig } from "./project_config.ts";

async function load(yaml: string): Promise<HomeConfig> {
  const directory = await Deno.makeTempDir();
  try {
    const config = join(directory, "config.yaml");
    await Deno.writeTextFile(config, yaml);
    return await loadHomeConfig({ config });
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

Deno.test("loadHomeConfig() is empty without a file, and for an empty one", async () => {
  assert.deepEqual(await loadHomeConfig({ config: "/does/not/exist.yaml" }), {
    mounts: [],
    registries: [],
  });
  assert.deepEqual(await load(""), { mounts: [], registries: [] });
  assert.deepEqual(await load("proxy:\n"), { mounts: [], registries: [] });
});

Deno.test("loadHomeConfig() lets keys of the Go tool pass, at every level", async () => {
  const config = await load("debug: {days: 7}\nproxy: {port: 8081, bind: x}\nx: [a]\n");
  assert.deepEqual(config, { proxyPort: 8081, mounts: [], registries: [] });
});

Deno.test("loadHomeConfig() reads every key, mounts as read-only", async () => {
  const config = await load([
    "network: {pool: 172.30.0.0/16}",
    "logs: {max: 1g}",
    "docker: {packages: debian, build_cache: false}",
    "mounts: ['~/.m2:/m2', {source: /opt, target: /opt, mode: rw, exclude: [a/]}]",
    `registries: [https://a.example/index.json, {url: /srv/index.json, key: "${KEY}"}]`,
  ].join("\n"));
  assert.deepEqual(config, {
    networkPool: "172.30.0.0/16",
    logsMaxBytes: 1024 ** 3,
    dockerPackages: "debian",
    dockerBuildCache: false,
    mounts: [
      { source: "~/.m2", target: "/m2", readOnly: true, exclude: [] },
      { source: "/opt", target: "/opt", readOnly: true, exclude: ["a"] },
    ],
    registries: [
      { location: "https://a.example/index.json" },
      { location: "/srv/index.json", key: KEY },
    ],
  });
});

Deno.test("loadHomeConfig() counts a bare number of logs.max as MiB", async () => {
  assert.equal((await load("logs: {max: 64}")).logsMaxBytes, 64 * 1024 ** 2);
});

const KEY = `${"A".repeat(43)}=`;

const BAD: readonly (readonly [string, RegExp])[] = [
  ["proxy: {port: 0}", /config\.yaml:1:15: Cannot read "proxy\.port"/],
  ["proxy: 8080", /config\.yaml:1:8: Cannot read "proxy"/],
  ["network:\n  pool: 10.0.0.0", /config\.yaml:2:9: Cannot read "network\.pool"/],
  ["network: {pool: 10.0.0.300/16}", /network\.pool/],
  ["network: {pool: 10.0.0.0/30}", /network\.pool/],
  ["logs: {max: lots}", /logs\.max": "lots" is not a size/],
  ["docker: {packages: rpm}", /docker\.packages/],
  ["docker: {build_cache: sometimes}", /docker\.build_cache/],
  ["mounts: [~/x]", /mounts\[0\]/],
  ["mounts: {a: b}", /"mounts": a map is not a list/],
  ["registries: [a]", /registries\[0\]/],
  ["registries: [{url: /a, key: short}]", /registries\[0\]/],
  ["proxy: [", /config\.yaml:/],
];

for (const [yaml, expected] of BAD) {
  Deno.test(`loadHomeConfig() refuses ${JSON.stringify(yaml)}`, async () => {
    await assert.rejects(load(yaml), expected);
  });
}
