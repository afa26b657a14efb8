/**
 * The kinds of rows that a data set may have, and where a row is.
 *
 * @module
 */

import type { ChatMessage } from "../models/tokenizer/tokenizer.ts";
import { UserError } from "../utils/errors.ts";

/** Every kind of row. One with the keys of several is of the first of them. */
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
  /** The line, counted from 1. */
  readonly line: number;
}

/** Returns the error "Cannot use line {line} of {path}: {state}". */
export function rowError({ path, line }: RowPlace, state: string, cause?: unknown): UserError {
  return new UserError(`Cannot use line ${line} of "${path}": ${state}`, { cause });
}
