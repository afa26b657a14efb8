/**
 * The files that a source is.
 *
 * @module
 */

import { join } from "node:path";
import { UserError } from "../../utils/errors.ts";
import { fileError } from "../../utils/file_error.ts";

/** Ends of the names of files that hold data. */
const DATA_NAME = /\.(?:jsonl|ndjson|json|csv|tsv|parquet|txt)(?:\.(?:gz|zst))?$/i;

/** Files that stand beside data and say something of it. */
const NO_DATA =
  /^(?:[._].*|.*\.lineage\.json|(?:readme|licen[sc]e|notice|changelog|dataset_infos?|dataset_dict|state|config|metadata)\..*)$/i;

/** How deep folders are looked into. */
const MAX_DEPTH = 8;

/**
 * Returns the files of a source in the order of their names: the file itself, or all data files in the folder and
 * those in it.
 *
 * @throws {UserError} If there is nothing, or no data in the folder.
 */
export async function findFiles(path: string): Promise<readonly string[]> {
  let info: Deno.FileInfo;
  try {
    info = await Deno.stat(path);
  } catch (error) {
    throw fileError("read", path, error);
  }
  if (!info.isDirectory) return [path];
  const files = await filesIn(path, 0);
  if (files.length > 0) return files;
  throw new UserError(
    `Cannot read data from "${path}": there is no .jsonl, .json, .csv, .tsv, .parquet or .txt file in this folder`,
  );
}

async function filesIn(folder: string, depth: number): Promise<string[]> {
  let entries: Deno.DirEntry[];
  try {
    entries = await Array.fromAsync(Deno.readDir(folder));
  } catch (error) {
    throw fileError("list", folder, error);
  }
  const names = entries.filter(({ name }) => !NO_DATA.test(name))
    .sort((a, b) => a.name < b.name ? -1 : 1);
  const files: string[] = [];
  for (const { name } of names) {
    const path = join(folder, name);
    const info = await Deno.stat(path).catch(() => undefined); // follows links; a dangling one is no file
    if (info?.isDirectory && depth < MAX_DEPTH) files.push(...await filesIn(path, depth + 1));
    else if (info?.isFile && DATA_NAME.test(name)) files.push(path);
  }
  return files;
}
