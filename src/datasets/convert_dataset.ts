/**
 * Writing a data set anew: in another form, as another kind of file, or both.
 *
 * @module
 */

import { writeFileAtomic } from "../utils/atomic_file.ts";
import { UserError } from "../utils/errors.ts";
import type { JsonObject } from "../utils/json.ts";
import { type ConvertForm, convertRow, FORM_FIELDS } from "./convert_row.ts";
import type { RowPlace } from "./row.ts";
import { problemText } from "./row_error.ts";
import type { DataFile } from "./sources/data_file.ts";
import { readRows, type SourceRow } from "./sources/read_rows.ts";
import { type OutputKind, writeRows } from "./sources/write_rows.ts";

/** Why rows were not written. */
export interface RefusedRows {
  /** What is wrong with them. */
  readonly reason: string;
  /** How many there are. */
  readonly rows: number;
  /** The first of them. */
  readonly first: RowPlace;
}

/** What became of a data set's rows. */
export interface ConversionReport {
  /** Rows that were read. */
  readonly rows: number;
  /** Rows that were written. */
  readonly converted: number;
  /** Those that were not, by reason. */
  readonly refused: readonly RefusedRows[];
}

/** Options of {@linkcode convertDataset}. */
export interface ConvertDatasetOptions {
  /** The file to write. */
  readonly output: string;
  /** What is written to it. */
  readonly kind: OutputKind;
  /** The form of the rows. @default {the fields stay as they are} */
  readonly form?: ConvertForm | undefined;
  /** Ends the conversion; nothing is then written. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Writes the rows of `files` to one file, which appears whole or not at all.
 *
 * @throws {UserError} If a file cannot be read or written, or no row can be converted.
 */
export async function convertDataset(
  files: readonly DataFile[],
  { output, kind, form, signal }: ConvertDatasetOptions,
): Promise<ConversionReport> {
  const refused = new Map<string, RefusedRows>();
  let rows = 0;
  let converted = 0;
  const columns = form === undefined ? columnsOf(files) : FORM_FIELDS[form];
  const take = (item: SourceRow): JsonObject | undefined => {
    rows++;
    const { json, reason } = convert(item, { form, columns, container: kind.container });
    if (json !== undefined) {
      converted++;
      return json;
    }
    const known = refused.get(reason);
    refused.set(reason, {
      reason,
      rows: (known?.rows ?? 0) + 1,
      first: known?.first ?? item.place,
    });
    return undefined;
  };
  async function* kept(): AsyncGenerator<JsonObject, void> {
    for await (const item of readRows(files, { signal })) {
      const json = take(item);
      if (json !== undefined) yield json;
    }
    if (converted > 0) return;
    const [first] = refused.values();
    throw new UserError(
      `Cannot write "${output}": none of the ${rows} rows can be converted; ${first?.reason}`,
    );
  }
  await writeFileAtomic(output, (sink) => writeRows(sink, kept(), { kind, columns }));
  return { rows, converted, refused: [...refused.values()] };
}

interface ConvertContext {
  readonly form: ConvertForm | undefined;
  readonly columns: readonly string[];
  readonly container: OutputKind["container"];
}

function convert(
  item: SourceRow,
  { form, columns, container }: ConvertContext,
): ReturnType<typeof convertRow> {
  const target = form ?? (container === "text" ? "text" : undefined);
  if (target !== undefined) {
    return item.row === undefined
      ? { reason: problemText(item.problem) }
      : convertRow(item.row, target);
  }
  // written as they are, rows of preferences need no training to exist for them
  if (item.problem !== undefined && item.problem.code !== "preference-row") {
    return { reason: problemText(item.problem) };
  }
  const json = item.json ?? {};
  const extra = container === "csv"
    ? Object.keys(json).find((key) => !columns.includes(key))
    : undefined;
  return extra === undefined
    ? { json }
    : { reason: `its field "${extra}" is none of the columns, which the first rows name` };
}

/** The fields of all files, in the order in which they come. */
function columnsOf(files: readonly DataFile[]): readonly string[] {
  return [...new Set(files.flatMap(({ fields }) => fields))];
}
