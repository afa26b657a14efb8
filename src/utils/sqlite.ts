/**
 * SQLite databases that several processes share: each change is one transaction, and each room that keeps tables in a
 * database has versions of its own.
 *
 * @module
 */

import { DatabaseSync, type SQLInputValue, type StatementSync } from "node:sqlite";
import { messageOf, UserError } from "./errors.ts";

/** Values of a statement's parameters, by name. */
export type SqlParameters = Readonly<Record<string, SQLInputValue>>;

/** A row, by column. */
export type SqlRow = Readonly<Record<string, unknown>>;

/** Tables of one room. */
export interface SqlSchema {
  /** What the tables belong to. */
  readonly component: string;
  /** What each version adds to the one before. */
  readonly versions: readonly string[];
}

/** An open database. */
export interface Database extends Disposable {
  /** Its file. */
  readonly path: string;
  /** Returns all rows of a query. */
  all(sql: string, parameters?: SqlParameters): SqlRow[];
  /** Returns the first row of a query or of what a statement returns; `undefined` if there is none. */
  first(sql: string, parameters?: SqlParameters): SqlRow | undefined;
  /** Runs a statement and returns how many rows it changed. */
  run(sql: string, parameters?: SqlParameters): number;
  /** Runs `work` as one transaction, alone among all processes; what it throws undoes it. */
  transaction<T>(work: () => T): T;
}

/** How long a process waits for others to end their transactions. */
const BUSY_TIMEOUT_MS = 20_000;

/**
 * Opens the database in the file `path` and brings the tables of `schema` up to date.
 *
 * @throws {UserError} If the file cannot be had, is no database, or was written by a later version.
 */
export function openDatabase(path: string, schema: SqlSchema): Database {
  return translated(path, "open", () => {
    const database = new SqliteDatabase(path);
    try {
      migrate(database, schema);
      return database;
    } catch (error) {
      database[Symbol.dispose]();
      throw error;
    }
  });
}

class SqliteDatabase implements Database {
  readonly path: string;
  readonly #database: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();

  constructor(path: string) {
    this.path = path;
    this.#database = new DatabaseSync(path, { timeout: BUSY_TIMEOUT_MS });
    try {
      // a reader never waits for a writer; what is committed survives a power failure
      this.#database.exec(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON",
      );
    } catch (error) {
      this.#database.close();
      throw error;
    }
  }

  all(sql: string, parameters: SqlParameters = {}): SqlRow[] {
    return translated(this.path, "read", () => this.#statement(sql).all(parameters)) as SqlRow[];
  }

  first(sql: string, parameters: SqlParameters = {}): SqlRow | undefined {
    return translated(this.path, "read", () => this.#statement(sql).get(parameters)) as
      | SqlRow
      | undefined;
  }

  run(sql: string, parameters: SqlParameters = {}): number {
    return translated(
      this.path,
      "write",
      () => Number(this.#statement(sql).run(parameters).changes),
    );
  }

  transaction<T>(work: () => T): T {
    return translated(this.path, "write", () => {
      this.#database.exec("BEGIN IMMEDIATE");
      try {
        const value = work();
        this.#database.exec("COMMIT");
        return value;
      } catch (error) {
        // a full disk has SQLite undo it by itself
        if (this.#database.isTransaction) this.#database.exec("ROLLBACK");
        throw error;
      }
    });
  }

  [Symbol.dispose](): void {
    if (this.#database.isOpen) this.#database.close();
  }

  #statement(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      statement = this.#database.prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }
}

function migrate(database: Database, { component, versions }: SqlSchema): void {
  database.run(
    "CREATE TABLE IF NOT EXISTS schema_versions (component TEXT PRIMARY KEY, version INTEGER NOT NULL) STRICT",
  );
  const find = () =>
    Number(
      database.first("SELECT version FROM schema_versions WHERE component = :component", {
        component,
      })?.["version"] ?? 0,
    );
  if (find() === versions.length) return;
  database.transaction(() => {
    const version = find();
    if (version > versions.length) {
      throw new UserError(
        `Cannot use "${database.path}": its ${component} has version ${version}, this program knows ` +
          `${versions.length}; use the newer program`,
      );
    }
    for (const sql of versions.slice(version)) {
      for (const statement of sql.split(/;\s*\n/).filter((each) => each.trim() !== "")) {
        database.run(statement);
      }
    }
    database.run(
      `INSERT INTO schema_versions VALUES (:component, :version)
       ON CONFLICT (component) DO UPDATE SET version = excluded.version`,
      { component, version: versions.length },
    );
  });
}

/** What SQLite says that people can mend, and how; the code is the one of the operating system's that fits. */
const REASONS: readonly (readonly [pattern: RegExp, code: string, reason: string])[] = [
  [/disk is full/i, "ENOSPC", "the disk is full; free some space"],
  [/database is locked/i, "EBUSY", "another program has kept it for too long; end that one"],
  [/unable to open/i, "ENOENT", "it cannot be opened; look at its folder and its permissions"],
  [/readonly database/i, "EROFS", "it may not be written; look at its permissions"],
  [/not a database|malformed/i, "EIO", "it is damaged or no database; restore it from a backup"],
];

function translated<T>(path: string, action: "open" | "read" | "write", work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof UserError || !(error instanceof Error)) throw error;
    const isSqlite = "code" in error && error.code === "ERR_SQLITE_ERROR";
    const known = isSqlite
      ? REASONS.find(([pattern]) => pattern.test(messageOf(error)))
      : undefined;
    if (known === undefined) throw error;
    const [, code, reason] = known;
    const cause = Object.assign(new Error(messageOf(error), { cause: error }), { code });
    throw new UserError(`Cannot ${action} "${path}": ${reason}`, { cause });
  }
}
