/**
 * The first-party services, sorted by id.
 *
 * @module
 */

import type { DependencyPlugin } from "../../core/plugin/contract.ts";
import { ministack } from "./ministack.ts";
import { mariadb, mysql } from "./mysql.ts";
import { ollama } from "./ollama.ts";
import { postgres } from "./postgres.ts";
import { redis, valkey } from "./redis.ts";

/** Servers beside a run. */
export const SERVICES: readonly DependencyPlugin[] = [
  mariadb,
  ministack,
  mysql,
  ollama,
  postgres,
  redis,
  valkey,
];
