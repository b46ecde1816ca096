/**
 * What must fit together in moat.yaml beyond the shape of each key.
 *
 * @module
 */

import { ConfigError } from "../errors.ts";
import type { ProjectConfig } from "./project_config.ts";
import type { YamlFile, YamlPath } from "./read_yaml.ts";
import { comparePositions, formatPath } from "./validate.ts";

/** @throws ConfigError for the first key that contradicts another */
export function checkProject(config: ProjectConfig, yaml: YamlFile): void {
  const [first] = [
    ...doubleTargets(config, yaml),
    ...namelessVolumes(config, yaml),
    ...doubleVolumes(config, yaml),
    ...doubleVariables(config, yaml),
  ].toSorted((a, b) => comparePositions(a.position, b.position));
  if (first !== undefined) throw first;
}

function doubleTargets({ mounts, volumes }: ProjectConfig, yaml: YamlFile): ConfigError[] {
  const places = [
    ...mounts.map(({ target }, index) => ({ target, path: ["mounts", index] })),
    ...volumes.map(({ target }, index) => ({ target, path: ["volumes", index] })),
  ].toSorted((a, b) => comparePositions(yaml.positionOf(a.path), yaml.positionOf(b.path)));
  const seen = new Map<string, YamlPath>();
  return places.flatMap(({ target, path }) => {
    const before = seen.get(target);
    seen.set(target, before ?? path);
    if (before === undefined) return [];
    return [
      new ConfigError(
        yaml.positionOf(path),
        `Cannot read "${formatPath(path)}": "${target}" is the target of ${
          formatPath(before)
        } already`,
        { hint: "Give each mount and volume a target of its own" },
      ),
    ];
  });
}

function namelessVolumes({ name, volumes }: ProjectConfig, yaml: YamlFile): ConfigError[] {
  if (volumes.length === 0 || name !== undefined) return [];
  return [
    new ConfigError(
      yaml.positionOfKey(["volumes"]),
      'Cannot read "volumes": volumes need the project\'s name',
      { hint: "Add a line such as name: my-app" },
    ),
  ];
}

function doubleVolumes({ volumes }: ProjectConfig, yaml: YamlFile): ConfigError[] {
  return volumes.flatMap(({ name }, index) => {
    if (volumes.findIndex((other) => other.name === name) === index) return [];
    const path = ["volumes", index, "name"];
    return [
      new ConfigError(
        yaml.positionOf(path),
        `Cannot read "${formatPath(path)}": "${name}" is there twice`,
        { hint: "Give each volume a name of its own" },
      ),
    ];
  });
}

/** A variable that is both plain and secret, as the Go tool refuses it too. */
function doubleVariables({ env }: ProjectConfig, yaml: YamlFile): ConfigError[] {
  const written = yaml.value;
  if (typeof written !== "object" || written === null || !("secrets" in written)) return [];
  const { secrets } = written;
  if (typeof secrets !== "object" || secrets === null) return [];
  return Object.keys(secrets).filter((name) => Object.hasOwn(env, name)).map((name) =>
    new ConfigError(
      yaml.positionOfKey(["secrets", name]),
      `Cannot read "secrets": "${name}" is in env too`,
      { hint: "Keep one of the two" },
    )
  );
}
