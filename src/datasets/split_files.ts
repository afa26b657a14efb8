/**
 * A data set parted into one file to train on and one to evaluate on.
 *
 * @module
 */

import { join } from "node:path";
import { existsSync } from "node:fs";
import { writeFileAtomic } from "../utils/atomic_file.ts";
import { UserError } from "../utils/errors.ts";
import { fileError } from "../utils/file_error.ts";
import { chooseGroups } from "./choose_rows.ts";
import { createIntList } from "./int_list.ts";
import type { DataFile } from "./sources/data_file.ts";
import type { RawRow } from "./sources/raw_row.ts";
import { readRawRows } from "./sources/raw_rows.ts";
import { type ReadFile, readRows } from "./sources/read_rows.ts";
import { createHashIndex, type Fingerprint, fingerprint } from "./validation/hash_index.ts";
import { usableRows } from "./validation/usable_rows.ts";
import { exchangeOf, normalised, rowIdentity } from "./validation/row_content.ts";
import { commonLayout, layoutExtension, writeInLayout, type WrittenFile } from "./row_layout.ts";
import type { Row } from "./row.ts";

/** What rows are kept together by: the same prompt, or the same prompt and answer. */
export const SPLIT_GROUPINGS = ["prompt", "row"] as const;

/** What rows are kept together by. */
export type SplitGrouping = (typeof SPLIT_GROUPINGS)[number];

/** How many rows are held out: a number of them, or a part between 0 and 1. */
export type HeldOut = { readonly rows: number } | { readonly part: number };

/** Options of {@linkcode splitFiles}. */
export interface SplitFilesOptions {
  /** How many rows are held out. */
  readonly heldOut: HeldOut;
  /** Decides which. @default {0} */
  readonly seed?: number;
  /** What rows are kept together by. @default {"prompt"} */
  readonly groupBy?: SplitGrouping;
  /** The folder that the files are written to. */
  readonly outputDir: string;
  /** Whether files of an earlier split are replaced. @default {false} */
  readonly overwrite?: boolean;
  /** Whether rows that cannot be used are left out of both parts; else they are an error. @default {false} */
  readonly skipInvalidRows?: boolean;
  /** The time. */
  readonly now: Date;
  /** Ends the work. */
  readonly signal?: AbortSignal | undefined;
}

/** What was done; it is kept beside the files as `split.json`. */
export interface SplitRecord {
  /** What was parted. */
  readonly sources: readonly {
    /** The file. */
    readonly path: string;
    /** SHA-256 of its bytes. */
    readonly sha256: string;
    /** Its rows. */
    readonly rows: number;
  }[];
  /** How many rows were to be held out. */
  readonly heldOut: HeldOut;
  /** What decided which. */
  readonly seed: number;
  /** What rows were kept together by. */
  readonly groupBy: SplitGrouping;
  /** Rows that were left out of both parts, because they cannot be used. */
  readonly skippedRows: number;
  /** What is trained on. */
  readonly train: WrittenFile;
  /** What is evaluated on. */
  readonly eval: WrittenFile;
  /** When, in ISO 8601. */
  readonly createdAt: string;
}

/** The record's name. */
export const SPLIT_RECORD = "split.json";

/**
 * Parts files. Rows that are alike come to one side; each file gives its share; both parts keep the order.
 *
 * @throws {UserError} If a row cannot be used, a part would be empty, or files would be replaced.
 */
export async function splitFiles(
  files: readonly DataFile[],
  options: SplitFilesOptions,
): Promise<SplitRecord> {
  const { heldOut, seed = 0, groupBy = "prompt", outputDir, now, signal } = options;
  const layout = commonLayout(files);
  const extension = layoutExtension(layout);
  const paths = {
    train: join(outputDir, `train${extension}`),
    eval: join(outputDir, `eval${extension}`),
  };
  refuseReplacing([...Object.values(paths), join(outputDir, SPLIT_RECORD)], {
    ...options,
    sources: files,
  });
  const survey = await surveyRows(files, { ...options, groupBy });
  const chosen = chooseRows(survey, { heldOut, seed, groupBy });
  try {
    await Deno.mkdir(outputDir, { recursive: true });
  } catch (error) {
    throw fileError("create", outputDir, error);
  }
  const write = async (side: "train" | "eval") =>
    await writeInLayout(
      paths[side],
      rowsOf(files, { groups: survey.groups, chosen, side, signal }),
      layout,
    );
  const record: SplitRecord = {
    sources: survey.sources,
    ...{ heldOut, seed, groupBy, skippedRows: survey.skippedRows },
    train: await write("train"),
    eval: await write("eval"),
    createdAt: now.toISOString(),
  };
  await writeFileAtomic(join(outputDir, SPLIT_RECORD), `${JSON.stringify(record, null, 2)}\n`);
  return record;
}

function refuseReplacing(
  paths: readonly string[],
  { overwrite = false, sources }: Pick<SplitFilesOptions, "overwrite"> & {
    readonly sources: readonly DataFile[];
  },
): void {
  for (const path of paths) {
    if (!existsSync(path)) continue;
    if (sources.some((file) => Deno.realPathSync(file.path) === Deno.realPathSync(path))) {
      throw new UserError(
        `Cannot split into "${path}": it is what is split; give another --output-dir`,
      );
    }
    if (overwrite) continue;
    throw new UserError(
      `Cannot split into "${path}": it is there already; add --overwrite to replace it, or give another --output-dir`,
    );
  }
}

/** What is known of the rows when they have been read. */
interface Survey {
  readonly sources: SplitRecord["sources"];
  /** For each row its group, −1 where it is left out. */
  readonly groups: Int32Array;
  /** For each group the file of its first row. */
  readonly files: Int32Array;
  readonly skippedRows: number;
}

async function surveyRows(
  files: readonly DataFile[],
  { groupBy, skipInvalidRows = false, signal }: SplitFilesOptions & {
    readonly groupBy: SplitGrouping;
  },
): Promise<Survey> {
  const sources: { path: string; sha256: string; rows: number }[] = [];
  const onFileEnd = ({ file, sha256, rows }: ReadFile) =>
    sources.push({ path: file.path, sha256, rows });
  const index = createHashIndex();
  const groups = createIntList();
  const filesOfGroups = createIntList();
  let skippedRows = 0;
  const skip = () => {
    skippedRows++;
    groups.append([-1]);
  };
  const rows = readRows(files, { onFileEnd, signal });
  for await (
    const { row, file } of usableRows(rows, { onSkipped: skipInvalidRows ? skip : undefined })
  ) {
    const known = index.put(groupKey(row, groupBy), filesOfGroups.length);
    groups.append([known ?? filesOfGroups.length]);
    if (known === undefined) filesOfGroups.append([files.indexOf(file)]);
  }
  return {
    ...{ sources, skippedRows },
    groups: groups.toArray(),
    files: filesOfGroups.toArray(),
  };
}

function groupKey(row: Row, groupBy: SplitGrouping): Fingerprint {
  const exchange = exchangeOf(row);
  if (exchange === undefined) return fingerprint(rowIdentity(row));
  const { prompt, answer } = exchange;
  const byPrompt = groupBy === "prompt" && prompt.trim() !== "";
  return fingerprint(normalised(byPrompt ? prompt : `${prompt}\n\n${answer}`));
}

function chooseRows(
  { groups, files }: Survey,
  { heldOut, seed, groupBy }: Required<Pick<SplitFilesOptions, "heldOut" | "seed" | "groupBy">>,
): Uint8Array {
  const sizes = new Int32Array(files.length);
  let total = 0;
  for (const group of groups) {
    if (group < 0) continue;
    sizes[group]!++;
    total++;
  }
  const wanted = "rows" in heldOut
    ? heldOut.rows
    : Math.min(total - 1, Math.max(1, Math.round(heldOut.part * total)));
  if (wanted < 1 || wanted >= total) {
    throw new UserError(
      `Cannot hold out ${wanted} of ${total} rows: each part must have at least one row`,
    );
  }
  const chosen = chooseGroups({ files, rows: sizes }, { rows: wanted, seed });
  if (!chosen.includes(1)) {
    const hint = groupBy === "prompt" ? "; add --group-by row to part rows of one prompt" : "";
    throw new UserError(
      `Cannot hold out ${wanted} of ${total} rows: more rows than that are alike and stay together${hint}`,
    );
  }
  return chosen;
}

interface RowsOfOptions {
  readonly groups: Int32Array;
  readonly chosen: Uint8Array;
  readonly side: "train" | "eval";
  readonly signal: AbortSignal | undefined;
}

/** Reads the rows of one part again. */
async function* rowsOf(
  files: readonly DataFile[],
  { groups, chosen, side, signal }: RowsOfOptions,
): AsyncGenerator<RawRow, void> {
  const wanted = side === "eval" ? 1 : 0;
  let row = 0;
  for (const file of files) {
    for await (const list of readRawRows(file, { signal })) {
      for (const raw of list) {
        const group = groups[row++] ?? -1;
        if (group >= 0 && chosen[group] === wanted) yield raw;
      }
    }
  }
}
