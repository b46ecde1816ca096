/**
 * The services that can be named. They run beside a run, which nothing does yet.
 *
 * @module
 */

import type { DependencyPlugin } from "../../core/plugin/contract.ts";

const ROWS = [
  { id: "mariadb", summary: "MariaDB, a database", version: "11" },
  { id: "ministack", summary: "Ministack, AWS services on this machine", version: "1.3" },
  { id: "mysql", summary: "MySQL, a database", version: "8" },
  { id: "ollama", summary: "Ollama, language models on this machine", version: "0.18.1" },
  { id: "postgres", summary: "PostgreSQL, a database", version: "17" },
  { id: "redis", summary: "Redis, a store in memory", version: "7" },
  { id: "valkey", summary: "Valkey, a store in memory", version: "8" },
] as const;

/** The plugins of the rows. */
export const services: readonly DependencyPlugin[] = ROWS.map(({ id, summary, version }) => ({
  kind: "dependency",
  id,
  summary,
  category: "service",
  origin: `image ${id}`,
  versions: { default: version, known: [{ version }], open: { minParts: 1 } },
  notYet: `the service ${id} cannot be started yet`,
  contribute: () => ({}),
}));
