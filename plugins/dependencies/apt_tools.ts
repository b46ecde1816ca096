/**
 * The tools that come from Debian, at the version of the base's release.
 *
 * @module
 */

import type { DependencyPlugin } from "../../core/plugin/contract.ts";
import { type AptTool, aptTool } from "./_apt_tool.ts";

/** One row each. */
export const APT_TOOLS: readonly AptTool[] = [
  { id: "bats", summary: "Tests for shell scripts" },
  { id: "curl", summary: "Transfers files over HTTP and more" },
  { id: "git", summary: "Version control", packages: ["git", "openssh-client"] },
  { id: "jq", summary: "Cuts JSON to shape" },
  { id: "make", summary: "Runs what a Makefile says" },
  {
    id: "mysql-client",
    summary: "MySQL's and MariaDB's command-line client",
    packages: ["default-mysql-client"],
    commands: ["mysql"],
  },
  {
    id: "psql",
    summary: "PostgreSQL's command-line client",
    packages: ["postgresql-client"],
  },
  { id: "redis-cli", summary: "Redis' command-line client", packages: ["redis-tools"] },
  { id: "sqlite3", summary: "SQLite's command-line client" },
];

/** The plugins of the rows. */
export const aptTools: readonly DependencyPlugin[] = APT_TOOLS.map(aptTool);
