/**
 * Rows as ids and labels, no longer than a model takes.
 *
 * @module
 */

import { ChatTemplateError, type Tokenizer } from "../models/tokenizer/tokenizer.ts";
import { messageOf } from "../utils/errors.ts";
import { encodeMessages } from "./encode_messages.ts";
import { IGNORED_LABEL } from "./labels.ts";
import { joinCompletion } from "./join_completion.ts";
import { type Row, rowError, type RowPlace } from "./row.ts";
import type { TrainOn } from "./train_on.ts";
import { type TruncatedExample, truncateExample, type Truncation } from "./truncation.ts";

/** A sequence to train on. */
export interface Example {
  /** Token ids. */
  readonly inputIds: Int32Array;
  /** The id in its place where it is trained, −100 elsewhere; not shifted. */
  readonly labels: Int32Array;
}

/** What became of a row: its examples are none, one or, where it was split, several. */
export type EncodedRow = TruncatedExample;

/** Options of {@linkcode encodeRow}. */
export interface EncodeRowOptions {
  /** Where the row is, for errors. */
  readonly place: RowPlace;
  /** Reads texts; rows that are tokenised need none. */
  readonly tokenizer: Tokenizer | undefined;
  /** Most tokens of an example. */
  readonly maxLength: number;
  /** Which tokens of conversations and completions are trained. @default {"assistant"} */
  readonly trainOn?: TrainOn | undefined;
  /** What becomes of a longer one. @default {"auto"} */
  readonly truncation?: Truncation | undefined;
  /** Number of token ids of the model. @default {any id may be} */
  readonly vocabSize?: number | undefined;
}

type Encode<K extends Row["kind"]> = (
  row: Extract<Row, { readonly kind: K }>,
  context: {
    readonly tokenizer: Tokenizer;
    readonly place: RowPlace;
    readonly trainOn: TrainOn;
  },
) => Example;

/** How each kind that needs a tokenizer becomes ids and labels. */
const ENCODERS: { readonly [K in Exclude<Row["kind"], "tokens">]: Encode<K> } = {
  messages(row, { tokenizer, place, trainOn }) {
    try {
      const { ids, trained } = encodeMessages(row, { tokenizer, trainOn });
      return example(ids, (i) => trained[i] === 1);
    } catch (error) {
      if (!(error instanceof ChatTemplateError)) throw error;
      const reason = messageOf(error.cause ?? error);
      throw rowError(place, `the chat template refuses it, ${reason}`, error);
    }
  },
  completion(row, { tokenizer, trainOn }) {
    const { ids, promptLength } = joinCompletion(row, tokenizer);
    return example(ended(ids, tokenizer), (i) => trainOn === "all" || i >= promptLength);
  },
  text: ({ text }, { tokenizer }) => example(ended(tokenizer.encode(text), tokenizer), () => true),
};

/**
 * Encodes a row; one that is too long is cut as `truncation` says. What then has no trained token is left out.
 *
 * @throws {RangeError} If `maxLength` is less than 2: of one token nothing is trained.
 * @throws {UserError} If the row needs a tokenizer and there is none, its chat template refuses the row, an id is not
 * in the model's vocabulary, or the row is too long and is to be refused then.
 */
export function encodeRow(row: Row, options: EncodeRowOptions): EncodedRow {
  const { place, tokenizer, maxLength, trainOn = "assistant", truncation = "auto" } = options;
  const { vocabSize = Infinity } = options;
  if (!Number.isSafeInteger(maxLength) || maxLength < 2) {
    throw new RangeError(
      `Cannot encode rows as "maxLength" must be at least 2: current value is ${maxLength}`,
    );
  }
  const whole = wholeExample(row, { place, tokenizer, trainOn });
  const tooLarge = whole.inputIds.find((id) => id >= vocabSize);
  if (tooLarge !== undefined) {
    throw rowError(
      place,
      `the tokenizer gives token id ${tooLarge}, but the model has only ${vocabSize}; ` +
        "the tokenizer belongs to another model",
    );
  }
  const { length } = whole.inputIds;
  if (truncation === "error" && length > maxLength) {
    throw rowError(
      place,
      `it has ${length} tokens, ${
        length - maxLength
      } more than --max-length; raise that, shorten the row, ` +
        "or choose what is cut off with --truncation",
    );
  }
  return truncateExample(whole, { maxLength, truncation: cutOf(truncation, row.kind) });
}

/** Texts go on beyond what a model takes at once; of other rows a part would mislead. */
function cutOf(truncation: Truncation, kind: Row["kind"]): Exclude<Truncation, "auto" | "error"> {
  if (truncation === "auto") return kind === "text" ? "split" : "end";
  return truncation === "error" ? "end" : truncation;
}

function wholeExample(
  row: Row,
  { place, tokenizer, trainOn }: Pick<EncodeRowOptions, "place" | "tokenizer"> & {
    readonly trainOn: TrainOn;
  },
): Example {
  if (row.kind === "tokens") return row;
  if (tokenizer === undefined) {
    throw rowError(
      place,
      "it is text, but the model has no tokenizer.json; add one or use rows with input_ids",
    );
  }
  const encode = ENCODERS[row.kind] as Encode<typeof row.kind>;
  return encode(row as never, { tokenizer, place, trainOn });
}

function example(ids: readonly number[], isTrained: (index: number) => boolean): Example {
  const inputIds = Int32Array.from(ids);
  return { inputIds, labels: inputIds.map((id, i) => isTrained(i) ? id : IGNORED_LABEL) };
}

/** Appends the token that ends a text, unless it is there. */
function ended(ids: number[], { eosTokenIds }: Tokenizer): number[] {
  const [end] = eosTokenIds;
  if (end !== undefined && !eosTokenIds.includes(ids.at(-1) ?? -1)) ids.push(end);
  return ids;
}
