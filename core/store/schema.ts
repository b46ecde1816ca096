/**
 * The database's tables, as migrations that only go forward; `user_version` counts them.
 *
 * A released migration is never edited: a change is a new entry at the end.
 *
 * @module
 */

/** One entry takes the database from version `index` to `index + 1`. */
export const MIGRATIONS: readonly string[] = [
  `
  create table facts (
    key text primary key,
    value text not null
  ) strict, without rowid;

  create table runs (
    id text primary key,
    name text not null,
    state text not null,
    project text not null,
    runtime text not null,
    target text not null,
    owner text not null,
    detached integer not null,
    created_at text not null,
    started_at text,
    finished_at text,
    exit_code integer,
    reason text,
    isolation text,
    isolated_by text,
    endpoints text not null,
    socket text,
    snapshot text,
    handed_over text,
    plan text not null
  ) strict;
  create unique index live_names on runs (name)
    where state in ('created', 'starting', 'running', 'stopping');
  create index runs_by_age on runs (created_at);

  create table targets (
    runtime text not null,
    target text not null,
    primary key (runtime, target)
  ) strict, without rowid;

  create table journal (
    n integer primary key autoincrement,
    run_id text not null,
    step text not null,
    kind text,
    name text,
    done integer not null default 0
  ) strict;
  create index journal_by_run on journal (run_id);

  create table subnets (
    subnet text primary key,
    run_id text not null
  ) strict, without rowid;
  create index subnets_by_run on subnets (run_id);

  create table trust (
    project text primary key,
    digest text not null,
    settings text not null,
    accepted_at text not null
  ) strict, without rowid;

  create table images (
    tag text primary key,
    used_at text not null,
    run_id text not null
  ) strict, without rowid;
  `,
  "alter table runs add column services text;",
  `
  create table plugins (
    digest text primary key,
    id text not null,
    version text not null,
    source text not null,
    accepted_at text not null
  ) strict, without rowid;
  `,
  `
  create table routes (
    run_id text primary key,
    since text not null
  ) strict, without rowid;
  `,
];

/** The version that this program reads and writes. */
export const SCHEMA_VERSION = MIGRATIONS.length;
