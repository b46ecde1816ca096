/**
 * Database rows as typed values: the one place that narrows what SQLite gives.
 *
 * @module
 */

import { isRunId } from "../ids.ts";
import type { Isolation, Resource, ResourceKind } from "../plugin/runtime.ts";
import type { RunPlan } from "../run/plan.ts";
import type { RunState } from "../run/states.ts";
import type { OwnerKind, RunRecord } from "./run_record.ts";

/** A row as `node:sqlite` returns it, or as JSON made by SQLite. */
export type Row = Readonly<Record<string, unknown>>;

/** What may exist: one step of one run. */
export interface JournalEntry {
  readonly n: number;
  readonly runId: string;
  readonly step: string;
  readonly resource?: Resource;
  /** False when the step was begun and its end was not recorded. */
  readonly done: boolean;
}

/** Columns of a record without the plan, which is large and seldom needed. */
export const RECORD_COLUMNS = [
  "id",
  "name",
  "state",
  "project",
  "runtime",
  "target",
  "owner",
  "detached",
  "created_at",
  "started_at",
  "finished_at",
  "exit_code",
  "reason",
  "isolation",
  "isolated_by",
  "endpoints",
  "services",
] as const;

const JSON_COLUMNS: ReadonlySet<string> = new Set(["endpoints", "services"]);

/** A record as one JSON value: a thousand of them are read at a third of the cost of rows. */
export const RECORD_JSON = `json_object(${
  RECORD_COLUMNS.map((column) =>
    JSON_COLUMNS.has(column) ? `'${column}', json(${column})` : `'${column}', ${column}`
  ).join(", ")
})`;

const STATES: readonly RunState[] = [
  "created",
  "starting",
  "running",
  "stopping",
  "stopped",
  "failed",
];
const OWNERS: readonly OwnerKind[] = ["cli", "daemon"];
const ISOLATIONS: readonly Isolation[] = ["gvisor", "container", "vm", "namespaces"];
const KINDS: readonly ResourceKind[] = ["container", "network", "volume"];

/** The text in a column. @throws TypeError when it is something else */
export function textOf(row: Row, column: string): string {
  const value = row[column];
  if (typeof value !== "string") throw new TypeError(`Column ${column} holds no text`);
  return value;
}

/** The integer in a column. @throws TypeError when it is something else */
export function integerOf(row: Row, column: string): number {
  const value = row[column];
  if (typeof value !== "number") throw new TypeError(`Column ${column} holds no integer`);
  return value;
}

/** The text in a column, or `undefined` for null. */
export function optionalTextOf(row: Row, column: string): string | undefined {
  return row[column] === null ? undefined : textOf(row, column);
}

/** The record in a {@linkcode RECORD_JSON}; the plan is read when it is first looked at. */
export function recordOf(row: Row, readPlan: (id: string) => RunPlan): RunRecord {
  const id = textOf(row, "id");
  if (!isRunId(id)) throw new TypeError(`Not a run's id: ${id}`);
  let plan: RunPlan | undefined;
  const record: Writable<RunRecord> = {
    id,
    name: textOf(row, "name"),
    state: oneOf(STATES, textOf(row, "state")),
    project: textOf(row, "project"),
    runtime: textOf(row, "runtime"),
    target: textOf(row, "target"),
    owner: oneOf(OWNERS, textOf(row, "owner")),
    detached: row.detached === 1,
    createdAt: textOf(row, "created_at"),
    endpoints: endpointsOf(row),
    get plan(): RunPlan {
      plan ??= readPlan(id);
      return plan;
    },
  };
  // Absent where null; assigned one by one, as spreads are what makes a long list slow.
  if (row.started_at !== null) record.startedAt = textOf(row, "started_at");
  if (row.finished_at !== null) record.finishedAt = textOf(row, "finished_at");
  if (row.exit_code !== null) record.exitCode = integerOf(row, "exit_code");
  if (row.reason !== null) record.reason = textOf(row, "reason");
  if (row.isolation !== null) record.isolation = oneOf(ISOLATIONS, textOf(row, "isolation"));
  if (row.isolated_by !== null) record.isolatedBy = textOf(row, "isolated_by");
  if (row.services !== null) record.services = servicesOf(row);
  return record;
}

type Writable<T> = { -readonly [K in keyof T]: T[K] };

function endpointsOf({ endpoints }: Row): RunRecord["endpoints"] {
  if (!Array.isArray(endpoints)) throw new TypeError("Column endpoints holds no list");
  return endpoints;
}

function servicesOf({ services }: Row): NonNullable<RunRecord["services"]> {
  if (!Array.isArray(services)) throw new TypeError("Column services holds no list");
  return services;
}

/** The journal entry in a row. */
export function journalEntryOf(row: Row): JournalEntry {
  const kind = optionalTextOf(row, "kind");
  const name = optionalTextOf(row, "name");
  return {
    n: integerOf(row, "n"),
    runId: textOf(row, "run_id"),
    step: textOf(row, "step"),
    ...(kind === undefined || name === undefined
      ? {}
      : { resource: { kind: oneOf(KINDS, kind), name } }),
    done: integerOf(row, "done") === 1,
  };
}

function oneOf<const T extends string>(values: readonly T[], text: string): T {
  for (const value of values) if (value === text) return value;
  throw new TypeError(`Not one of ${values.join(", ")}: ${text}`);
}
