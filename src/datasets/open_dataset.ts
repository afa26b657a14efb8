/**
 * Opening data sets: the tokens of their files, one after the other.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { UserError } from "../utils/errors.ts";
import type { Dataset, DatasetFile, DatasetStatistics } from "./dataset.ts";
import { addCounts, NO_ROWS, type RowCounts } from "./encode_batch.ts";
import type { FormatChoice } from "./formats.ts";
import { fileDescription } from "./sources/describe_file.ts";
import { describeSources } from "./sources/describe_sources.ts";
import type { DataFile, DataSource } from "./sources/data_file.ts";
import {
  type FileTokens,
  type FileTokensOptions,
  openFileTokens,
} from "./token_store/file_tokens.ts";
import { DROP_REASON_TEXTS, type DropReason } from "./truncation.ts";

/** Options of {@linkcode openDataset}. */
export interface OpenDatasetOptions extends FileTokensOptions {
  /** The form of the rows. @default {found out of the first rows of each file} */
  readonly format?: FormatChoice | undefined;
}

/**
 * Opens a data set: files or folders, or a text that lists them.
 *
 * @throws {UserError} If a row cannot be used or none has anything to train; the message names file and line.
 */
export async function openDataset(
  sources: string | readonly DataSource[],
  options: OpenDatasetOptions,
): Promise<Dataset> {
  const { format, signal } = options;
  const files = await describeSources(sources, { format, signal });
  using opened = new DisposableStack();
  const parts: FileTokens[] = [];
  for (const file of files) {
    const part = await openFileTokens(file, { ...options, mayBeEmpty: files.length > 1 });
    opened.use(part.store);
    parts.push(part);
  }
  const counts = parts.map((part) => part.counts).reduce(addCounts, NO_ROWS);
  const path = typeof sources === "string" ? sources : sources.map(({ path }) => path).join(",");
  refuseUntrained(counts, { path, maxLength: options.maxLength });
  return combined(parts, { path, counts, maxLength: options.maxLength, opened: opened.move() });
}

function combined(
  parts: readonly FileTokens[],
  { path, counts, maxLength, opened }: {
    readonly path: string;
    readonly counts: RowCounts;
    readonly maxLength: number;
    readonly opened: DisposableStack;
  },
): Dataset {
  const stores = parts.map(({ store }) => store);
  const lengths = stores.length === 1 ? stores[0]!.lengths : new Int32Array(counts.examples);
  const starts: number[] = [];
  let at = 0;
  for (const store of stores) {
    starts.push(at);
    if (stores.length > 1) lengths.set(store.lengths, at);
    at += store.lengths.length;
  }
  const files = parts.map(({ file, sha256, counts }): DatasetFile => ({
    path: file.path,
    sha256,
    description: fileDescription(file, counts.rows),
  }));
  return {
    path,
    sha256: hashOf(parts),
    files,
    statistics: statisticsOf(counts),
    maxLength,
    lengths,
    sources: sourcesOf(parts),
    packing: undefined,
    read(index) {
      const part = starts.findLastIndex((start) => start <= index);
      return stores[part]!.read(index - starts[part]!);
    },
    [Symbol.dispose]: () => opened.dispose(),
  };
}

/** The hash of a single file is its own; that of several says in which order and how often they are read. */
function hashOf(parts: readonly FileTokens[]): string {
  const [first] = parts;
  if (parts.length === 1 && first!.file.weight === 1) return first!.sha256;
  const files = parts.map(({ file: { source, weight }, sha256 }) => ({ source, weight, sha256 }));
  return createHash("sha256").update(JSON.stringify(files)).digest("hex");
}

function sourcesOf(parts: readonly FileTokens[]): Dataset["sources"] {
  const bySource = Map.groupBy(parts, ({ file }) => file.source);
  return [...bySource.values()].map((files) => {
    const { path, weight } = files[0]!.file as DataFile;
    const examples = files.reduce((sum, { store }) => sum + store.lengths.length, 0);
    return { path, weight, examples };
  });
}

function statisticsOf(counts: RowCounts): DatasetStatistics {
  return { ...counts, droppedRows: reasonsOf(counts).reduce((sum, [, rows]) => sum + rows, 0) };
}

function reasonsOf({ dropReasons }: RowCounts): [DropReason, number][] {
  return Object.entries(dropReasons) as [DropReason, number][];
}

function refuseUntrained(
  counts: RowCounts,
  { path, maxLength }: { readonly path: string; readonly maxLength: number },
): void {
  if (counts.examples > 0) return;
  const reasons = reasonsOf(counts).map(([reason, rows]) =>
    `${rows}: ${DROP_REASON_TEXTS[reason]}`
  );
  throw new UserError(
    `Cannot train on "${path}": none of its ${counts.rows} rows is left (${reasons.join("; ")}); ` +
      `raise --max-length, which is ${maxLength}, or look at the rows with "data preview"`,
  );
}
