/**
 * The files of the API: names and ids of data sets that lie in `data/` by content.
 *
 * @module
 */

import type { Clock } from "../../utils/clock.ts";
import { type Database, openDatabase, type SqlRow, type SqlSchema } from "../../utils/sqlite.ts";

/** A file of the API. */
export interface ApiFile {
  /** Its id. */
  readonly id: string;
  /** What its owner calls it. */
  readonly filename: string;
  /** Its length. */
  readonly bytes: number;
  /** SHA-256 of its content. */
  readonly sha256: string;
  /** What it is for. */
  readonly purpose: string;
  /** When it came, in milliseconds since 1970. */
  readonly createdAtMs: number;
}

/** Options of {@linkcode FileTable.list}. */
export interface ListFilesOptions {
  /** Only files for this. @default {all} */
  readonly purpose?: string | undefined;
  /** @default {"desc"} */
  readonly order?: "asc" | "desc";
}

/** The files of the API. */
export interface FileTable extends Disposable {
  /** Adds a file. */
  add(file: Pick<ApiFile, "filename" | "bytes" | "sha256" | "purpose">): ApiFile;
  /** Returns a file; `undefined` if there is none. */
  find(id: string): ApiFile | undefined;
  /** Lists files. */
  list(options?: ListFilesOptions): readonly ApiFile[];
  /** Removes a file; returns whether it was there. */
  remove(id: string): boolean;
}

const SCHEMA: SqlSchema = {
  component: "api_files",
  versions: [`
CREATE TABLE api_files (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  filename TEXT NOT NULL,
  bytes INTEGER NOT NULL,
  sha256 TEXT NOT NULL,
  purpose TEXT NOT NULL,
  created_at INTEGER NOT NULL
) STRICT;
`],
};

/** Opens the table in the database `path`. */
export function openFileTable(path: string, { clock }: { readonly clock: Clock }): FileTable {
  const database = openDatabase(path, SCHEMA);
  return {
    add(file) {
      const id = `file-${crypto.randomUUID().replaceAll("-", "").slice(0, 24)}`;
      database.run(
        `INSERT INTO api_files (id, filename, bytes, sha256, purpose, created_at)
         VALUES (:id, :filename, :bytes, :sha256, :purpose, :createdAt)`,
        { id, ...file, createdAt: Math.round(clock()) },
      );
      return find(database, id)!;
    },
    find: (id) => find(database, id),
    list({ purpose, order = "desc" } = {}) {
      return database.all(
        `SELECT * FROM api_files WHERE :purpose IS NULL OR purpose = :purpose
         ORDER BY number ${order === "asc" ? "ASC" : "DESC"}`,
        { purpose: purpose ?? null },
      ).map(fileOf);
    },
    remove: (id) => database.run("DELETE FROM api_files WHERE id = :id", { id }) > 0,
    [Symbol.dispose]: () => database[Symbol.dispose](),
  };
}

function find(database: Database, id: string): ApiFile | undefined {
  const row = database.first("SELECT * FROM api_files WHERE id = :id", { id });
  return row && fileOf(row);
}

function fileOf(row: SqlRow): ApiFile {
  return {
    id: String(row["id"]),
    filename: String(row["filename"]),
    bytes: Number(row["bytes"]),
    sha256: String(row["sha256"]),
    purpose: String(row["purpose"]),
    createdAtMs: Number(row["created_at"]),
  };
}
