/**
 * From text to token ids: added tokens, normalisation, words, model.
 *
 * @module
 */

import { type AddedTokenSplitter, createAddedTokenSplitter } from "./added_tokens.ts";
import { createNormalizer } from "./normalizer.ts";
import { createPreTokenizer, type PreTokenizer } from "./pre_tokenizer.ts";
import { tokenByteLengths } from "./token_lengths.ts";
import type { AddedToken, Stage, TokenizerJson } from "./tokenizer_json.ts";
import { createWordModel, type WordModel } from "./word_model.ts";

/** Options of {@linkcode TextTokenizer.encode}. */
export interface TextTokenizerOptions {
  /** Whether special tokens that the text spells out are tokens. */
  readonly parseSpecialTokens: boolean;
}

/** A word or an added token with its ids. */
export interface Unit {
  /** The characters of the normalised text that it stands for; an added token's own spelling. */
  readonly text: string;
  /** The added token, if it is one. */
  readonly token: AddedToken | undefined;
  /** Its ids. */
  readonly ids: readonly number[];
}

/** A stretch of the text that is normalised and split on its own. */
export interface EncodedSection {
  /** Where it begins in the text. */
  readonly start: number;
  /** Where it ends. */
  readonly end: number;
  /** The added token that it is, `undefined` for text. */
  readonly token: AddedToken | undefined;
  /** The text, normalised. */
  readonly text: string;
  /** Its words, and added tokens that are looked for in normalised text. */
  readonly units: readonly Unit[];
}

/** Turns text into ids, without the special tokens around it. */
export interface TextTokenizer {
  /** Id of each token of the model. */
  readonly vocabulary: ReadonlyMap<string, number>;
  /** Spelling of each token by id, added tokens included; `undefined` where an id is not given out. */
  readonly spelling: readonly (string | undefined)[];
  /** Turns text into ids. */
  encode(text: string, options: TextTokenizerOptions): EncodedSection[];
  /** Applies the normaliser. */
  normalize(text: string): string;
  /** Returns how many bytes of its text each token of a word stands for. */
  byteLengths(unit: Unit): number[];
}

/** Words kept with their ids; English text has fewer distinct ones in gigabytes than this. */
const CACHED_WORDS = 1 << 17;
/** Longer words are hardly met again. */
const CACHED_WORD_LENGTH = 64;

/** Creates the encoding half of a tokenizer. */
export function createTextTokenizer(json: TokenizerJson): TextTokenizer {
  const normalize = createNormalizer(json.normalizer);
  const model = createWordModel(json.model);
  const preTokenizer = json.preTokenizer === undefined
    ? wordsOfSentencePiece(model, json.model)
    : createPreTokenizer(json.preTokenizer);
  const encodeWord = cached((word) => model.encode(preTokenizer.spell(word)));
  const raw = splitters(json.addedTokens.filter((token) => !token.normalized), (it) => it.content);
  const normalized = splitters(
    json.addedTokens.filter((token) => token.normalized),
    (token) => normalize(token.content),
  );

  function units(text: string, isFirst: boolean, plain: boolean): Unit[] {
    const found: Unit[] = [];
    for (const { start, end, token } of normalized(plain)(text)) {
      const part = text.slice(start, end);
      if (token !== undefined) {
        found.push({ text: part, token, ids: [token.id] });
        continue;
      }
      const words = preTokenizer.split(part, isFirst && start === 0);
      const texts = preTokenizer.textsOf?.(words) ?? words;
      for (let i = 0; i < words.length; i++) {
        found.push({ text: texts[i]!, token: undefined, ids: encodeWord(words[i]!) });
      }
    }
    return found;
  }

  const spelling: (string | undefined)[] = [];
  for (const [token, id] of model.vocabulary) spelling[id] = token;
  for (const { id, content, normalized } of json.addedTokens) {
    spelling[id] = normalized ? normalize(content) : content;
  }
  return {
    vocabulary: model.vocabulary,
    spelling,
    normalize,
    byteLengths({ text, ids }) {
      // the byte-level alphabet spells a byte with each character
      if (preTokenizer.isByteLevel) return ids.map((id) => spelling[id]?.length ?? 0);
      return tokenByteLengths(preTokenizer.spell(text), ids, {
        spelling,
        unknownId: model.unknownId,
      });
    },
    encode(text, { parseSpecialTokens }) {
      // a lone surrogate has no UTF-8: as everywhere, it becomes U+FFFD
      const wellFormed = text.toWellFormed();
      const plain = !parseSpecialTokens;
      return raw(plain)(wellFormed).map(({ start, end, token }) => {
        const part = wellFormed.slice(start, end);
        if (token !== undefined) {
          return { start, end, token, text: part, units: [{ text: part, token, ids: [token.id] }] };
        }
        const normalizedPart = normalize(part);
        return {
          start,
          end,
          token,
          text: normalizedPart,
          units: units(normalizedPart, start === 0, plain),
        };
      });
    },
  };
}

/** Returns the splitter for all `tokens` and the one for those that are not special. */
function splitters(
  tokens: readonly AddedToken[],
  spell: (token: AddedToken) => string,
): (plain: boolean) => AddedTokenSplitter {
  const all = createAddedTokenSplitter(tokens, spell);
  const ordinary = createAddedTokenSplitter(tokens.filter((token) => !token.special), spell);
  return (plain) => plain ? ordinary : all;
}

/**
 * SentencePiece models have no pre-tokenizer: a text is one word of any length. If no token of theirs goes on behind a
 * word, cutting at words gives the same ids, and words can be cached.
 */
function wordsOfSentencePiece(model: WordModel, stage: Stage): PreTokenizer {
  const whole: PreTokenizer = {
    isByteLevel: false,
    split: (text) => [text],
    spell: (word) => word,
    textsOf: undefined,
  };
  const bytesAreTokens = stage.byte_fallback === true && model.vocabulary.has("<0x00>");
  if (stage.type !== "BPE" || (stage.fuse_unk === true && !bytesAreTokens)) return whole;
  for (const token of model.vocabulary.keys()) if (/[^▁]▁/.test(token)) return whole;
  return { ...whole, split: (text) => text.match(/▁+[^▁]*|^[^▁]+/g) ?? [] };
}

function cached(encode: (word: string) => number[]): (word: string) => readonly number[] {
  const cache = new Map<string, readonly number[]>();
  return (word) => {
    const known = cache.get(word);
    if (known !== undefined) return known;
    const ids = encode(word);
    if (word.length <= CACHED_WORD_LENGTH) {
      if (cache.size >= CACHED_WORDS) cache.clear();
      cache.set(copyOf(word), ids);
    }
    return ids;
  };
}

/** A word is a slice of its text: kept as it is, it would keep all of the text in memory. */
function copyOf(word: string): string {
  return String.fromCharCode(...Array.from({ length: word.length }, (_, i) => word.charCodeAt(i)));
}
