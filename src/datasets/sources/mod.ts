/**
 * Where rows come from: files of several kinds, compressed or not, folders of them, and several of these together.
 *
 * @example Every row, usable or not
 * ```ts
 * import { describeSources, fileDescription, readRows } from "./mod.ts";
 *
 * async function problems(list: string): Promise<string[]> {
 *   const files = await describeSources(list); // "a.jsonl,more/:0.5"
 *   const found = files.map((file) => fileDescription(file));
 *   for await (const { problem, place } of readRows(files)) {
 *     if (problem !== undefined) found.push(`${place.path}:${place.line}: ${problem.message}`);
 *   }
 *   return found;
 * }
 * ```
 *
 * @module
 */

export {
  type Compression,
  type Container,
  CONTAINERS,
  type DataFile,
  type DataSource,
  type TextRows,
} from "./data_file.ts";
export { fileDescription } from "./describe_file.ts";
export { describeSources, type DescribeSourcesOptions } from "./describe_sources.ts";
export { hashFile, type HashFileOptions } from "./hash_file.ts";
export {
  type ReadFile,
  readRows,
  type ReadRowsOptions,
  type RefusedRow,
  type SourceRow,
  type UsableRow,
} from "./read_rows.ts";
export { formatSources, parseSources, resolveSources } from "./source_list.ts";
