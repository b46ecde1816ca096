/**
 * PostgreSQL: an image that is made from the official one, or the host's own server.
 *
 * @module
 */

import { createDependency, type Manifest } from "../../core/plugin/manifest.ts";
import type { DependencyPlugin } from "../../core/plugin/contract.ts";
import { PASSWORD, PASSWORD_FILE } from "./_password.ts";
import host from "./scripts/postgres_host.sh" with { type: "text" };
import resume from "./scripts/postgres_resume.sh" with { type: "text" };
import seed from "./scripts/postgres_seed.sh" with { type: "text" };
import start from "./scripts/postgres_start.sh" with { type: "text" };

/** No volume of the image, so that it becomes part of a template. */
const DIRECTORY = "/var/lib/moat/postgres";

/** The manifest of `postgres`. */
export const POSTGRES: Manifest = {
  schema: 1,
  kind: "dependency",
  id: "postgres",
  summary: "PostgreSQL, a database",
  category: "service",
  origin: "image postgres",
  versions: { default: "17", known: [{ version: "17" }], others: 1 },
  service: {
    image: "postgres:{version}",
    script: start,
    command: ["postgres"],
    port: 5432,
    env: {
      PGDATA: DIRECTORY,
      POSTGRES_USER: "postgres",
      POSTGRES_DB: "postgres",
      POSTGRES_PASSWORD_FILE: PASSWORD_FILE,
    },
    reserved: ["PGDATA", "POSTGRES_PASSWORD", "POSTGRES_PASSWORD_FILE"],
    files: [PASSWORD],
    ready: { kind: "postgres", port: 5432 },
    variables: {
      MOAT_POSTGRES_URL:
        "postgresql://{url.POSTGRES_USER}:{password}@{host}:5432/{url.POSTGRES_DB}",
      MOAT_POSTGRES_HOST: "{host}",
      MOAT_POSTGRES_PORT: "5432",
      MOAT_POSTGRES_USER: "{env.POSTGRES_USER}",
      MOAT_POSTGRES_PASSWORD: "{password}",
      MOAT_POSTGRES_DB: "{env.POSTGRES_DB}",
    },
    data: { directory: DIRECTORY, resume, template: true, seed },
    host: {
      programs: ["postgres", "initdb"],
      script: host,
      directories: [
        "/usr/lib/postgresql/*/bin",
        "/usr/pgsql-*/bin",
        "/opt/homebrew/opt/postgresql@*/bin",
      ],
      hint: "Install it (apt-get install postgresql), or use --runtime docker",
    },
  },
};

/** The `postgres` dependency. */
export const postgres: DependencyPlugin = createDependency(POSTGRES);
