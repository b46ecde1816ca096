/**
 * The database of one MOAT_HOME: runs, the step journal, subnets, routes, trust, image use.
 *
 * Every call is one short transaction, so that many processes share it. Changes of state are
 * compare-and-set; only a run's owner makes them (see `owner.ts`).
 *
 * @module
 */

import type { DatabaseSync, SQLInputValue } from "node:sqlite";
import { MoatError, UsageError } from "../errors.ts";
import type { Resource } from "../plugin/runtime.ts";
import type { RunPlan, TrustedSetting } from "../run/plan.ts";
import { nextState, type RunState } from "../run/states.ts";
import { pickSubnet } from "../run/subnets.ts";
import { openDatabase, openDatabaseReadOnly } from "./open_database.ts";
import type { Paths } from "./paths.ts";
import {
  type JournalEntry,
  journalEntryOf,
  optionalTextOf,
  RECORD_COLUMNS,
  RECORD_JSON,
  recordOf,
  type Row,
  textOf,
} from "./rows.ts";
import type { RunRecord } from "./run_record.ts";

export type { JournalEntry } from "./rows.ts";

/** What {@linkcode Store.findRuns} looks for; conditions add up. */
export interface RunQuery {
  /** Only live ones (true) or only ended ones (false). */
  readonly live?: boolean;
  /** Live ones, and those that were created at this RFC 3339 time or later. */
  readonly since?: string;
  readonly project?: string;
  readonly name?: string;
  readonly idPrefix?: string;
}

/** A change of state. */
export interface StateChange {
  readonly from: RunState;
  readonly to: RunState;
  readonly patch?: Partial<RunRecord>;
}

/** What a project's owner has accepted. */
export interface AcceptedTrust {
  readonly project: string;
  readonly digest: string;
  readonly settings: readonly TrustedSetting[];
  readonly acceptedAt: string;
}

/** A runtime at a place that some run of this home has used. */
export interface RuntimeTarget {
  readonly runtime: string;
  readonly target: string;
}

/** The fact that says on which port the router serves, also while the daemon is down. */
export const ROUTER_PORT_FACT = "router.port";

const LIVE = "('created', 'starting', 'running', 'stopping')";

/** Columns that a patch may set. What makes a run the run it is cannot be changed. */
const PATCHABLE = {
  owner: "owner",
  detached: "detached",
  startedAt: "started_at",
  finishedAt: "finished_at",
  exitCode: "exit_code",
  reason: "reason",
  isolation: "isolation",
  isolatedBy: "isolated_by",
  services: "services",
} as const;

/** An open database. */
export class Store implements Disposable {
  /** Random, made with the database; the value of the label `moat.home`. */
  readonly homeId: string;
  readonly #database: DatabaseSync;

  /** Opens, and makes what is not there. @throws MoatError (exit code 3) for a newer database */
  static open(paths: Paths): Store {
    return new Store(openDatabase(paths));
  }

  /** Opens for reading; `undefined` when nothing was ever stored. Creates and writes nothing. */
  static openExisting(paths: Paths): Store | undefined {
    const database = openDatabaseReadOnly(paths);
    return database === undefined ? undefined : new Store(database);
  }

  private constructor(database: DatabaseSync) {
    this.#database = database;
    this.homeId = this.fact("home") ?? "";
  }

  [Symbol.dispose](): void {
    if (this.#database.isOpen) this.#database.close();
  }

  /** Stores a new run. @throws UsageError when a live run has the name */
  insertRun(record: RunRecord): void {
    const { plan } = record;
    this.#transaction(() => {
      const holder = this.#row(
        `select id from runs where name = ? and state in ${LIVE}`,
        record.name,
      );
      if (holder !== undefined) throw nameInUse(record.name, textOf(holder, "id"));
      this.#run(
        `insert into runs (${RECORD_COLUMNS.join(", ")}, plan)
         values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
        record.id,
        record.name,
        record.state,
        record.project,
        record.runtime,
        record.target,
        record.owner,
        record.detached ? 1 : 0,
        record.createdAt,
        record.startedAt ?? null,
        record.finishedAt ?? null,
        record.exitCode ?? null,
        record.reason ?? null,
        record.isolation ?? null,
        record.isolatedBy ?? null,
        JSON.stringify(record.endpoints),
        record.services === undefined ? null : JSON.stringify(record.services),
        JSON.stringify(plan),
      );
      this.#run(
        "insert or ignore into targets (runtime, target) values (?, ?)",
        record.runtime,
        record.target,
      );
    });
  }

  /** The run with exactly this id. */
  getRun(id: string): RunRecord | undefined {
    return this.#records("where id = ?", id)[0];
  }

  /** Runs that meet all conditions, newest first. */
  findRuns({ live, since, project, name, idPrefix }: RunQuery = {}): readonly RunRecord[] {
    const conditions: string[] = [];
    const values: string[] = [];
    if (live !== undefined) conditions.push(`state ${live ? "in" : "not in"} ${LIVE}`);
    if (since !== undefined) {
      conditions.push(`(created_at >= ? or state in ${LIVE})`);
      values.push(since);
    }
    if (project !== undefined) {
      conditions.push("project = ?");
      values.push(project);
    }
    if (name !== undefined) {
      conditions.push("name = ?");
      values.push(name);
    }
    if (idPrefix !== undefined) {
      conditions.push(`substr(id, 1, ${idPrefix.length}) = ?`);
      values.push(idPrefix);
    }
    const where = conditions.length === 0 ? "" : `where ${conditions.join(" and ")}`;
    return this.#records(`${where} order by created_at desc, rowid desc`, ...values);
  }

  /**
   * Changes the state if it still is `from`; says whether it was.
   * @throws TypeError for a change that is never legal
   */
  transition(id: string, { from, to, patch = {} }: StateChange): boolean {
    nextState(from, to);
    const { columns, values } = assignments(patch);
    const sets = ["state = ?", ...columns].join(", ");
    return this.#run(
      `update runs set ${sets} where id = ? and state = ?`,
      to,
      ...values,
      id,
      from,
    ) ===
      1;
  }

  /** Changes what is not the state. */
  update(
    id: string,
    patch: Partial<
      Pick<RunRecord, "owner" | "detached" | "isolation" | "isolatedBy" | "services">
    >,
  ): void {
    const { columns, values } = assignments(patch);
    if (columns.length > 0) {
      this.#run(`update runs set ${columns.join(", ")} where id = ?`, ...values, id);
    }
  }

  /** Forgets the run, its journal and its subnet. Its files are the caller's. Idempotent. */
  deleteRun(id: string): void {
    this.#transaction(() => {
      this.#run("delete from runs where id = ?", id);
      this.#run("delete from journal where run_id = ?", id);
      this.#run("delete from subnets where run_id = ?", id);
      this.#run("delete from routes where run_id = ?", id);
    });
  }

  /** Every runtime and target that a run of this home has ever used. */
  targets(): readonly RuntimeTarget[] {
    return this.#rows("select runtime, target from targets order by runtime, target")
      .map((row) => ({ runtime: textOf(row, "runtime"), target: textOf(row, "target") }));
  }

  /** What may exist for the run, in the order in which it was begun. */
  journal(runId: string): readonly JournalEntry[] {
    return this.#rows("select * from journal where run_id = ? order by n", runId)
      .map(journalEntryOf);
  }

  /** Runs that have journal entries. */
  journalledRuns(): readonly string[] {
    return this.#rows("select distinct run_id from journal order by run_id")
      .map((row) => textOf(row, "run_id"));
  }

  /** Records what may exist from now on; returns the entry's number. */
  beginStep(runId: string, entry: { readonly step: string; readonly resource?: Resource }): number {
    const result = this.#database
      .prepare("insert into journal (run_id, step, kind, name) values (?, ?, ?, ?)")
      .run(runId, entry.step, entry.resource?.kind ?? null, entry.resource?.name ?? null);
    return Number(result.lastInsertRowid);
  }

  /** Records that the step was carried out. */
  endStep(n: number): void {
    this.#run("update journal set done = 1 where n = ?", n);
  }

  /** Forgets the step: what it made is gone. */
  forgetStep(n: number): void {
    this.#run("delete from journal where n = ?", n);
  }

  /** Takes a /28 of the pool that neither a run nor the list has. @throws MoatError when none is left */
  takeSubnet(runId: string, pool: string, taken: readonly string[]): string {
    return this.#transaction(() => {
      const ours = this.#rows("select subnet from subnets").map((row) => textOf(row, "subnet"));
      const startAt = (Number.parseInt(this.homeId.slice(0, 4), 16) || 0) / 0x10000;
      const subnet = pickSubnet(pool, [...ours, ...taken], { startAt });
      if (subnet === undefined) {
        throw new MoatError(`Cannot take a subnet from "${pool}": none is free`, {
          hint: "Set network.pool in config.yaml to another range, such as 172.30.0.0/16",
        });
      }
      this.#run("insert into subnets (subnet, run_id) values (?, ?)", subnet, runId);
      return subnet;
    });
  }

  /** Gives back the run's subnets. Idempotent. */
  freeSubnet(runId: string): void {
    this.#run("delete from subnets where run_id = ?", runId);
  }

  /** Runs whose endpoints the router serves, oldest first; some may have ended since. */
  routedRuns(): readonly RunRecord[] {
    return this.#records("where id in (select run_id from routes) order by created_at, rowid");
  }

  /** Says whether the router serves the run's endpoints. */
  isRouted(runId: string): boolean {
    return this.#row("select 1 from routes where run_id = ?", runId) !== undefined;
  }

  /** Remembers that the router serves the run's endpoints; the daemon's alone. Idempotent. */
  addRoute(runId: string): void {
    this.#run(
      "insert or ignore into routes (run_id, since) values (?, ?)",
      runId,
      new Date().toISOString(),
    );
  }

  /** Forgets a route; the daemon's alone. Idempotent. */
  deleteRoute(runId: string): void {
    this.#run("delete from routes where run_id = ?", runId);
  }

  /** Says whether exactly these settings were accepted for the project. */
  isTrusted(project: string, digest: string): boolean {
    return this.#row("select 1 from trust where project = ? and digest = ?", project, digest) !==
      undefined;
  }

  /** Accepts the settings for the project, in place of what was accepted before. */
  trust(project: string, digest: string, settings: readonly TrustedSetting[]): void {
    this.#run(
      "insert or replace into trust (project, digest, settings, accepted_at) values (?, ?, ?, ?)",
      project,
      digest,
      JSON.stringify(settings),
      new Date().toISOString(),
    );
  }

  /** Takes acceptance back; says whether there was any. */
  untrust(project: string): boolean {
    return this.#run("delete from trust where project = ?", project) > 0;
  }

  /** What was accepted, by project. */
  listTrusted(): readonly AcceptedTrust[] {
    return this.#rows("select * from trust order by project").map((row) => ({
      project: textOf(row, "project"),
      digest: textOf(row, "digest"),
      settings: JSON.parse(textOf(row, "settings")),
      acceptedAt: textOf(row, "accepted_at"),
    }));
  }

  /** Says whether the user of this home accepted the plugin with exactly these files. */
  isPluginAccepted(digest: string): boolean {
    return this.#row("select 1 from plugins where digest = ?", digest) !== undefined;
  }

  /** Accepts a plugin, for all projects of this home. Idempotent. */
  acceptPlugin(
    { digest, id, version, source }: {
      readonly digest: string;
      readonly id: string;
      readonly version: string;
      readonly source: string;
    },
  ): void {
    this.#run(
      "insert or ignore into plugins (digest, id, version, source, accepted_at) values (?, ?, ?, ?, ?)",
      digest,
      id,
      version,
      source,
      new Date().toISOString(),
    );
  }

  /** Records that the run uses the image now. */
  recordImageUse(tag: string, runId: string): void {
    this.#run(
      "insert or replace into images (tag, used_at, run_id) values (?, ?, ?)",
      tag,
      new Date().toISOString(),
      runId,
    );
  }

  /** Images that this home has used, but no live run of it, and none since the time. */
  imagesUnusedSince(date: string): readonly string[] {
    return this.#rows(
      `select tag from images where used_at < ?
       and run_id not in (select id from runs where state in ${LIVE}) order by tag`,
      date,
    ).map((row) => textOf(row, "tag"));
  }

  /** Forgets an image that is gone. */
  forgetImage(tag: string): void {
    this.#run("delete from images where tag = ?", tag);
  }

  /** A value of the home, such as the daemon's socket. */
  fact(key: string): string | undefined {
    const row = this.#row("select value from facts where key = ?", key);
    return row && textOf(row, "value");
  }

  /** Sets or, with `undefined`, removes a value of the home. */
  setFact(key: string, value: string | undefined): void {
    if (value === undefined) this.#run("delete from facts where key = ?", key);
    else this.#run("insert or replace into facts (key, value) values (?, ?)", key, value);
  }

  /** What belongs to a run besides its record. */
  note(id: string, kind: RunNote): string | undefined {
    const row = this.#row(`select ${NOTES[kind]} as note from runs where id = ?`, id);
    return row && optionalTextOf(row, "note");
  }

  /** Sets or, with `undefined`, removes what belongs to a run besides its record. */
  setNote(id: string, kind: RunNote, text: string | undefined): void {
    this.#run(`update runs set ${NOTES[kind]} = ? where id = ?`, text ?? null, id);
  }

  #records(where: string, ...values: readonly SQLInputValue[]): readonly RunRecord[] {
    const row = this.#row(
      `select json_group_array(${RECORD_JSON}) as records
       from (select ${RECORD_COLUMNS.join(", ")} from runs ${where})`,
      ...values,
    );
    const records: unknown = row && JSON.parse(textOf(row, "records"));
    if (!Array.isArray(records)) throw new TypeError("SQLite gave no list of records");
    return records.map((record) => recordOf(record, (id) => this.#plan(id)));
  }

  #plan(id: string): RunPlan {
    const row = this.#row("select plan from runs where id = ?", id);
    if (row === undefined) throw new MoatError(`Cannot read plan of run "${id}": it was destroyed`);
    return JSON.parse(textOf(row, "plan"));
  }

  #row(sql: string, ...values: readonly SQLInputValue[]): Row | undefined {
    return this.#database.prepare(sql).get(...values);
  }

  #rows(sql: string, ...values: readonly SQLInputValue[]): readonly Row[] {
    return this.#database.prepare(sql).all(...values);
  }

  #run(sql: string, ...values: readonly SQLInputValue[]): number {
    return Number(this.#database.prepare(sql).run(...values).changes);
  }

  #transaction<T>(body: () => T): T {
    this.#database.exec("begin immediate");
    try {
      const result = body();
      this.#database.exec("commit");
      return result;
    } catch (error) {
      this.#database.exec("rollback");
      throw error;
    }
  }
}

/**
 * `socket`: where the owner answers; `snapshot`: the project before the run, as JSON; `handedOver`:
 * how much output the CLI had logged, as JSON.
 */
export type RunNote = keyof typeof NOTES;

const NOTES = { socket: "socket", snapshot: "snapshot", handedOver: "handed_over" } as const;

function assignments(
  patch: Partial<RunRecord>,
): { readonly columns: readonly string[]; readonly values: readonly SQLInputValue[] } {
  const columns: string[] = [];
  const values: SQLInputValue[] = [];
  for (const key of Object.keys(PATCHABLE)) {
    if (!isPatchable(key) || patch[key] === undefined) continue;
    const value = patch[key];
    columns.push(`${PATCHABLE[key]} = ?`);
    values.push(columnValue(value));
  }
  return { columns, values };
}

function columnValue(value: NonNullable<RunRecord[keyof typeof PATCHABLE]>): SQLInputValue {
  if (typeof value === "object") return JSON.stringify(value);
  return typeof value === "boolean" ? Number(value) : value;
}

function isPatchable(key: string): key is keyof typeof PATCHABLE {
  return key in PATCHABLE;
}

function nameInUse(name: string, id: string): UsageError {
  return new UsageError(`Cannot use name "${name}": live run ${id} has it`, {
    hint: `Give this run another name with --name, or stop that one: moat stop ${id}`,
  });
}
