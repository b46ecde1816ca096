/**
 * What of a request is in force only after the user accepted it for this project. Pure.
 *
 * Only what the project's own files ask for counts: what was typed, or written in the home's
 * configuration, is the user's own word.
 *
 * @module
 */

import type { Isolation } from "../plugin/runtime.ts";
import type { TrustedSetting } from "../run/plan.ts";
import type { RunRequest } from "../run/request.ts";
import { canonicalJson } from "./canonical_json.ts";
import { isWithin } from "./protected_paths.ts";

/** What the answer depends on besides the request. */
export interface TrustFacts {
  /** How strong the isolation in force is; higher is stronger. */
  readonly chosenRank: number;
  /** How strong it would be if the project named no runtime. */
  readonly automaticRank: number;
  readonly isolation: Isolation;
}

/** Repositories that the catalogue takes its bases from. */
const CATALOGUE_BASES = /^(docker\.io\/)?(library\/)?(debian|node|python|golang)([:@]|$)/;

const DOCKER_EFFECTS: Readonly<Record<string, string>> = {
  "docker:host": "controls the machine's Docker: root on this machine",
  "docker:dind": "runs privileged, with a Docker of its own",
};

/** The settings that need acceptance, in a fixed order; none for most projects. */
export function trustedSettings(
  request: RunRequest,
  facts: TrustFacts,
): readonly TrustedSetting[] {
  return [
    ...mounts(request),
    ...gitDirectory(request),
    ...dockerAccess(request),
    ...isolation(request, facts),
    ...network(request),
    ...images(request),
    ...buildHooks(request, facts),
    ...listed(request),
  ];
}

function mounts({ mounts, project }: RunRequest): TrustedSetting[] {
  return mounts
    .filter(({ origin, outside }) => origin === "project" && outside)
    .map(({ source, target, readOnly, exclude }) => ({
      key: "mounts",
      value: [
        `${source}:${target}:${readOnly ? "ro" : "rw"}`,
        ...exclude.map((path) => `without ${path}`),
      ].join(" "),
      effect: isWithin(source, project.path)
        ? "can change what later runs and git do here"
        : `${readOnly ? "reads" : "reads and writes"} ${source}`,
    }));
}

/** A worktree's repository lies elsewhere, and its `.git` file says where: a mount, too. */
function gitDirectory({ project }: RunRequest): TrustedSetting[] {
  const directory = project.gitCommonDir;
  if (directory === undefined) return [];
  const effect = `reads and writes the repository of this worktree, ${directory}`;
  return [{ key: ".git", value: directory, effect }];
}

function dockerAccess({ dependencies }: RunRequest): TrustedSetting[] {
  return dependencies
    .filter(({ text, origin }) => origin === "project" && text.startsWith("docker:"))
    .map(({ text }) => ({
      key: "dependencies",
      value: text,
      effect: DOCKER_EFFECTS[text] ?? "uses Docker",
    }));
}

function isolation(
  { isolation, runtime }: RunRequest,
  { chosenRank, automaticRank }: TrustFacts,
): TrustedSetting[] {
  const settings: TrustedSetting[] = [];
  if (isolation?.want === "none" && isolation.origin === "project") {
    settings.push({ key: "sandbox", value: "none", effect: "shares the machine's kernel" });
  }
  if (runtime?.origin === "project" && chosenRank < automaticRank) {
    settings.push({
      key: "runtime",
      value: runtime.id,
      effect: "isolates less than the automatic choice",
    });
  }
  return settings;
}

function network({ network, config }: RunRequest): TrustedSetting[] {
  const settings: TrustedSetting[] = [];
  if (network.mode === "host" && network.origin === "project") {
    settings.push({
      key: "network.mode",
      value: "host",
      effect: "reaches what listens on this machine only",
    });
  }
  if (config.network.host.length > 0) {
    settings.push({
      key: "network.host",
      value: canonicalJson(config.network.host),
      effect: "reaches these ports of this machine",
    });
  }
  const { rules, reach } = config.network;
  if (rules.length > 0) {
    settings.push({
      key: "network.rules",
      value: canonicalJson(rules),
      effect: reach.length === rules.length
        ? "reaches endpoints of these runs"
        : "changes what may be reached",
    });
  }
  return settings;
}

function images({ config }: RunRequest): TrustedSetting[] {
  const services = Object.entries(config.services).flatMap(([name, { image }]) =>
    image === undefined ? [] : [{
      key: `services.${name}.image`,
      value: image,
      effect: "runs this image as a service",
    }]
  );
  const base = config.baseImage;
  if (base === undefined || CATALOGUE_BASES.test(base)) return services;
  const effect = "builds on an image that is not of the catalogue";
  return [{ key: "base_image", value: base, effect }, ...services];
}

/** An image is built by the engine's own isolation, which is weaker than gVisor. */
function buildHooks({ config: { hooks } }: RunRequest, facts: TrustFacts): TrustedSetting[] {
  if (facts.isolation !== "gvisor") return [];
  const effect = "runs outside of gVisor while the image is built";
  return [
    { key: "hooks.post_build_root", value: hooks.postBuildRoot },
    { key: "hooks.post_build", value: hooks.postBuild },
  ].flatMap(({ key, value }) => value === undefined ? [] : [{ key, value, effect }]);
}

function listed({ config }: RunRequest): TrustedSetting[] {
  const grants: readonly unknown[] = Array.isArray(config.grants)
    ? config.grants
    : config.grants === undefined
    ? []
    : [config.grants];
  return [
    ...grants.map((grant) => ({
      key: "grants",
      value: typeof grant === "string" ? grant : canonicalJson(grant),
      effect: "uses this credential",
    })),
    ...config.plugins.map((plugin) => ({
      key: "plugins",
      value: plugin,
      effect: "runs a plugin from elsewhere",
    })),
  ];
}
