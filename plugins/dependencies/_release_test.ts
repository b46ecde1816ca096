import assert from "node:assert/strict";
import type { DependencyEntry, Target } from "../../core/plugin/contribution.ts";
import { type Release, releaseTool } from "./_release.ts";

const TARGET: Target = { arch: "arm64", suite: "bookworm", present: [] };
const ENTRY: DependencyEntry = {
  text: "fd@10.2.0",
  id: "fd",
  requested: "10.2.0",
  version: "10.2.0",
};
const FD: Release = {
  id: "fd",
  summary: "Finds files",
  from: { github: "sharkdp/fd", tag: "v{version}" },
  file: "fd-{version}-{vendor_arch}.tar.gz",
  archive: "tar.gz",
  architectures: { amd64: "x86_64", arm64: "aarch64" },
  programs: { fd: "fd-{version}/fd" },
};
const SUMS = { file: "sums-{version}.txt", format: "list" } as const;
const PLACE = "https://github.com/sharkdp/fd/releases/download/v10.2.0";

Deno.test("a release without a pin is checked against the vendor's sums", () => {
  const { layers, warnings } = releaseTool({ ...FD, sums: SUMS }).contribute(ENTRY, TARGET);
  assert.equal(warnings, undefined);
  assert.deepEqual(layers, [{
    kind: "download",
    group: "binary",
    url: `${PLACE}/fd-10.2.0-aarch64.tar.gz`,
    check: {
      kind: "sums",
      url: `${PLACE}/sums-10.2.0.txt`,
      format: "list",
      name: "fd-10.2.0-aarch64.tar.gz",
    },
    archive: "tar.gz",
    install: [{ from: "fd-10.2.0/fd", to: "/usr/local/bin/fd" }],
  }]);
});

Deno.test("a pin goes before the vendor's sums, on its architecture only", () => {
  const pin = { version: "10.2.0", sha256: { arm64: "a".repeat(64) } };
  const tool = releaseTool({ ...FD, sums: SUMS });
  const checkOn = (arch: "amd64" | "arm64") => {
    const [layer] = tool.contribute({ ...ENTRY, pin }, { ...TARGET, arch }).layers ?? [];
    return layer?.kind === "download" ? layer.check.kind : undefined;
  };
  assert.equal(checkOn("arm64"), "sha256");
  assert.equal(checkOn("amd64"), "sums");
});

Deno.test("a release whose vendor publishes no sums is announced", () => {
  const { warnings } = releaseTool(FD).contribute(ENTRY, TARGET);
  assert.deepEqual(warnings, [
    '"fd@10.2.0" is installed without a checksum: its vendor publishes none',
  ]);
});

Deno.test("Debian's package is taken when no version is asked for, under the usual name", () => {
  const tool = releaseTool({ ...FD, debian: { package: "fd-find", program: "fdfind" } });
  assert.deepEqual(tool.contribute({ text: "fd", id: "fd" }, TARGET), {
    apt: ["fd-find"],
    layers: [{
      kind: "exec",
      group: "apt",
      as: "root",
      command: ["ln", "-sf", "/usr/bin/fdfind", "/usr/local/bin/fd"],
    }],
  });
  assert.equal(tool.contribute(ENTRY, TARGET).apt, undefined);
});
