/**
 * The file `tokenizer.json` of Hugging Face's `tokenizers`.
 *
 * @module
 */

import { messageOf, UserError } from "../../utils/errors.ts";

/** A token that is found in the text before the model sees it. */
export interface AddedToken {
  /** Its id. */
  readonly id: number;
  /** How it is spelled. */
  readonly content: string;
  /** Found only where no letter or digit touches it. */
  readonly singleWord: boolean;
  /** Takes the white space before it. */
  readonly lstrip: boolean;
  /** Takes the white space after it. */
  readonly rstrip: boolean;
  /** Looked for in the normalised text instead of in the text. */
  readonly normalized: boolean;
  /** Left out when decoding without special tokens. */
  readonly special: boolean;
}

/** A stage of the pipeline as the file describes it. */
export interface Stage extends Readonly<Record<string, unknown>> {
  /** Which kind it is. */
  readonly type: string;
}

/** The decoded file. */
export interface TokenizerJson {
  /** Tokens found before the model runs. */
  readonly addedTokens: readonly AddedToken[];
  /** Changes the text. */
  readonly normalizer: Stage | undefined;
  /** Splits the text into words. */
  readonly preTokenizer: Stage | undefined;
  /** Splits words into tokens. */
  readonly model: Stage;
  /** Adds special tokens. */
  readonly postProcessor: Stage | undefined;
  /** Joins tokens into text. */
  readonly decoder: Stage | undefined;
}

/** Decodes the parsed content of a `tokenizer.json`. */
export function parseTokenizerJson(json: unknown): TokenizerJson {
  const file = asObject(json, "the file");
  const model = asObject(file.model, '"model"');
  return {
    addedTokens: asArray(file.added_tokens ?? [], '"added_tokens"').map(parseAddedToken),
    normalizer: parseStage(file.normalizer, '"normalizer"'),
    preTokenizer: parseStage(file.pre_tokenizer, '"pre_tokenizer"'),
    model: { ...model, type: modelKind(model) },
    postProcessor: parseStage(file.post_processor, '"post_processor"'),
    decoder: parseStage(file.decoder, '"decoder"'),
  };
}

/** Decodes a stage, which may be missing. */
export function parseStage(json: unknown, what: string): Stage | undefined {
  if (json === null || json === undefined) return undefined;
  const stage = asObject(json, what);
  if (typeof stage.type !== "string") fail(`${what} has no "type"`);
  return { ...stage, type: stage.type };
}

/** Returns `value` as an object. */
export function asObject(value: unknown, what: string): Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    fail(`${what} is not an object`);
  }
  return value as Readonly<Record<string, unknown>>;
}

/** Returns `value` as an array. */
export function asArray(value: unknown, what: string): readonly unknown[] {
  if (!Array.isArray(value)) fail(`${what} is not an array`);
  return value;
}

/**
 * Makes a stage that `@huggingface/tokenizers` knows.
 *
 * @throws {UserError} If it knows none of that kind.
 */
export function fromLibrary<T>(stage: Stage, what: string, create: () => T): T {
  try {
    return create();
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError(
      `Cannot read tokenizer.json: ${what} "${stage.type}" is not supported (${messageOf(error)})`,
      { cause: error },
    );
  }
}

function parseAddedToken(json: unknown, index: number): AddedToken {
  const token = asObject(json, `"added_tokens[${index}]"`);
  const { id, content } = token;
  if (typeof id !== "number" || !Number.isInteger(id) || id < 0) {
    fail(`"added_tokens[${index}].id" is not a token id`);
  }
  if (typeof content !== "string" || content === "") {
    fail(`"added_tokens[${index}].content" is not a text`);
  }
  const special = token.special === true;
  return {
    id,
    content,
    singleWord: token.single_word === true,
    lstrip: token.lstrip === true,
    rstrip: token.rstrip === true,
    normalized: typeof token.normalized === "boolean" ? token.normalized : !special,
    special,
  };
}

/** Older files do not name the kind of the model. */
function modelKind(model: Readonly<Record<string, unknown>>): string {
  if (typeof model.type === "string") return model.type;
  if (Array.isArray(model.vocab)) return "Unigram";
  return "merges" in model ? "BPE" : "WordPiece";
}

function fail(message: string): never {
  throw new UserError(`Cannot read tokenizer.json: ${message}`);
}
