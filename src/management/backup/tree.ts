/**
 * The list of a backup's files.
 *
 * @module
 */

import { UserError } from "../../utils/errors.ts";
import {
  array,
  decode,
  type Decoder,
  integer,
  number,
  object,
  oneOf,
  text,
} from "../../utils/json.ts";

/** A file, in pieces. */
export interface FileEntry {
  /** Tells kinds apart. */
  readonly kind: "file";
  /** Its path within the home, with slashes. */
  readonly path: string;
  /** Its permissions. */
  readonly mode: number;
  /** When it was written, in milliseconds since 1970; -1 if it changed while it was read. */
  readonly mtimeMs: number;
  /** Its size. */
  readonly sizeBytes: number;
  /** Ids of the objects that together are its content. */
  readonly chunks: readonly string[];
}

/** A folder. */
export interface FolderEntry {
  /** Tells kinds apart. */
  readonly kind: "folder";
  /** Its path within the home, with slashes. */
  readonly path: string;
  /** Its permissions. */
  readonly mode: number;
}

/** A symbolic link; what it points to is not followed. */
export interface LinkEntry {
  /** Tells kinds apart. */
  readonly kind: "link";
  /** Its path within the home, with slashes. */
  readonly path: string;
  /** What it points to. */
  readonly target: string;
}

/** One thing that a backup holds. */
export type TreeEntry = FileEntry | FolderEntry | LinkEntry;

const mode = integer({ min: 0, max: 0o7777 });

const ENTRIES: { readonly [K in TreeEntry["kind"]]: Decoder<TreeEntry> } = {
  file: object<FileEntry>({
    kind: oneOf(["file"]),
    path: text(),
    mode,
    mtimeMs: number(),
    sizeBytes: integer({ min: 0 }),
    chunks: array(text()),
  }),
  folder: object<FolderEntry>({ kind: oneOf(["folder"]), path: text(), mode }),
  link: object<LinkEntry>({ kind: oneOf(["link"]), path: text(), target: text() }),
};

const entry: Decoder<TreeEntry> = (value, place) => {
  const kind = (value as { readonly kind?: unknown } | null)?.kind;
  const decoder = kind === "folder" || kind === "link" ? ENTRIES[kind] : ENTRIES.file;
  return decoder(value, place);
};

/**
 * Decodes the list of a backup's files. A list that would write outside the folder it is restored to is refused.
 *
 * @throws {UserError} If something in it cannot be.
 */
export function decodeTree(json: unknown, source: string): readonly TreeEntry[] {
  const entries = decode(array(entry), json, source);
  const kinds = new Map<string, TreeEntry["kind"]>();
  for (const { path, kind } of entries) {
    const parts = path.split("/");
    const parent = parts.slice(0, -1).join("/");
    const isPlain = parts.every((part) =>
      part !== "" && part !== "." && part !== ".." && !/[\\\0]/.test(part)
    );
    if (!isPlain || kinds.has(path) || (parent !== "" && kinds.get(parent) !== "folder")) {
      throw new UserError(`Cannot use "${source}": it names the path "${path}", which cannot be`);
    }
    kinds.set(path, kind);
  }
  return entries;
}
