/**
 * Packages of an ecosystem by name: `npm:`, `pip:`, `uv:`, `go:` and `cargo:`.
 *
 * Names and versions are exact words of a command; no shell sees them.
 *
 * @module
 */

import type { DependencyPlugin, PackageGrammar } from "../../core/plugin/contract.ts";
import type { DependencyEntry, HostFinding, HostProbe } from "../../core/plugin/contribution.ts";
import { isOfLine } from "../../core/plugin/dependency_version.ts";
import { findTool } from "../../core/plugin/host_tool.ts";
import { NPM_CACHE } from "./_npm_tool.ts";
import { UV_ENV } from "./_python_tool.ts";

interface Family {
  readonly id: string;
  readonly summary: string;
  readonly grammar: PackageGrammar;
  readonly requires: string;
  readonly cacheMounts: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  command(entry: DependencyEntry): readonly string[];
  find(entry: DependencyEntry, probe: HostProbe): Promise<HostFinding>;
}

const FAMILIES: readonly Family[] = [
  {
    id: "cargo:",
    summary: "A program from Rust's registry, such as cargo:cargo-nextest",
    grammar: "cargo",
    requires: "rust",
    cacheMounts: ["/root/.cargo/registry"],
    env: { CARGO_HOME: "/root/.cargo" },
    command({ argument = "", version }) {
      const wanted = version === undefined ? [] : ["--version", cargoVersion(version)];
      return ["cargo", "install", "--locked", "--root", "/usr/local", ...wanted, argument];
    },
    find: (entry, probe) => findProgram(entry, { probe, how: `cargo install ${entry.argument}` }),
  },
  {
    id: "go:",
    summary: "A program from a Go module, such as go:golang.org/x/tools/cmd/goimports",
    grammar: "go",
    requires: "go",
    cacheMounts: ["/root/.cache/go-build", "/go/pkg/mod"],
    env: { GOBIN: "/usr/local/bin", GOPATH: "/go" },
    command: ({ argument, version = "latest" }) => ["go", "install", `${argument}@${version}`],
    find: (entry, probe) =>
      findProgram(entry, { probe, how: `go install ${entry.argument}@latest` }),
  },
  {
    id: "npm:",
    summary: "A package from npm, such as npm:@angular/cli@19",
    grammar: "npm",
    requires: "node",
    cacheMounts: [NPM_CACHE],
    command({ argument, version = "latest" }) {
      const options = ["--global", "--no-audit", "--no-fund", "--no-update-notifier"];
      return ["npm", "install", ...options, "--", `${argument}@${version}`];
    },
    find: findNpmPackage,
  },
  {
    id: "pip:",
    summary: "A Python package, such as pip:requests[socks]@2.32",
    grammar: "python",
    requires: "python",
    cacheMounts: ["/root/.cache/pip"],
    command(entry) {
      const options = ["--disable-pip-version-check", "--root-user-action", "ignore"];
      return ["pip", "install", ...options, "--", requirement(entry)];
    },
    find: findPythonPackage,
  },
  {
    id: "uv:",
    summary: "A Python program in an environment of its own, such as uv:httpie",
    grammar: "python",
    requires: "uv",
    cacheMounts: ["/root/.cache/uv"],
    env: UV_ENV,
    command: (entry) => ["uv", "tool", "install", "--", requirement(entry)],
    find: (entry, probe) => findProgram(entry, { probe, how: `uv tool install ${entry.argument}` }),
  },
];

/** The plugins of the families. */
export const dynamic: readonly DependencyPlugin[] = FAMILIES.map((family) => ({
  kind: "dependency",
  id: family.id,
  summary: family.summary,
  category: "dynamic",
  argument: { kind: "package", grammar: family.grammar },
  requires: [family.requires],
  find: (entry, probe) => family.find(entry, probe),
  contribute: (entry) => ({
    layers: [{
      kind: "exec",
      group: "dynamic",
      as: "root",
      command: family.command(entry),
      cacheMounts: family.cacheMounts,
      ...(family.env === undefined ? {} : { env: family.env }),
    }],
  }),
}));

/** `name==1.2.3`; fewer numbers take the newest of that line. */
function requirement({ argument = "", version }: DependencyEntry): string {
  if (version === undefined) return argument;
  const isLine = /^[0-9]+(\.[0-9]+)?$/.test(version);
  return `${argument}==${version}${isLine ? ".*" : ""}`;
}

/** Cargo takes a bare version as exact and refuses a part of one. */
function cargoVersion(version: string): string {
  return /^[0-9]+(\.[0-9]+)?$/.test(version) ? `~${version}` : version;
}

/** A program named like its package, which most are; its version is not compared. */
function findProgram(
  { requested: _, ...entry }: DependencyEntry,
  { probe, how }: { readonly probe: HostProbe; readonly how: string },
): Promise<HostFinding> {
  const path = (entry.argument ?? "").replace(/\/v[0-9]+$/, "").replace(/\[.*$/, "");
  const command = path.slice(path.lastIndexOf("/") + 1);
  return findTool({ commands: [command], hint: how }, { entry, probe });
}

/** A package among npm's global ones; what is shown is the tree that holds them all. */
async function findNpmPackage(
  { argument = "", version }: DependencyEntry,
  probe: HostProbe,
): Promise<HostFinding> {
  const spec = version === undefined || version === "latest" ? argument : `${argument}@${version}`;
  const path = await probe.firstLine("npm", ["ls", "--global", "--depth=0", "--parseable", spec]);
  const suffix = `/lib/node_modules/${argument}`;
  if (path === undefined || !path.endsWith(suffix)) {
    return missing(spec, `npm install --global ${spec}`);
  }
  const tree = path.slice(0, -suffix.length);
  if (tree === "/usr" || tree === "/usr/local") return { kind: "found", paths: [], bin: [] };
  return { kind: "found", paths: [tree], bin: [`${tree}/bin`] };
}

/** A package that python3 itself sees, not one of the user's home, which a run does not see. */
async function findPythonPackage(
  { argument = "", version }: DependencyEntry,
  probe: HostProbe,
): Promise<HostFinding> {
  const name = argument.replace(/\[.*$/, "");
  const question = "import sys, importlib.metadata as m; print(m.version(sys.argv[1]))";
  const found = await probe.firstLine("python3", ["-s", "-c", question, name]);
  if (found === undefined) return missing(name, `pip install ${name}`);
  if (version !== undefined && !isOfLine(found, version)) {
    return { ...missing(name, `pip install ${name}`), reason: `it is ${found}, not ${version}` };
  }
  return { kind: "found", version: found, paths: [], bin: [] };
}

function missing(what: string, how: string): HostFinding & { readonly kind: "missing" } {
  return {
    kind: "missing",
    reason: `there is no ${what} on this machine`,
    hint: `${how}, or --runtime docker`,
  };
}
