import assert from "node:assert/strict";
import { baseSpec } from "../../tests/contracts/runtime_contract.ts";
import type { ContainerSpec } from "../../core/plugin/runtime.ts";
import { bubblewrapLaunch } from "./bubblewrap.ts";
import type { HostFiles } from "./host_files.ts";
import { layoutSandbox } from "./sandbox_layout.ts";
import { unshareLaunch } from "./unshare.ts";

const HOST: HostFiles = {
  systemLinks: [{ target: "/bin", text: "usr/bin" }],
  systemDirectories: ["/lib64"],
  etcLinks: [{ target: "/etc/os-release", text: "../usr/lib/os-release" }],
  etcPaths: ["/etc/alternatives"],
  procReadOnly: ["/proc/sys"],
  procMasked: ["/proc/kcore"],
  hidden: ["/root"],
};

function layout(changes: Partial<ContainerSpec>) {
  return layoutSandbox({ ...baseSpec("home"), ...changes }, {
    directory: "/state/sandboxes/x",
    volumes: "/state/volumes",
    host: HOST,
  });
}

function targets(changes: Partial<ContainerSpec>): readonly string[] {
  return layout(changes).operations.map(({ kind, target }) => `${kind} ${target}`);
}

Deno.test("layoutSandbox() mounts what lies deeper later", () => {
  const mount = { kind: "bind", readOnly: false, source: "/p" } as const;
  const order = targets({
    mounts: [
      { ...mount, target: "/workspace/.git/hooks", readOnly: true },
      { ...mount, target: "/workspace/.git" },
      { ...mount, target: "/workspace" },
    ],
  }).filter((text) => text.includes("/workspace"));
  assert.deepEqual(order, [
    "bind /workspace",
    "bind /workspace/.git",
    "bind-read-only /workspace/.git/hooks",
  ]);
});

Deno.test("layoutSandbox() shows a tool's directory once and not what /usr has", () => {
  const paths = ["/usr/lib/node", "/home/a/.nvm/v22", "/home/a/.nvm", "/home/a/.nvm/"];
  const shown = targets({ toolPaths: paths }).filter((text) => text.includes("/home/a"));
  assert.deepEqual(shown, ["bind-read-only /home/a/.nvm"]);
});

Deno.test("layoutSandbox() names nothing of the host beyond the allow list", () => {
  const sources = layout({}).operations.flatMap((operation) =>
    "source" in operation ? [operation.source] : []
  );
  const known = /^(\/usr|\/lib64|\/etc\/alternatives|\/state\/sandboxes\/x\/(etc|net)(\/.*)?)$/;
  assert.deepEqual(sources.filter((source) => !known.test(source)), []);
});

Deno.test("layoutSandbox() seals the root last", () => {
  assert.equal(targets({}).at(-1), "seal /");
});

Deno.test("layoutSandbox() keeps volumes below the runtime's own directory", () => {
  const { operations } = layout({
    mounts: [{ kind: "volume", source: "cache", target: "/cache", readOnly: false }],
  });
  assert.deepEqual(operations.find(({ target }) => target === "/cache"), {
    kind: "bind",
    source: "/state/volumes/cache/data",
    target: "/cache",
  });
});

Deno.test("neither backend's argv nor frames carry the command or its environment", () => {
  const secret = layout({ env: { TOKEN: "secret-token" }, command: ["secret-command"] });
  const launches = [
    unshareLaunch(secret, { arch: "amd64", root: "/r" }),
    bubblewrapLaunch(secret, { arch: "amd64", program: "bwrap" }),
  ];
  for (const launch of launches) assert.doesNotMatch(JSON.stringify(launch), /secret/);
});

Deno.test("bubblewrapLaunch() ends with its starter only when attached", () => {
  const words = (detached: boolean) =>
    bubblewrapLaunch(layout({ detached }), { arch: "amd64", program: "bwrap" }).command;
  assert.ok(words(false).includes("--die-with-parent"));
  assert.ok(!words(true).includes("--die-with-parent"));
});
