/**
 * The Dockerfile of a run: pure text out of merged contributions, from rarely to often changing.
 *
 * Written for BuildKit as old as engine 20.10's: no heredocs, no `COPY --chmod`;
 * `classicDockerfile()` makes the form for the classic builder. Nothing secret goes in.
 *
 * @module
 */

import {
  type Contribution,
  type ContributionOf,
  type DependencyEntry,
  type Layer,
  LAYER_ORDER,
  type LayerGroup,
} from "../plugin/contribution.ts";
import type { ContextFile } from "../plugin/runtime.ts";
import { APT_CACHES, APT_SCRIPT, BASE_SCRIPT, HOOK_SCRIPT, USER_SCRIPT } from "./build_scripts.ts";
import {
  copyInstruction,
  envInstruction,
  plainWord,
  runInstruction,
  runScript,
} from "./dockerfile_text.ts";
import { downloadPackages, downloadScript } from "./download_script.ts";

/** Where the init lies inside every image. */
export const INIT_PATH = "/usr/local/lib/moat/init";

/** Where the init looks for what dependencies do before the command and after it. */
const STEPS_PATH = "/usr/local/lib/moat/init.d";

/** Where extra authorities lie, and the bundle that holds them with all others. */
const AUTHORITIES_PATH = "/usr/local/share/ca-certificates/moat-host.crt";
const BUNDLE_PATH = "/etc/ssl/certs/ca-certificates.crt";
const HOOKS_PATH = "/usr/local/lib/moat/hooks";

/** What a Dockerfile is made of. */
export interface DockerfileParts {
  readonly arch: "amd64" | "arm64";
  readonly base: string;
  /** In canonical order; what the base already brings is left out. */
  readonly contributions: readonly ContributionOf[];
  readonly init: string;
  readonly hooks: { readonly postBuildRoot?: string; readonly postBuild?: string };
  /** PEM text of the host's extra authorities. */
  readonly authorities?: string;
  /** Text of a git configuration file. */
  readonly gitConfig?: string;
}

/** A Dockerfile and its context. */
export interface Dockerfile {
  readonly text: string;
  readonly files: Readonly<Record<string, ContextFile>>;
}

/** Renders the parts. */
export function renderDockerfile(parts: DockerfileParts): Dockerfile {
  const files: Record<string, ContextFile> = {};
  const sections = [
    [`# Made by moat for linux/${parts.arch}`, `FROM ${plainWord(parts.base)}`, "USER root"],
    ...LAYER_ORDER.map((group) => renderGroup(group, parts, files)),
    renderEnd(parts, files),
  ];
  const text = sections.filter((lines) => lines.length > 0).map((lines) => lines.join("\n"));
  return { text: `${text.join("\n\n")}\n`, files };
}

function renderGroup(
  group: LayerGroup,
  parts: DockerfileParts,
  files: Record<string, ContextFile>,
): readonly string[] {
  return [
    ...renderOwn(group, parts, files),
    ...parts.contributions.flatMap(({ entry, contribution }) => {
      const layers = (contribution.layers ?? []).filter((layer) => layer.group === group);
      if (layers.length === 0) return [];
      const label = entryLabel(entry);
      return [`# ${label}`, ...layers.flatMap((layer) => renderLayer(layer, label))];
    }),
  ];
}

/** What moat itself puts into a group. */
function renderOwn(
  group: LayerGroup,
  parts: DockerfileParts,
  files: Record<string, ContextFile>,
): readonly string[] {
  switch (group) {
    case "base":
      return [
        runScript(titled("base packages", BASE_SCRIPT), {
          words: ["ca-certificates"],
          cacheMounts: APT_CACHES,
        }),
        ...renderAuthorities(parts, files),
      ];
    case "user":
      return [runScript(titled("moatuser", USER_SCRIPT)), "WORKDIR /workspace"];
    case "apt":
      return [...renderApt(parts), ...renderEnv(parts)];
    case "custom":
      return renderFiles(parts, files);
    case "hook":
      return renderHooks(parts, files);
    default:
      return [];
  }
}

function renderAuthorities(
  { authorities }: DockerfileParts,
  files: Record<string, ContextFile>,
): readonly string[] {
  if (authorities === undefined) return [];
  files["authorities.crt"] = { content: authorities, mode: 0o644 };
  const bundle = [
    "CARGO_HTTP_CAINFO",
    "NODE_EXTRA_CA_CERTS",
    "PIP_CERT",
    "REQUESTS_CA_BUNDLE",
    "SSL_CERT_FILE",
  ];
  return [
    copyInstruction("authorities.crt", AUTHORITIES_PATH),
    runInstruction(["update-ca-certificates"]),
    envInstruction("DENO_TLS_CA_STORE", "system"),
    ...bundle.map((name) => envInstruction(name, BUNDLE_PATH)),
  ];
}

function renderApt({ contributions }: DockerfileParts): readonly string[] {
  const packages = new Set<string>();
  for (const { contribution } of contributions) {
    for (const name of contribution.apt ?? []) packages.add(name);
    for (const layer of contribution.layers ?? []) {
      if (layer.kind !== "download") continue;
      for (const name of downloadPackages(layer)) packages.add(name);
    }
  }
  if (packages.size === 0) return [];
  return [
    runScript(titled("Debian packages", APT_SCRIPT), {
      words: [...packages].sort(),
      cacheMounts: APT_CACHES,
    }),
  ];
}

function renderEnv({ contributions }: DockerfileParts): readonly string[] {
  const all: [string, string][] = contributions.flatMap(({ contribution }) =>
    Object.entries(contribution.env ?? {})
  );
  const directories = new Set(contributions.flatMap(({ contribution }) => contribution.path ?? []));
  const env = [...new Map(all)].sort(([a], [b]) => a < b ? -1 : 1);
  return [
    ...env.map(([name, value]) => envInstruction(name, value)),
    ...(directories.size === 0
      ? []
      : [`ENV PATH="${[...directories].map(plainWord).join(":")}:$PATH"`]),
  ];
}

function renderLayer(layer: Layer, label: string): readonly string[] {
  switch (layer.kind) {
    case "run":
      return asUser(layer.as, runScript(titled(label, layer.script), layer));
    case "exec":
      return asUser(layer.as, runInstruction(layer.command, layer));
    case "download": {
      const { script, env, words } = downloadScript(layer);
      return [runScript(titled(label, script), { env, words })];
    }
    case "copy-from":
      return layer.paths.map(({ from, to }) => copyInstruction(from, to, layer.image));
  }
}

function renderFiles(
  { contributions, gitConfig }: DockerfileParts,
  files: Record<string, ContextFile>,
): readonly string[] {
  const copies = contributions.flatMap(({ contribution }) =>
    Object.entries(contribution.files ?? {}).map(([path, file]) => {
      const source = `files${path}`;
      files[source] = file;
      return copyInstruction(source, path);
    })
  );
  if (gitConfig === undefined) return copies;
  files["gitconfig"] = { content: gitConfig, mode: 0o644 };
  const target = "/usr/local/lib/moat/gitconfig";
  return [
    ...copies,
    copyInstruction("gitconfig", target),
    runInstruction(["git", "config", "--system", "--add", "include.path", target]),
  ];
}

function renderHooks(
  { hooks }: DockerfileParts,
  files: Record<string, ContextFile>,
): readonly string[] {
  const steps = [
    { name: "post_build_root", text: hooks.postBuildRoot, as: "root" },
    { name: "post_build", text: hooks.postBuild, as: "user" },
  ] as const;
  return steps.flatMap(({ name, text, as }) => {
    if (text === undefined) return [];
    const path = `hooks/${name}.sh`;
    files[path] = { content: text.endsWith("\n") ? text : `${text}\n`, mode: 0o644 };
    const target = `${HOOKS_PATH}/${name}.sh`;
    return [
      copyInstruction(path, target),
      ...asUser(
        as,
        runInstruction(["bash", "-c", titled(`hook ${name}`, HOOK_SCRIPT), name, target]),
      ),
    ];
  });
}

function renderEnd(
  { init, contributions }: DockerfileParts,
  files: Record<string, ContextFile>,
): readonly string[] {
  const steps = contributions.flatMap(({ contribution }) => contribution.initSteps ?? [])
    .flatMap(({ name, start, stop }) => [
      { file: `${name}.start`, text: start },
      ...(stop === undefined ? [] : [{ file: `${name}.stop`, text: stop }]),
    ]);
  for (const { file, text } of steps) {
    files[`init.d/${file}`] = { content: `${text.trim()}\n`, mode: 0o644 };
  }
  files["init"] = { content: init, mode: 0o755 };
  return [
    ...steps.map(({ file }) => copyInstruction(`init.d/${file}`, `${STEPS_PATH}/${file}`)),
    copyInstruction("init", INIT_PATH),
    "LABEL moat.image=1",
    `ENTRYPOINT ${JSON.stringify([INIT_PATH])}`,
  ];
}

function asUser(as: "root" | "user", instruction: string): readonly string[] {
  return as === "root" ? [instruction] : ["USER moatuser", instruction, "USER root"];
}

/** `node@22`, `npm:cowsay@1`: how an entry is named in comments, the same for every spelling. */
function entryLabel({ id, argument, version }: DependencyEntry): string {
  const name = argument === undefined ? id : `${id.replace(/:$/, "")}:${argument}`;
  return version === undefined ? name : `${name}@${version}`;
}

/** A script that first says what it is for, in a command that does nothing: builders show it. */
function titled(title: string, script: string): string {
  return `: ${title.replaceAll(/[^\w .:@/+-]/g, "")}\n${script.trim()}`;
}

/** Whether a contribution adds anything to an image. */
export function changesImage(contribution: Contribution): boolean {
  return [contribution.apt, contribution.layers, contribution.path, contribution.initSteps].some(
    (list) => list !== undefined && list.length > 0,
  ) || [contribution.files, contribution.env].some((map) =>
    map !== undefined && Object.keys(map).length > 0
  );
}
