/**
 * Data sets by content: `data/<sha256>.jsonl`, each with its lineage beside it.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { basename, join } from "node:path";
import { removeIfThere, writeFileAtomic } from "../../utils/atomic_file.ts";
import { UserError } from "../../utils/errors.ts";
import { fileError } from "../../utils/file_error.ts";
import type { JsonObject } from "../../utils/json.ts";

/** Thrown when a file is still written by somebody. */
export class ChangedFileError extends UserError {}

/** Where a data set lies. */
export interface StoredDataset {
  /** Its content. */
  readonly sha256: string;
  /** Its file. */
  readonly path: string;
  /** Its length. */
  readonly sizeBytes: number;
}

/** A data set by its content, and what its file was called. */
export interface DatasetId {
  /** SHA-256 of its content. */
  readonly sha256: string;
  /** What it was called: its ending tells how rows lie in it. */
  readonly name: string;
}

const ENDING = /\.(?:jsonl|ndjson|json|csv|tsv|txt|md|parquet)(?:\.(?:gz|zst))?$/i;

/** Returns the path of a data set in the folder `data`. */
export function datasetPath(data: string, { sha256, name }: DatasetId): string {
  return join(data, `${sha256}${ENDING.exec(name)?.[0].toLowerCase() ?? ".jsonl"}`);
}

/**
 * Copies a file into the folder `data` under the hash of its content.
 *
 * @throws {UserError} If it cannot be read or written, or changes meanwhile.
 */
export async function storeDataset(
  data: string,
  source: string,
  name: string = basename(source),
): Promise<StoredDataset> {
  await Deno.mkdir(data, { recursive: true });
  const part = join(data, `.${crypto.randomUUID()}.part`);
  try {
    const before = await stateOf(source);
    const hash = createHash("sha256");
    let sizeBytes = 0;
    await writeFileAtomic(part, async (sink) => {
      using file = await Deno.open(source);
      const buffer = new Uint8Array(1 << 20);
      for (;;) {
        const count = await file.read(buffer);
        if (count === null) break;
        hash.update(buffer.subarray(0, count));
        sizeBytes += count;
        await sink.write(buffer.subarray(0, count));
      }
    });
    if (await stateOf(source) !== before) {
      throw new ChangedFileError(
        `Cannot take "${source}": it was changed while it was read; try again`,
      );
    }
    const sha256 = hash.digest("hex");
    const path = datasetPath(data, { sha256, name });
    await Deno.rename(part, path);
    return { sha256, path, sizeBytes };
  } catch (error) {
    throw fileError("read", source, error);
  } finally {
    await removeIfThere(part);
  }
}

/** Removes what a killed process left of storing, making and uploading data sets in `folders`. */
export async function removeLeftovers(folders: readonly string[]): Promise<void> {
  for (const folder of folders) {
    for await (const { name } of Deno.readDir(folder)) {
      if (LEFTOVER.test(name)) await removeIfThere(join(folder, name));
    }
  }
}

const LEFTOVER = /^(?:\.|upload-|generated-)[0-9a-f-]{36}(?:\.jsonl)?(?:\.part)*$/;

/** What is known of where a data set came from and what became of it. */
export interface Lineage {
  /** SHA-256 of the data. */
  readonly dataset_sha256: string;
  /** Each time that it came in. */
  readonly received: readonly JsonObject[];
  /** What training on it did. */
  readonly effects: readonly JsonObject[];
}

/** Reads the lineage of a data set. */
export async function readLineage(data: string, sha256: string): Promise<Lineage> {
  const known = await readJson(lineagePath(data, sha256)) as Lineage | undefined;
  return known ?? { dataset_sha256: sha256, received: [], effects: [] };
}

/** Notes where a data set came from, or what training on it did. */
export async function noteLineage(
  data: string,
  { sha256, ...notes }: {
    readonly sha256: string;
    readonly received?: JsonObject;
    readonly effect?: JsonObject & { readonly job_id: string };
  },
): Promise<void> {
  const { received, effects } = await readLineage(data, sha256);
  const { effect } = notes;
  const lineage: Lineage = {
    dataset_sha256: sha256,
    received: notes.received === undefined ? received : [...received, notes.received].slice(-100),
    effects: effect === undefined
      ? effects
      : [...effects.filter(({ job_id }) => job_id !== effect.job_id), effect],
  };
  await writeFileAtomic(lineagePath(data, sha256), `${JSON.stringify(lineage, null, 2)}\n`);
}

function lineagePath(data: string, sha256: string): string {
  return join(data, `${sha256}.lineage.json`);
}

async function readJson(path: string): Promise<unknown> {
  try {
    return JSON.parse(await Deno.readTextFile(path));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof SyntaxError) return undefined;
    throw fileError("read", path, error);
  }
}

/** What tells that a file was changed. */
async function stateOf(path: string): Promise<string> {
  const { size, mtime } = await Deno.stat(path);
  return `${size} ${mtime?.getTime()}`;
}
