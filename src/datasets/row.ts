/**
 * The kinds of rows that a data set may have, and where a row is.
 *
 * @module
 */

import type { ChatMessage } from "../models/tokenizer/tokenizer.ts";
import { UserError } from "../utils/errors.ts";

/** Every kind of row. */
export const ROW_KINDS = ["tokens", "messages", "completion", "text"] as const;

/** A kind of row. */
export type RowKind = (typeof ROW_KINDS)[number];

/** Ids and labels of a text that has been tokenised before. */
export interface TokensRow {
  /** Tells the kind. */
  readonly kind: "tokens";
  /** Token ids. */
  readonly inputIds: Int32Array;
  /** For each id itself or another to be predicted in its place, or −100; not shifted. */
  readonly labels: Int32Array;
}

/** A conversation, of which the assistant's turns are trained. */
export interface MessagesRow {
  /** Tells the kind. */
  readonly kind: "messages";
  /** What is said. */
  readonly messages: readonly ChatMessage[];
  /** Functions that the assistant may call. */
  readonly tools: readonly unknown[] | undefined;
  /**
   * For each message whether it may be trained, where the row says so (OpenAI's `weight`, or a prompt that is a
   * conversation). @default {every turn of the assistant}
   */
  readonly trained?: readonly boolean[];
  /** More variables for the chat template (`chat_template_kwargs`, `parallel_tool_calls`). @default {none} */
  readonly templateVariables?: Readonly<Record<string, unknown>>;
}

/** A text and what follows it; only the latter is trained. */
export interface CompletionRow {
  /** Tells the kind. */
  readonly kind: "completion";
  /** What is given. */
  readonly prompt: string;
  /** What is to follow. */
  readonly completion: string;
}

/** A text, all of it trained. */
export interface TextRow {
  /** Tells the kind. */
  readonly kind: "text";
  /** The text. */
  readonly text: string;
}

/** A row of a data set. */
export type Row = TokensRow | MessagesRow | CompletionRow | TextRow;

/** Where a row is. */
export interface RowPlace {
  /** The file. */
  readonly path: string;
  /** The line in which the row begins, counted from 1; of a file that has no lines (Parquet), the row. */
  readonly line: number;
  /** The row, counted from 1, where that is not the line (JSON, CSV, Parquet). */
  readonly row?: number;
  /** What `line` counts. @default {"line"} */
  readonly unit?: "line" | "row";
}

/** Returns where a row is, in words: `line 3`, `line 1 (row 7)` or `row 7`. */
export function placeName({ line, row, unit = "line" }: RowPlace): string {
  return unit === "row" || row === undefined || row === line
    ? `${unit} ${line}`
    : `line ${line} (row ${row})`;
}

/** Returns the error "Cannot use line {line} of {path}: {state}". */
export function rowError(place: RowPlace, state: string, cause?: unknown): UserError {
  return new UserError(`Cannot use ${placeName(place)} of "${place.path}": ${state}`, { cause });
}
