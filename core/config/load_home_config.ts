/**
 * Loads `config.yaml` of the home. The Go tool reads the same file, so that keys unknown here are
 * let pass; a known key with a bad value is an error, never dropped.
 *
 * @module
 */

import type { Paths } from "../store/paths.ts";
import type { HomeConfig } from "./project_config.ts";
import { readYaml } from "./read_yaml.ts";

const MIB = 1024 ** 2;
const SIZE_UNITS: Readonly<Record<string, number>> = {
  "": MIB,
  k: 1024,
  m: MIB,
  g: 1024 ** 3,
  t: 1024 ** 4,
};

/** The home's configuration; empty without a file. @throws ConfigError with line and column */
export async function loadHomeConfig({ config: file }: Pick<Paths, "config">): Promise<HomeConfig> {
  const yaml = await readYaml(file, { verbatim: [] });
  if (yaml === undefined) return { mounts: [], registries: [] };
  const [{ HOME_SCHEMA }, { validate }, { toConfigMount }] = await Promise.all([
    import("./schema.ts"),
    import("./validate.ts"),
    import("./to_project_config.ts"),
  ]);
  const written = validate(HOME_SCHEMA, yaml);
  const networkPool = written.network?.pool;
  const proxyPort = written.proxy?.port;
  const dockerPackages = written.docker?.packages;
  const dockerBuildCache = written.docker?.build_cache;
  const max = written.logs?.max;
  return {
    ...(networkPool === undefined ? {} : { networkPool }),
    ...(max === undefined ? {} : { logsMaxBytes: toBytes(String(max)) }),
    ...(proxyPort === undefined ? {} : { proxyPort }),
    ...(dockerPackages === undefined ? {} : { dockerPackages }),
    ...(dockerBuildCache === undefined ? {} : { dockerBuildCache }),
    registries: written.registries.map((registry) =>
      typeof registry === "string" ? { location: registry } : {
        location: registry.url,
        ...(registry.key === undefined ? {} : { key: registry.key }),
      }
    ),
    mounts: written.mounts.map((mount) => ({ ...toConfigMount(mount), readOnly: true })),
  };
}

/** Bytes of `256m`, or MiB without a unit; the schema has checked the form. */
function toBytes(size: string): number {
  const [, digits = "", unit = ""] = /^(\d+(?:\.\d+)?)([kmgt]?)b?$/i.exec(size) ?? [];
  return Math.round(Number(digits) * (SIZE_UNITS[unit.toLowerCase()] ?? MIB));
}
