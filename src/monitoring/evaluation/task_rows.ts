/**
 * The rows that a task description names: files of a split, in any container that data sets have.
 *
 * @module
 */

import { existsSync, statSync } from "node:fs";
import { basename, isAbsolute, join, resolve } from "node:path";
import { describeSources } from "../../datasets/sources/describe_sources.ts";
import { readRows } from "../../datasets/sources/read_rows.ts";
import { UserError } from "../../utils/errors.ts";
import type { JsonObject } from "../../utils/json.ts";
import type { TaskDescription } from "./task_description.ts";

/** Where the rows of a task are, if not where its description says. */
export interface TaskDataOptions {
  /** File or folder with the items. */
  readonly data?: string | undefined;
  /** File with the examples. */
  readonly fewshotData?: string | undefined;
  /** Ends the reading. */
  readonly signal?: AbortSignal | undefined;
}

/** Names of `dataset_path` that say only how files are written. */
const FORMATS: ReadonlySet<string> = new Set(["json", "csv", "parquet", "text", "pandas", "arrow"]);

/**
 * Reads the rows of a split.
 *
 * @throws {UserError} If it is not known where they are, or they cannot be read.
 */
export async function readSplit(
  description: TaskDescription,
  split: string,
  options: TaskDataOptions & { readonly role: "items" | "examples" },
): Promise<readonly JsonObject[]> {
  const files = filesOf(description, split, options);
  return (await Promise.all(files.map((file) => readJsonRows(file, options.signal)))).flat();
}

/**
 * Reads the fields of every row of a file, whatever they mean.
 *
 * @throws {UserError} If a row cannot be read.
 */
export async function readJsonRows(
  path: string,
  signal?: AbortSignal,
): Promise<readonly JsonObject[]> {
  const files = await describeSources([{ path, weight: 1 }], { signal, format: "mixed" });
  const rows: JsonObject[] = [];
  for await (const row of readRows(files, { signal })) {
    if (row.json !== undefined) rows.push(row.json);
    else if (row.problem !== undefined) throw row.error;
  }
  return rows;
}

function filesOf(
  description: TaskDescription,
  split: string,
  { data, fewshotData, role }: TaskDataOptions & { readonly role: "items" | "examples" },
): readonly string[] {
  const given = role === "examples" ? fewshotData ?? folderOnly(data) : data;
  if (given !== undefined) return inFolder(given, split, description);
  const { dataFiles, datasetPath } = description;
  const listed = dataFiles[split] ?? (split === "validation" ? dataFiles["val"] : undefined);
  if (listed !== undefined) return listed.map((file) => located(file, description));
  if (datasetPath !== undefined && !FORMATS.has(datasetPath)) {
    const path = located(datasetPath, description);
    if (existsSync(path)) return inFolder(path, split, description);
  }
  const flag = role === "examples" ? "--fewshot-data <file>, or --num-fewshot 0" : "--data <file>";
  const named = datasetPath === undefined || FORMATS.has(datasetPath)
    ? `it names no file for "${split}"`
    : `"${datasetPath}" is not a file here`;
  throw new UserError(
    `Cannot read the split "${split}" of task "${description.task}": ${named}; give ${flag}`,
  );
}

/** A file that is given for the items holds no examples. */
function folderOnly(path: string | undefined): string | undefined {
  return path !== undefined && existsSync(path) && statSync(path).isDirectory() ? path : undefined;
}

function located(path: string, { folder }: TaskDescription): string {
  if (isAbsolute(path)) return path;
  const beside = join(folder, path);
  return existsSync(beside) ? beside : resolve(path);
}

/** A folder as downloads of the hub have it: `main/test-00000-of-00001.parquet`, `test.jsonl`. */
function inFolder(
  path: string,
  split: string,
  { datasetName, task }: TaskDescription,
): readonly string[] {
  if (!existsSync(path)) {
    throw new UserError(`Cannot read "${path}": there is no such file or folder`);
  }
  if (!statSync(path).isDirectory()) return [path];
  const own = datasetName === undefined ? path : join(path, datasetName);
  const folder = existsSync(own) ? own : path;
  const names = [...Deno.readDirSync(folder)].filter(({ isFile }) => isFile)
    .map(({ name }) => name)
    .filter((name) => new RegExp(`(^|[^a-z])${split}([^a-z]|$)`, "i").test(basename(name)))
    .toSorted();
  if (names.length > 0) return names.map((name) => join(folder, name));
  throw new UserError(
    `Cannot read the split "${split}" of task "${task}": no file in "${folder}" is called after it`,
  );
}
