/**
 * Data files for tests, and all that is read of them.
 *
 * @module
 */

import { join } from "node:path";
import type { FormatChoice } from "../../../src/datasets/formats.ts";
import { placeName } from "../../../src/datasets/row.ts";
import { problemText } from "../../../src/datasets/row_error.ts";
import { fileDescription } from "../../../src/datasets/sources/describe_file.ts";
import { describeSources } from "../../../src/datasets/sources/describe_sources.ts";
import {
  type ReadFile,
  readRows,
  type SourceRow,
} from "../../../src/datasets/sources/read_rows.ts";
import { temporaryFolder } from "../../temporary_folder.ts";

/** All that is read of a data set. */
export interface ReadData {
  /** Each file in one line. */
  readonly descriptions: readonly string[];
  /** Its rows. */
  readonly rows: readonly SourceRow[];
  /** Its files. */
  readonly files: readonly ReadFile[];
}

/** Reads a data set. */
export async function readData(list: string, format?: FormatChoice): Promise<ReadData> {
  const files: ReadFile[] = [];
  const described = await describeSources(list, { format });
  const rows = await Array.fromAsync(
    readRows(described, { onFileEnd: (file) => files.push(file) }),
  );
  return { descriptions: described.map((file) => fileDescription(file)), rows, files };
}

/** Reads a file of this name and content. */
export async function readContent(
  name: string,
  content: string | Uint8Array,
  format?: FormatChoice,
): Promise<ReadData> {
  await using folder = await temporaryFolder();
  const path = join(folder.path, name);
  await Deno.writeFile(
    path,
    typeof content === "string" ? new TextEncoder().encode(content) : content,
  );
  return await readData(path, format);
}

/** Says of each row where it is and its text, or what is wrong with it. */
export function summaries({ rows }: ReadData): string[] {
  return rows.map(({ place, row, problem }) =>
    `${placeName(place)}: ${
      row === undefined
        ? `${problem!.code}: ${problemText(problem!)}`
        : row.kind === "text"
        ? row.text
        : row.kind
    }`
  );
}
