/**
 * Opening data sets: the tokens of an earlier run where nothing that they follow from has changed, else made anew.
 *
 * @module
 */

import { createHash } from "node:crypto";
import denoJson from "../../deno.json" with { type: "json" };
import { UserError } from "../utils/errors.ts";
import { fileError } from "../utils/file_error.ts";
import {
  array,
  decode,
  integer,
  type JsonObject,
  object,
  optional,
  record,
  text,
} from "../utils/json.ts";
import type { Dataset, DatasetStatistics } from "./dataset.ts";
import { addCounts, type EncodeSettings, NO_ROWS, type RowCounts } from "./encode_batch.ts";
import { readLines } from "./jsonl.ts";
import { parseRow } from "./parse_row.ts";
import type { RowPlace } from "./row.ts";
import { idBytesFor } from "./token_store/record.ts";
import { openCached, type TokenCache } from "./token_store/cache.ts";
import { type TokenStore, writeTokenStore } from "./token_store/store_file.ts";
import { type BatchEncoder, localEncoder, type ReadRow, tokenizeRows } from "./tokenize.ts";
import type { DropReason } from "./truncation.ts";

/** A file to train on. */
export interface DataSource {
  /** The file. */
  readonly path: string;
  /** How often an epoch gives each of its examples; below 1, the part of them that it gives. @default {1} */
  readonly weight?: number;
}

/** How far the tokens of a file have come. */
export interface OpenProgress {
  /** The file. */
  readonly path: string;
  /** Rows encoded. */
  readonly rows: number;
  /** Bytes of the file that they take. */
  readonly bytes: number;
  /** Bytes of the file. */
  readonly totalBytes: number;
}

/** Options of {@linkcode openDataset}. */
export interface OpenDatasetOptions extends EncodeSettings {
  /** Where tokens are kept for further runs; they are not if it is `undefined`. */
  readonly cache?: TokenCache | undefined;
  /** Encodes rows instead of this thread, where a file is large enough for that to pay. */
  readonly openEncoder?: ((settings: EncodeSettings) => BatchEncoder) | undefined;
  /** Told what is odd about a row without making it useless. @default {nothing is told} */
  readonly onWarning?: (warning: string, place: RowPlace | undefined) => void;
  /** Told how far it has come. @default {nothing is told} */
  readonly onProgress?: (progress: OpenProgress) => void;
  /** Ends the reading. */
  readonly signal?: AbortSignal | undefined;
}

/** Changes with what rows become, so that tokens kept before are not taken for theirs. */
const ENCODING_VERSION = 1;

/** Warnings of a file that are kept with its tokens; there may be one for each row. */
const MAX_WARNINGS = 100;

/** Files below this size are encoded before another thread has read the tokenizer. */
const MIN_SHARED_BYTES = 4 << 20;

/**
 * Opens a data set.
 *
 * @throws {UserError} If a row cannot be used or none has anything to train; the message names file and line.
 */
export async function openDataset(
  source: string | readonly DataSource[],
  options: OpenDatasetOptions,
): Promise<Dataset> {
  const sources = typeof source === "string" ? [{ path: source }] : source;
  using opened = new DisposableStack();
  const parts: OpenedSource[] = [];
  for (const { path, weight = 1 } of sources) {
    const part = await openSource(path, options);
    opened.use(part.store);
    parts.push({ ...part, weight });
  }
  const counts = parts.map((part) => part.counts).reduce(addCounts, NO_ROWS);
  refuseUntrained(counts, { path: sources.map(({ path }) => path).join('", "'), options });
  return combined(parts, { counts, maxLength: options.maxLength, opened: opened.move() });
}

interface OpenedSource {
  readonly path: string;
  readonly sha256: string;
  readonly weight: number;
  readonly store: TokenStore;
  readonly counts: RowCounts;
}

function combined(
  parts: readonly OpenedSource[],
  { counts, maxLength, opened }: {
    readonly counts: RowCounts;
    readonly maxLength: number;
    readonly opened: DisposableStack;
  },
): Dataset {
  const [first] = parts;
  const lengths = parts.length === 1 ? first!.store.lengths : new Int32Array(counts.examples);
  const starts: number[] = [];
  let at = 0;
  for (const { store } of parts) {
    starts.push(at);
    if (parts.length > 1) lengths.set(store.lengths, at);
    at += store.lengths.length;
  }
  return {
    path: first!.path,
    sha256: parts.length === 1 ? first!.sha256 : hashOf(parts.map((part) => part.sha256)),
    statistics: statisticsOf(counts),
    maxLength,
    lengths,
    sources: parts.map(({ path, weight, store }) => ({
      path,
      weight,
      examples: store.lengths.length,
    })),
    packing: undefined,
    read(index) {
      const part = starts.findLastIndex((start) => start <= index);
      return parts[part]!.store.read(index - starts[part]!);
    },
    [Symbol.dispose]: () => opened.dispose(),
  };
}

function statisticsOf(counts: RowCounts): DatasetStatistics {
  const { dropReasons } = counts;
  const droppedRows = Object.values(dropReasons).reduce((sum, rows) => sum + rows, 0);
  return { ...counts, droppedRows };
}

function refuseUntrained(
  counts: RowCounts,
  { path, options }: { readonly path: string; readonly options: OpenDatasetOptions },
): void {
  if (counts.examples > 0) return;
  throw new UserError(
    `Cannot train on "${path}": none of its ${counts.rows} rows has a trained token among its ` +
      `first ${options.maxLength} tokens; raise --max-length or look at the rows with "data preview"`,
  );
}

/** Opens one file; its tokens are read from the cache or made. */
async function openSource(
  path: string,
  options: OpenDatasetOptions,
): Promise<Omit<OpenedSource, "weight">> {
  const { signal, onWarning = () => {} } = options;
  const { sha256, bytes } = await hashFile(path, signal);
  const key = keyOf(sha256, options);
  let made = false;
  const store = await openCached(key, {
    cache: options.cache,
    onWarning: (warning) => onWarning(warning, undefined),
    make: async (target) => {
      made = true;
      await makeStore(path, { target, sha256, bytes, options });
    },
  });
  const { warnings, ...counts } = decode(summary, store.summary, path);
  if (!made) { for (const { text, line } of warnings) onWarning(text, { path, line }); }
  return { path, sha256, store, counts };
}

/** What is kept with the tokens of a file. */
interface Summary extends RowCounts {
  readonly warnings: readonly { readonly line: number; readonly text: string }[];
}

const count = integer({ min: 0 });

const summary = object<Summary>({
  rows: count,
  conversations: count,
  examples: count,
  tokens: count,
  trainedTokens: count,
  longestExample: count,
  truncatedRows: count,
  dropReasons: record(count) as never as () => Partial<Record<DropReason, number>>,
  warnings: optional(array(object({ line: count, text: text() })), []),
});

async function makeStore(
  path: string,
  { target, sha256, bytes, options }: {
    readonly target: string;
    readonly sha256: string;
    readonly bytes: number;
    readonly options: OpenDatasetOptions;
  },
): Promise<void> {
  const { onWarning = () => {}, onProgress = () => {}, openEncoder, signal } = options;
  const warnings: { line: number; text: string }[] = [];
  const hash = createHash("sha256");
  const rows = readRows(path, {
    vocabSize: options.vocabSize,
    signal,
    onBytes: (chunk) => hash.update(chunk),
    onWarning: (text, place) => {
      onWarning(text, place);
      if (warnings.length < MAX_WARNINGS) warnings.push({ line: place.line, text });
    },
  });
  const settings = settingsOf(options);
  await using encoder = openEncoder === undefined || bytes < MIN_SHARED_BYTES
    ? localEncoder(settings)
    : openEncoder(settings);
  await writeTokenStore(target, {
    idBytes: idBytesFor(options.vocabSize),
    fill: async (sink) => {
      const counts = await tokenizeRows(rows, {
        encoder,
        sink,
        onProgress: (progress) => onProgress({ path, ...progress, totalBytes: bytes }),
      });
      if (hash.digest("hex") !== sha256) {
        throw new UserError(`Cannot use "${path}": it was changed while it was read; start again`);
      }
      return { ...counts, warnings };
    },
  });
}

function settingsOf(options: OpenDatasetOptions): EncodeSettings {
  const { tokenizer, maxLength, truncation = "auto", vocabSize } = options;
  return { tokenizer, maxLength, truncation, vocabSize };
}

async function* readRows(
  path: string,
  { vocabSize, onWarning, onBytes, signal }: {
    readonly vocabSize: number;
    readonly onWarning: (warning: string, place: RowPlace) => void;
    readonly onBytes: (bytes: Uint8Array) => void;
    readonly signal: AbortSignal | undefined;
  },
): AsyncGenerator<ReadRow> {
  let endByte = 0;
  const counted = (bytes: Uint8Array) => {
    endByte += bytes.length;
    onBytes(bytes);
  };
  for await (const { line, text } of readLines(path, { onBytes: counted, signal })) {
    const place = { path, line };
    const { row, warnings } = parseRow(text, { place, vocabSize });
    for (const warning of warnings) onWarning(warning, place);
    yield { row, place, endByte };
  }
}

/** Returns what the tokens of a file follow from, as a name. */
function keyOf(sha256: string, options: OpenDatasetOptions): string {
  const { tokenizer, ...settings } = settingsOf(options);
  return hashOf({
    program: denoJson.version,
    encoding: ENCODING_VERSION,
    sha256,
    ...settings,
    ...(tokenizer && {
      files: [...tokenizer.files].map(([name, bytes]) => [name, hashOfBytes(bytes)]),
      eosTokenIds: tokenizer.eosTokenIds,
      chatTemplate: tokenizer.chatTemplate,
    }),
  });
}

function hashOf(json: JsonObject | readonly unknown[]): string {
  return hashOfBytes(new TextEncoder().encode(JSON.stringify(json)));
}

function hashOfBytes(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

async function hashFile(
  path: string,
  signal: AbortSignal | undefined,
): Promise<{ sha256: string; bytes: number }> {
  const hash = createHash("sha256");
  let bytes = 0;
  try {
    using file = await Deno.open(path);
    for await (const chunk of file.readable) {
      signal?.throwIfAborted();
      hash.update(chunk);
      bytes += chunk.length;
    }
  } catch (error) {
    throw fileError("read", path, error);
  }
  return { sha256: hash.digest("hex"), bytes };
}
