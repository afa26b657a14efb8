/**
 * Trains a byte-level byte-pair encoding (Sennrich et al., 2016) on texts.
 *
 * It makes the same merges as `BpeTrainer` of Hugging Face's `tokenizers` with a minimum frequency of 2: the most
 * frequent pair first, of equally frequent ones the pair with the smaller ids.
 *
 * @module
 */

import { BYTE_CHARACTERS } from "./byte_level.ts";
import { CHATML_TEMPLATE } from "./chat_template_source.ts";
import { createHeap } from "./heap.ts";
import { createPreTokenizer } from "./pre_tokenizer.ts";
import type { Stage } from "./tokenizer_json.ts";

/** Special tokens of a trained tokenizer unless told otherwise: end of text, begin and end of a turn. */
export const DEFAULT_SPECIAL_TOKENS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"] as const;

/** Options of {@linkcode trainBpe}. */
export interface TrainBpeOptions {
  /** What to learn from; read once. */
  readonly texts: Iterable<string>;
  /** How many tokens to make: special tokens, 256 bytes, merges. Fewer are made when no pair occurs twice. */
  readonly vocabSize: number;
  /**
   * Special tokens, which get the first ids. With those of ChatML the tokenizer has its chat template and learns the
   * names of the roles, too. @default {DEFAULT_SPECIAL_TOKENS}
   */
  readonly specialTokens?: readonly string[];
}

/** Words as in Qwen: contractions, letters with what stands before them, single digits, punctuation, white space. */
const WORDS: Stage = {
  type: "Sequence",
  pretokenizers: [
    {
      type: "Split",
      pattern: {
        Regex:
          "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
      },
      behavior: "Isolated",
      invert: false,
    },
    { type: "ByteLevel", add_prefix_space: false, trim_offsets: false, use_regex: false },
  ],
};

/** A pair of neighbours that may be merged. */
interface Candidate {
  readonly pair: number;
  readonly count: number;
}

/**
 * Trains a tokenizer and returns its files by name, `tokenizer.json` and `tokenizer_config.json`, for
 * `createTokenizer` or to be written beside a model.
 *
 * @throws {RangeError} If `vocabSize` has no room for the special tokens and the bytes.
 */
export function trainBpe(options: TrainBpeOptions): ReadonlyMap<string, Uint8Array> {
  const { texts, vocabSize, specialTokens = DEFAULT_SPECIAL_TOKENS } = options;
  const tokens = [...specialTokens, ...BYTE_CHARACTERS.toSorted()];
  if (!Number.isInteger(vocabSize) || vocabSize < tokens.length) {
    throw new RangeError(
      `Cannot train tokenizer as "vocabSize" must be at least ${tokens.length}, the special tokens and 256 bytes: ` +
        `current value is ${vocabSize}`,
    );
  }
  const wordCounts = countWords(texts);
  if (hasTurns(specialTokens)) countRoles(wordCounts);
  const merges = learnMerges(wordCounts, { tokens, vocabSize });
  const json = {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: specialTokens.map((content, id) => ({
      id,
      content,
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
      special: true,
    })),
    normalizer: null,
    pre_tokenizer: WORDS,
    post_processor: null,
    decoder: { type: "ByteLevel", add_prefix_space: false, trim_offsets: false, use_regex: false },
    model: {
      type: "BPE",
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: false,
      vocab: Object.fromEntries(tokens.map((token, id) => [token, id])),
      merges,
    },
  };
  return new Map([
    ["tokenizer.json", encodeJson(json)],
    ["tokenizer_config.json", encodeJson(tokenizerConfig(specialTokens))],
  ]);
}

function tokenizerConfig(specialTokens: readonly string[]): Readonly<Record<string, unknown>> {
  const [first] = specialTokens;
  const find = (token: string) => specialTokens.includes(token) ? token : undefined;
  return {
    tokenizer_class: "PreTrainedTokenizerFast",
    bos_token: null,
    eos_token: hasTurns(specialTokens) ? "<|im_end|>" : first ?? null,
    pad_token: find("<|endoftext|>") ?? first ?? null,
    unk_token: null,
    clean_up_tokenization_spaces: false,
    model_max_length: 1e30,
    ...hasTurns(specialTokens) && { chat_template: CHATML_TEMPLATE },
  };
}

/** Whether ChatML can be written. */
function hasTurns(specialTokens: readonly string[]): boolean {
  return ["<|im_start|>", "<|im_end|>"].every((token) => specialTokens.includes(token));
}

/** The roles stand in every turn, whatever the texts are: they count as much as the most frequent word. */
function countRoles(wordCounts: Map<string, number>): void {
  let most = 2;
  for (const count of wordCounts.values()) most = Math.max(most, count);
  for (const role of ["system", "user", "assistant"]) wordCounts.set(role, most);
}

/** Counts the words of `texts`, spelled in the byte-level alphabet. */
function countWords(texts: Iterable<string>): Map<string, number> {
  const preTokenizer = createPreTokenizer(WORDS);
  const counts = new Map<string, number>();
  for (const text of texts) {
    for (const word of preTokenizer.split(text.toWellFormed(), true)) {
      counts.set(word, (counts.get(word) ?? 0) + 1);
    }
  }
  return new Map([...counts].map(([word, count]) => [preTokenizer.spell(word), count]));
}

/** Merges the most frequent pair again and again; appends to `tokens` and returns what was merged. */
function learnMerges(
  wordCounts: ReadonlyMap<string, number>,
  { tokens, vocabSize }: { readonly tokens: string[]; readonly vocabSize: number },
): [string, string][] {
  const idOf = new Map(tokens.map((token, id) => [token, id]));
  const words = [...wordCounts.keys()].map((word) => Array.from(word, (unit) => idOf.get(unit)!));
  const counts = [...wordCounts.values()];
  const pairCounts = new Map<number, number>();
  const wordsOfPair = new Map<number, number[]>();
  const merges: [string, string][] = [];

  /** Adds to the count of `pair`, which occurs in the word with this index. */
  function change(pair: number, word: number, difference: number): void {
    pairCounts.set(pair, (pairCounts.get(pair) ?? 0) + difference);
    if (difference < 0) return;
    const occurrences = wordsOfPair.get(pair);
    if (occurrences === undefined) wordsOfPair.set(pair, [word]);
    else if (occurrences.at(-1) !== word) occurrences.push(word);
  }

  words.forEach((word, index) => {
    for (let i = 0; i + 1 < word.length; i++) {
      change(word[i]! * vocabSize + word[i + 1]!, index, counts[index]!);
    }
  });
  const queue = createHeap<Candidate>((a, b) =>
    a.count > b.count || (a.count === b.count && a.pair < b.pair)
  );
  for (const [pair, count] of pairCounts) queue.push({ pair, count });

  while (tokens.length < vocabSize) {
    const candidate = queue.pop();
    if (candidate === undefined || candidate.count < 2) break;
    const { pair } = candidate;
    const count = pairCounts.get(pair) ?? 0;
    if (count !== candidate.count) {
      if (count > 0) queue.push({ pair, count });
      continue;
    }
    const left = Math.floor(pair / vocabSize);
    const right = pair % vocabSize;
    const spelled = tokens[left]! + tokens[right]!;
    const merged = idOf.get(spelled) ?? tokens.push(spelled) - 1;
    idOf.set(spelled, merged);
    merges.push([tokens[left]!, tokens[right]!]);
    const grown = new Set<number>();
    for (const index of wordsOfPair.get(pair) ?? []) {
      words[index] = mergeWord(words[index]!, { left, right, merged }, (a, b, sign) => {
        const changed = a * vocabSize + b;
        change(changed, index, sign * counts[index]!);
        if (sign > 0) grown.add(changed);
      });
    }
    pairCounts.delete(pair);
    wordsOfPair.delete(pair);
    for (const each of grown) {
      const grownCount = pairCounts.get(each) ?? 0;
      if (grownCount > 0) queue.push({ pair: each, count: grownCount });
    }
  }
  return merges;
}

/** Merges a pair in a word and reports the pairs that its neighbours lose and win. */
function mergeWord(
  word: readonly number[],
  { left, right, merged }: {
    readonly left: number;
    readonly right: number;
    readonly merged: number;
  },
  report: (a: number, b: number, sign: 1 | -1) => void,
): number[] {
  const result: number[] = [];
  for (let i = 0; i < word.length; i++) {
    if (word[i] !== left || word[i + 1] !== right) {
      result.push(word[i]!);
      continue;
    }
    const before = result.at(-1);
    const after = word[i + 2];
    if (before !== undefined) {
      report(before, left, -1);
      report(before, merged, 1);
    }
    if (after !== undefined) {
      report(right, after, -1);
      report(merged, after, 1);
    }
    result.push(merged);
    i++;
  }
  return result;
}

function encodeJson(value: unknown): Uint8Array {
  return new TextEncoder().encode(`${JSON.stringify(value, null, 2)}\n`);
}
