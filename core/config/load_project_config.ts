/**
 * Loads moat.yaml of a project, or agent.yaml where there is no moat.yaml.
 *
 * The libraries behind it are loaded only when there is a file.
 *
 * @module
 */

import { join } from "node:path";
import type { ProjectConfig } from "./project_config.ts";
import { readYaml } from "./read_yaml.ts";
import { keysWithoutEffect } from "./without_effect.ts";

/** In order of preference. */
const FILES = ["moat.yaml", "agent.yaml"] as const;

/** The configuration of a project that has no file. */
export const NOTHING_WRITTEN: ProjectConfig = {
  file: undefined,
  dependencies: [],
  services: {},
  env: {},
  mounts: [],
  volumes: [],
  ports: [],
  network: { mode: "private", policy: "permissive", rules: [], reach: [], host: [] },
  interactive: false,
  hooks: {},
  container: { dns: [], ulimits: [] },
  trustHostCa: false,
  plugins: [],
  grants: undefined,
  withoutEffect: [],
};

/** The project's configuration. @throws ConfigError with line and column for what is wrong in it */
export async function loadProjectConfig(projectPath: string): Promise<ProjectConfig> {
  for (const name of FILES) {
    const file = join(projectPath, name);
    const yaml = await readYaml(file, {
      verbatim: [
        ["env", "*"],
        ["command"],
        ["command", "*"],
        ["services", "*", "env", "*"],
        ["services", "*", "command", "*"],
      ],
    });
    if (yaml === undefined) continue;
    const [{ PROJECT_SCHEMA }, { validate }, { toProjectConfig }, { checkProject }] = await Promise
      .all([
        import("./schema.ts"),
        import("./validate.ts"),
        import("./to_project_config.ts"),
        import("./check_project.ts"),
      ]);
    const config = toProjectConfig(validate(PROJECT_SCHEMA, yaml), {
      file,
      withoutEffect: keysWithoutEffect(yaml.value),
    });
    checkProject(config, yaml);
    return config;
  }
  return NOTHING_WRITTEN;
}
