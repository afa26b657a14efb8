/**
 * Models: how words become tokens.
 *
 * @module
 */

import { Unigram, WordPiece } from "@huggingface/tokenizers";
import { UserError } from "../../utils/errors.ts";
import { createBpe } from "./bpe.ts";
import { asArray, asObject, type Stage } from "./tokenizer_json.ts";

/** Splits words into tokens. */
export interface WordModel {
  /** Id of each token. */
  readonly vocabulary: ReadonlyMap<string, number>;
  /** The token that stands for what no other does. */
  readonly unknownId: number | undefined;
  /** Returns the ids of the tokens of `word`. */
  encode(word: string): number[];
}

/** How each kind of model is made. */
const MODELS: Readonly<Record<string, (stage: Stage) => WordModel>> = {
  BPE: createBpe,
  WordPiece(stage) {
    asObject(stage.vocab, '"model.vocab"');
    return fromLibraryModel(
      new WordPiece(stage as unknown as ConstructorParameters<typeof WordPiece>[0]),
    );
  },
  Unigram(stage) {
    asArray(stage.vocab, '"model.vocab"');
    const model = new Unigram(stage as unknown as ConstructorParameters<typeof Unigram>[0], "");
    return fromLibraryModel(model, { byteFallback: stage.byte_fallback === true });
  },
  WordLevel(stage) {
    const vocab = asObject(stage.vocab, '"model.vocab"') as Readonly<Record<string, number>>;
    const vocabulary = new Map(Object.entries(vocab));
    const unknownId = vocabulary.get(String(stage.unk_token));
    return {
      vocabulary,
      unknownId,
      encode: (word) => [vocabulary.get(word) ?? unknownId ?? []].flat(),
    };
  },
};

/**
 * Creates what the `model` of a `tokenizer.json` describes.
 *
 * @throws {UserError} If its kind is not supported.
 */
export function createWordModel(stage: Stage): WordModel {
  const create = Object.hasOwn(MODELS, stage.type) ? MODELS[stage.type] : undefined;
  if (create !== undefined) return create(stage);
  throw new UserError(
    `Cannot read tokenizer.json: model "${stage.type}" is not supported, only ${
      Object.keys(MODELS).join(", ")
    }`,
  );
}

function fromLibraryModel(
  model: WordPiece | Unigram,
  { byteFallback = false }: { readonly byteFallback?: boolean } = {},
): WordModel {
  const vocabulary = model.tokens_to_ids;
  const unknownId = model.unk_token_id;
  const utf8 = new TextEncoder();
  /** The bytes of what no token spells, if each of them is a token. */
  const bytesOf = (text: string): number[] | undefined => {
    const ids = Array.from(utf8.encode(text), (byte) => {
      const hex = byte.toString(16).toUpperCase().padStart(2, "0");
      return vocabulary.get(`<0x${hex}>`) ?? [];
    });
    return ids.some(Array.isArray) ? undefined : ids as number[];
  };
  return {
    vocabulary,
    unknownId,
    encode: (word) =>
      model._call([word]).flatMap((token) =>
        vocabulary.get(token) ?? (byteFallback ? bytesOf(token) : undefined) ?? unknownId ?? []
      ),
  };
}
