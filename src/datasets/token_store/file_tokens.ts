/**
 * The tokens of one file: those of an earlier run where nothing that they follow from has changed, else made anew.
 *
 * @module
 */

import { createHash } from "node:crypto";
import denoJson from "../../../deno.json" with { type: "json" };
import { UserError } from "../../utils/errors.ts";
import {
  array,
  decode,
  type Decoder,
  integer,
  type JsonObject,
  object,
  record,
  text,
} from "../../utils/json.ts";
import { addCounts, type EncodeSettings, NO_ROWS, type RowCounts } from "../encode_batch.ts";
import type { RowPlace } from "../row.ts";
import type { DataFile } from "../sources/data_file.ts";
import { hashFile } from "../sources/hash_file.ts";
import { readRows } from "../sources/read_rows.ts";
import { type BatchEncoder, localEncoder, type ReadRow, tokenizeRows } from "../tokenize.ts";
import { usableRows } from "../validation/usable_rows.ts";
import { openCached, type TokenCache } from "./cache.ts";
import { idBytesFor } from "./record.ts";
import { type TokenStore, writeTokenStore } from "./store_file.ts";

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

/** Options of {@linkcode openFileTokens}. */
export interface FileTokensOptions extends EncodeSettings {
  /** Where tokens are kept for further runs; they are not if it is `undefined`. */
  readonly cache?: TokenCache | undefined;
  /** Encodes rows instead of this thread, where a file is large enough for that to pay. */
  readonly openEncoder?: ((settings: EncodeSettings) => BatchEncoder) | undefined;
  /** Whether a file without rows is none too few. @default {false} */
  readonly mayBeEmpty?: boolean;
  /** Told what is odd about a row without making it useless, or about the cache. @default {nothing is told} */
  readonly onWarning?: (warning: string, place: RowPlace | undefined) => void;
  /** Told how far it has come. @default {nothing is told} */
  readonly onProgress?: (progress: OpenProgress) => void;
  /** Ends the reading. */
  readonly signal?: AbortSignal | undefined;
}

/** The tokens of a file. */
export interface FileTokens {
  /** The file. */
  readonly file: DataFile;
  /** SHA-256 of the file. */
  readonly sha256: string;
  /** What became of its rows. */
  readonly counts: RowCounts;
  /** Its examples. */
  readonly store: TokenStore;
}

/** Changes with what rows become, so that tokens kept before are not taken for theirs. */
const ENCODING_VERSION = 1;

/** Warnings of a file that are kept with its tokens; there may be one for each row. */
const MAX_WARNINGS = 100;

/** Files below this size are encoded before another thread has read the tokenizer. */
const MIN_SHARED_BYTES = 2 << 20;

/**
 * Opens the tokens of a file.
 *
 * @throws {UserError} If a row cannot be used; the message names file and line.
 */
export async function openFileTokens(
  file: DataFile,
  options: FileTokensOptions,
): Promise<FileTokens> {
  const { signal, onWarning = () => {}, cache } = options;
  const { path } = file;
  const sha256 = await hashFile(path, { signal });
  let isNew = false;
  const store = await openCached(keyOf(file, { sha256, options }), {
    cache,
    onWarning: (warning) => onWarning(warning, undefined),
    make: async (target) => {
      isNew = true;
      await makeStore(file, { target, sha256, options });
    },
  });
  const { warnings, ...counts } = decode(summary, store.summary, path);
  if (!isNew) { for (const { text, line } of warnings) onWarning(text, { path, line }); }
  return { file, sha256, store, counts };
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
  dropReasons: record(count) as Decoder<RowCounts["dropReasons"]>,
  warnings: array(object({ line: count, text: text() })),
});

async function makeStore(
  file: DataFile,
  { target, sha256, options }: {
    readonly target: string;
    readonly sha256: string;
    readonly options: FileTokensOptions;
  },
): Promise<void> {
  const { path, bytes: totalBytes } = file;
  const { onWarning = () => {}, onProgress = () => {}, openEncoder, vocabSize } = options;
  const warnings: { line: number; text: string }[] = [];
  let skipped = 0;
  const rows = readUsableRows(file, {
    ...{ options, sha256 },
    onSkipped: options.skipInvalidRows === true ? () => skipped++ : undefined,
    onWarning: (text, place) => {
      onWarning(text, place);
      if (warnings.length < MAX_WARNINGS) warnings.push({ line: place.line, text });
    },
  });
  onProgress({ path, rows: 0, bytes: 0, totalBytes });
  const settings = settingsOf(options);
  await using encoder = openEncoder === undefined || totalBytes < MIN_SHARED_BYTES
    ? localEncoder(settings)
    : openEncoder(settings);
  await writeTokenStore(target, {
    idBytes: idBytesFor(vocabSize),
    fill: async (sink) => {
      const counts = await tokenizeRows(rows, {
        ...{ encoder, sink },
        onProgress: (progress) => onProgress({ path, ...progress, totalBytes }),
      });
      return { ...addCounts(counts, skippedRows(skipped)), warnings };
    },
  });
}

/** Yields the rows of a file that can be used; others are told of, or the first of them is an error. */
async function* readUsableRows(
  file: DataFile,
  { options, sha256, onSkipped, onWarning }: {
    readonly options: FileTokensOptions;
    readonly sha256: string;
    readonly onSkipped: (() => void) | undefined;
    readonly onWarning: (warning: string, place: RowPlace) => void;
  },
): AsyncGenerator<ReadRow> {
  const { vocabSize, mayBeEmpty = false, signal } = options;
  let endByte = 0;
  let isEmpty = false;
  const rows = readRows([file], {
    ...{ vocabSize, signal },
    onBytes: (bytes) => endByte += bytes,
    onFileEnd: (read) => {
      isEmpty = read.rows === 0;
      if (read.sha256 === sha256) return;
      throw new UserError(
        `Cannot use "${file.path}": it was changed while it was read; start again`,
      );
    },
  });
  try {
    for await (const { row, place, warnings } of usableRows(rows, { onSkipped })) {
      for (const warning of warnings) onWarning(warning, place);
      yield { row, place, endByte };
    }
  } catch (error) {
    if (!(isEmpty && mayBeEmpty && error instanceof UserError)) throw error;
  }
}

function skippedRows(rows: number): RowCounts {
  return rows === 0 ? NO_ROWS : { ...NO_ROWS, rows, dropReasons: { invalid: rows } };
}

function settingsOf(options: FileTokensOptions): EncodeSettings {
  const { tokenizer, maxLength, vocabSize } = options;
  const { trainOn = "assistant", truncation = "auto", skipInvalidRows = false } = options;
  return { tokenizer, maxLength, trainOn, truncation, skipInvalidRows, vocabSize };
}

/** Returns what the tokens of a file follow from, as a name. */
function keyOf(
  file: DataFile,
  { sha256, options }: { readonly sha256: string; readonly options: FileTokensOptions },
): string {
  const { tokenizer, ...settings } = settingsOf(options);
  // neither the place of a file nor how much of it is drawn changes its tokens
  const { path: _, source: __, weight: ___, ...form } = file;
  return hashOf({
    program: denoJson.version,
    encoding: ENCODING_VERSION,
    ...{ sha256, form, settings },
    ...(tokenizer && {
      // the template is told below; a checkpoint has a file of it where the model began without
      files: [...tokenizer.files].filter(([name]) => name !== "chat_template.jinja")
        .map(([name, bytes]) => [name, hashOfBytes(bytes)]),
      eosTokenIds: tokenizer.eosTokenIds,
      chatTemplate: tokenizer.chatTemplate,
    }),
  });
}

function hashOf(json: JsonObject): string {
  return hashOfBytes(new TextEncoder().encode(JSON.stringify(json)));
}

function hashOfBytes(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
