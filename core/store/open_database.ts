/**
 * Opens the database: made and migrated once under a lock, however many processes come at once.
 *
 * @module
 */

import { DatabaseSync } from "node:sqlite";
import { pathToFileURL } from "node:url";
import { EXIT, MoatError } from "../errors.ts";
import { createHomeId } from "../ids.ts";
import { lockFileSync } from "./file_lock.ts";
import type { Paths } from "./paths.ts";
import { MIGRATIONS, SCHEMA_VERSION } from "./schema.ts";

/** How long a process waits for another's write. */
const BUSY_TIMEOUT_MS = 15_000;

/** Opens for reading and writing; makes home, database and home id when they are not there. */
export function openDatabase(paths: Paths): DatabaseSync {
  return explained(paths, () => {
    Deno.mkdirSync(paths.home, { recursive: true, mode: 0o700 });
    restrict(paths.home);
    Deno.mkdirSync(paths.runs, { recursive: true, mode: 0o700 });
    const database = new DatabaseSync(paths.database, { timeout: BUSY_TIMEOUT_MS });
    try {
      // Losing the last commits to a power cut is fine: what they describe is gone then, too.
      database.exec("pragma synchronous = normal");
      if (checkVersion(database, paths) < SCHEMA_VERSION) migrateLocked(database, paths);
      return database;
    } catch (error) {
      database.close();
      throw error;
    }
  });
}

/** Opens for reading only; `undefined` when there is no database or an unfinished one. */
export function openDatabaseReadOnly(paths: Paths): DatabaseSync | undefined {
  return explained(paths, () => {
    if (!exists(paths.database)) return undefined;
    const database = openReader(paths);
    const version = checkVersion(database, paths);
    if (version === SCHEMA_VERSION) return database;
    database.close();
    if (version === 0) return undefined;
    // An older database is migrated by whoever opens it next; a reader may well be the first.
    openDatabase(paths).close();
    return openReader(paths);
  });
}

/** A reader shares memory with writers, in a file beside the database that it may have to make. */
function openReader(paths: Paths): DatabaseSync {
  const options = { readOnly: true, timeout: BUSY_TIMEOUT_MS };
  const database = new DatabaseSync(paths.database, options);
  try {
    checkVersion(database, paths);
    return database;
  } catch (error) {
    database.close();
    if (error instanceof MoatError || exists(`${paths.database}-wal`)) throw error;
    // On a file system that cannot be written nobody else writes, either.
    return new DatabaseSync(`${pathToFileURL(paths.database).href}?immutable=1`, options);
  }
}

/** Says what is wrong with the home, rather than with SQLite. */
function explained<T>(paths: Paths, open: () => T): T {
  try {
    return open();
  } catch (error) {
    if (!(error instanceof Error) || error instanceof MoatError) throw error;
    if (error instanceof Deno.errors.PermissionDenied) {
      throw new MoatError(`Cannot open "${paths.database}": it is not yours to read and write`, {
        hint: `ls -ld ${paths.home} ${paths.store}`,
        cause: error,
      });
    }
    const isFull = /disk is full|No space left/i.test(error.message);
    throw new MoatError(`Cannot open "${paths.database}"`, {
      hint: isFull ? `df -h ${paths.home}` : `ls -l ${paths.store}`,
      cause: error,
      ...(isFull ? { exitCode: EXIT.permanent } : {}),
    });
  }
}

function checkVersion(database: DatabaseSync, paths: Paths): number {
  const row = database.prepare("pragma user_version").get();
  const version = Number(row?.user_version ?? 0);
  if (version > SCHEMA_VERSION) {
    throw new MoatError(
      `Cannot use "${paths.database}": a newer moat wrote it (version ${version}, this one knows ${SCHEMA_VERSION})`,
      {
        hint: "Install the newest moat, or set MOAT_HOME to another directory",
        exitCode: EXIT.permanent,
      },
    );
  }
  return version;
}

function migrateLocked(database: DatabaseSync, paths: Paths): void {
  using _ = lockFileSync(`${paths.database}.lock`);
  migrate(database, paths);
}

function migrate(database: DatabaseSync, paths: Paths): void {
  const version = checkVersion(database, paths);
  if (version === 0) database.exec("pragma journal_mode = wal");
  const home = `insert or ignore into facts (key, value) values ('home', '${createHomeId()}')`;
  for (const [index, migration] of MIGRATIONS.entries()) {
    if (index < version) continue;
    const next = `pragma user_version = ${index + 1}`;
    database.exec(`begin immediate; ${migration}; ${home}; ${next}; commit`);
  }
}

/** A home made by the Go tool or by hand may be open to others. */
function restrict(home: string): void {
  const { mode } = Deno.statSync(home);
  if (mode !== null && (mode & 0o077) !== 0) Deno.chmodSync(home, 0o700);
}

function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) {
      return false;
    }
    throw error;
  }
}
