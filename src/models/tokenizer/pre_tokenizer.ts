/**
 * Splits normalised text into the words that the model encodes one by one.
 *
 * `@huggingface/tokenizers` translates the regular expressions. The splitting is done here because that library knows
 * two of the five behaviours of `Split` only, spells the bytes of every word instead of those it has not seen before,
 * takes JavaScript's `\s`, `\w` and `\d` where Rust means Unicode's, and does not split at Metaspace.
 *
 * @module
 */

import { UserError } from "../../utils/errors.ts";
import { SequencePreTokenizer, SplitPreTokenizer } from "@huggingface/tokenizers";
import { fromByteLevel, toByteLevel } from "./byte_level.ts";
import { asArray, fromLibrary, parseStage, type Stage } from "./tokenizer_json.ts";

/** How words are found and spelled. */
export interface PreTokenizer {
  /** Whether words are spelled in the byte-level alphabet. */
  readonly isByteLevel: boolean;
  /** Splits a stretch of text; `isFirst` says whether the text begins with it. */
  split(text: string, isFirst: boolean): readonly string[];
  /** Spells a word as the model's vocabulary does. */
  spell(word: string): string;
  /** Returns what words stand for that `split` gives spelled already; `undefined` where it gives text. */
  readonly textsOf: ((words: readonly string[]) => readonly string[]) | undefined;
}

type Splitter = (text: string, isFirst: boolean) => readonly string[];

const GPT2_WORDS =
  /'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\p{White_Space}\p{L}\p{N}]+|\p{White_Space}+(?!\P{White_Space})|\p{White_Space}+/gu;

const WORDS_AND_SIGNS =
  /[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}]+|[^\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}\p{White_Space}]+/gu;

const BERT_WORDS = /[^\p{White_Space}\p{P}!-\/:-@\[-`{-~]+|[\p{P}!-\/:-@\[-`{-~]/gu;

/** Creates what the `pre_tokenizer` of a `tokenizer.json` describes. */
export function createPreTokenizer(stage: Stage | undefined): PreTokenizer {
  const stages = flatten(stage);
  const isByteLevel = stages.some(({ type }) => type === "ByteLevel");
  // bytes are spelled last of all, so that words met before need not be spelled again, unless a stage wants to see them
  const spelledBy = stages.findIndex(({ type }) => type === "ByteLevel");
  const isSpelled = isByteLevel && spelledBy < stages.length - 1;
  const splitters = stages.map(createSplitter).flatMap((splitter, i) =>
    isSpelled && i === spelledBy ? [splitter, (text: string) => [toByteLevel(text)]] : [splitter]
  );
  return {
    isByteLevel,
    split: (text, isFirst) => {
      let words: readonly string[] = [text];
      for (const splitter of splitters) {
        words = words.length === 1
          ? splitter(words[0]!, isFirst)
          : words.flatMap((word, i) => splitter(word, isFirst && i === 0));
      }
      return words;
    },
    spell: isByteLevel && !isSpelled ? toByteLevel : (word) => word,
    textsOf: isSpelled ? textsOfSpelled : undefined,
  };
}

/** A character whose bytes lie in several words belongs to the one in which it ends. */
function textsOfSpelled(words: readonly string[]): readonly string[] {
  const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });
  return words.map((word) => utf8.decode(fromByteLevel(word), { stream: true }));
}

function flatten(stage: Stage | undefined): Stage[] {
  if (stage === undefined) return [];
  if (stage.type !== "Sequence") return [stage];
  return asArray(stage.pretokenizers, '"pre_tokenizer.pretokenizers"')
    .flatMap((inner, i) => flatten(parseStage(inner, `"pre_tokenizer.pretokenizers[${i}]"`)));
}

function createSplitter(stage: Stage): Splitter {
  switch (stage.type) {
    case "Split":
      return createSplit(stage);
    case "ByteLevel": {
      const prefix = stage.add_prefix_space === true;
      const pattern = stage.use_regex === false ? undefined : GPT2_WORDS;
      return (text) => {
        const padded = prefix && !text.startsWith(" ") ? ` ${text}` : text;
        return pattern === undefined ? [padded] : padded.match(pattern) ?? [];
      };
    }
    case "Digits": {
      const pattern = stage.individual_digits === true ? /\P{N}+|\p{N}/gu : /\P{N}+|\p{N}+/gu;
      return (text) => text.match(pattern) ?? [];
    }
    case "Whitespace":
      return (text) => text.match(WORDS_AND_SIGNS) ?? [];
    case "BertPreTokenizer":
      return (text) => text.match(BERT_WORDS) ?? [];
    case "CharDelimiterSplit": {
      const delimiter = String(stage.delimiter);
      return (text) => text.split(delimiter).filter((word) => word !== "");
    }
    case "FixedLength": {
      const length = Number(stage.length);
      return (text) => text.match(new RegExp(`[^]{1,${length}}`, "gu")) ?? [];
    }
    case "WhitespaceSplit":
      return (text) => text.match(/\P{White_Space}+/gu) ?? [];
    case "Metaspace":
      return createMetaspace(stage);
    default: {
      const other = fromLibrary(
        stage,
        "pre-tokenizer",
        () =>
          new SequencePreTokenizer(
            { type: "Sequence", pretokenizers: [stage] } as unknown as ConstructorParameters<
              typeof SequencePreTokenizer
            >[0],
          ),
      );
      return (text) => other.pre_tokenize(text);
    }
  }
}

function createMetaspace(stage: Stage): Splitter {
  const replacement = typeof stage.replacement === "string" ? stage.replacement : "▁";
  const scheme = metaspaceScheme(stage);
  const isSplit = stage.split !== false;
  return (text, isFirst) => {
    const replaced = text.replaceAll(" ", replacement);
    const prepends = scheme === "always" || (scheme === "first" && isFirst);
    const padded = prepends && !replaced.startsWith(replacement)
      ? replacement + replaced
      : replaced;
    if (!isSplit) return [padded];
    return splitBehind(padded, replacement);
  };
}

/** Returns where a Metaspace stage puts a space in front: "always", "first" or "never". */
export function metaspaceScheme(stage: Stage): unknown {
  return stage.prepend_scheme ?? (stage.add_prefix_space === false ? "never" : "always");
}

/** Cuts before each `mark`. */
function splitBehind(text: string, mark: string): string[] {
  const words: string[] = [];
  let start = 0;
  while (start < text.length) {
    const next = text.indexOf(mark, start + 1);
    const end = next < 0 ? text.length : next;
    words.push(text.slice(start, end));
    start = end;
  }
  return words;
}

const BEHAVIORS = [
  "removed",
  "isolated",
  "mergedwithprevious",
  "mergedwithnext",
  "contiguous",
] as const;

function createSplit(stage: Stage): Splitter {
  const options = { ...stage, invert: true } as unknown as ConstructorParameters<
    typeof SplitPreTokenizer
  >[0];
  const { pattern } = new SplitPreTokenizer(options);
  const name = String(stage.behavior).toLowerCase();
  const behavior = BEHAVIORS.find((known) => known === name);
  if (pattern === null || behavior === undefined) {
    throw new UserError(
      `Cannot read tokenizer.json: pre-tokenizer "Split" has no known pattern and behaviour: ` +
        `current value is ${JSON.stringify(stage.pattern)}, "${stage.behavior}"`,
    );
  }
  const inverted = stage.invert === true;
  return (text) => join(cut(text, pattern, inverted), behavior);
}

/** A piece of text, and whether it is a separator. */
type Piece = readonly [text: string, isSeparator: boolean];

function cut(text: string, pattern: RegExp, inverted: boolean): Piece[] {
  const pieces: Piece[] = [];
  let done = 0;
  for (const match of text.matchAll(pattern)) {
    if (match[0] === "") continue;
    if (match.index > done) pieces.push([text.slice(done, match.index), inverted]);
    pieces.push([match[0], !inverted]);
    done = match.index + match[0].length;
  }
  if (done < text.length) pieces.push([text.slice(done), inverted]);
  return pieces;
}

function join(pieces: readonly Piece[], behavior: (typeof BEHAVIORS)[number]): string[] {
  switch (behavior) {
    case "isolated":
      return pieces.map(([text]) => text);
    case "removed":
      return pieces.filter(([, isSeparator]) => !isSeparator).map(([text]) => text);
    case "contiguous":
      return fuse(pieces, (before, piece) => before[1] === piece[1]);
    case "mergedwithprevious":
      return fuse(pieces, (before, piece) => !before[1] && piece[1]);
    case "mergedwithnext":
      return fuse(pieces, (before, piece) => before[1] && !piece[1]);
  }
}

function fuse(
  pieces: readonly Piece[],
  together: (before: Piece, piece: Piece) => boolean,
): string[] {
  const words: string[] = [];
  pieces.forEach((piece, i) => {
    if (i > 0 && together(pieces[i - 1]!, piece)) words[words.length - 1] += piece[0];
    else words.push(piece[0]);
  });
  return words;
}
