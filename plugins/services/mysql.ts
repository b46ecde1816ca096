/**
 * MySQL and MariaDB, which are started and spoken to in the same way.
 *
 * Their servers are initialised here and not by the images' entry points, which know the image's own
 * directory, start the server twice and set the password the first time only.
 *
 * @module
 */

import type { DependencyPlugin } from "../../core/plugin/contract.ts";
import { createDependency, type Manifest } from "../../core/plugin/manifest.ts";
import { PASSWORD, PASSWORD_FILE } from "./_password.ts";
import seed from "./scripts/mysql_seed.sh" with { type: "text" };
import start from "./scripts/mysql_start.sh" with { type: "text" };

interface Flavour {
  readonly id: string;
  readonly name: string;
  readonly version: string;
  readonly server: string;
}

/** The manifest of `mysql`. */
export const MYSQL: Manifest = createFlavour({
  id: "mysql",
  name: "MySQL",
  version: "8",
  server: "mysqld",
});

/** The manifest of `mariadb`. */
export const MARIADB: Manifest = createFlavour({
  id: "mariadb",
  name: "MariaDB",
  version: "11",
  server: "mariadbd",
});

/** The `mysql` dependency. */
export const mysql: DependencyPlugin = createDependency(MYSQL);

/** The `mariadb` dependency. */
export const mariadb: DependencyPlugin = createDependency(MARIADB);

function createFlavour({ id, name, version, server }: Flavour): Manifest {
  const upper = id.toUpperCase();
  const database = `${upper}_DATABASE`;
  return {
    schema: 1,
    kind: "dependency",
    id,
    summary: `${name}, a database`,
    category: "service",
    origin: `image ${id}`,
    versions: { default: version, known: [{ version }], others: 1 },
    service: {
      image: `${id}:{version}`,
      script: start,
      command: [server],
      port: 3306,
      env: { [database]: "moat", [`${upper}_ROOT_PASSWORD_FILE`]: PASSWORD_FILE },
      reserved: ["MYSQL", "MARIADB"].flatMap((prefix) =>
        ["ROOT_PASSWORD", "PASSWORD", "RANDOM_ROOT_PASSWORD", "ALLOW_EMPTY_PASSWORD"].flatMap(
          (what) => [`${prefix}_${what}`, `${prefix}_${what}_FILE`],
        )
      ),
      files: [PASSWORD],
      ready: { kind: "mysql", port: 3306 },
      variables: {
        [`MOAT_${upper}_URL`]: `mysql://root:{password}@{host}:3306/{url.${database}}`,
        [`MOAT_${upper}_HOST`]: "{host}",
        [`MOAT_${upper}_PORT`]: "3306",
        [`MOAT_${upper}_USER`]: "root",
        [`MOAT_${upper}_PASSWORD`]: "{password}",
        [`MOAT_${upper}_DB`]: `{env.${database}}`,
      },
      data: { directory: "/var/lib/moat/mysql", resume: start, template: true, seed },
    },
  };
}
