/**
 * Byte-pair encoding of one word.
 *
 * It stands here and not in `@huggingface/tokenizers` because that library looks up every pair by its JSON text and
 * replaces bytes only after the merges; on a text of 1 MB without pre-tokenizer the difference is minutes.
 *
 * @module
 */

import { UserError } from "../../utils/errors.ts";
import { createHeap } from "./heap.ts";
import { createMergeTable, type MergeTable } from "./merge_table.ts";
import { asArray, asObject, type Stage } from "./tokenizer_json.ts";
import type { WordModel } from "./word_model.ts";

const NONE = -1;

/** The byte-level alphabet lies below, and so do the letters of many languages. */
const LOW_UNITS = 0x400;

/** Creates a byte-pair encoder from the `model` of a `tokenizer.json`. */
export function createBpe(model: Stage): WordModel {
  const vocabulary = new Map(
    Object.entries(asObject(model.vocab, '"model.vocab"') as Readonly<Record<string, number>>),
  );
  const prefix = optionalText(model.continuing_subword_prefix);
  const suffix = optionalText(model.end_of_word_suffix);
  const merges = parseMerges(asArray(model.merges, '"model.merges"'), vocabulary, prefix.length);
  const unknownId = typeof model.unk_token === "string"
    ? vocabulary.get(model.unk_token)
    : undefined;
  const fuseUnknown = model.fuse_unk === true;
  const ignoreMerges = model.ignore_merges === true;
  const byteIds = model.byte_fallback === true ? byteTokens(vocabulary) : undefined;
  const utf8 = new TextEncoder();

  const isBare = prefix === "" && suffix === "";
  /** Ids of the first code units, which most characters of most words are; −1 where there is none. */
  const unitIds = Int32Array.from(
    { length: LOW_UNITS },
    (_, unit) => vocabulary.get(String.fromCharCode(unit)) ?? NONE,
  );

  function symbols(word: string): number[] {
    return (isBare ? bareSymbols(word) : undefined) ?? spelledSymbols(word);
  }

  /** Returns the ids of the characters if each is a token; `undefined` if not. */
  function bareSymbols(word: string): number[] | undefined {
    const ids: number[] = [];
    for (let i = 0; i < word.length; i++) {
      const unit = word.charCodeAt(i);
      const id = unit < LOW_UNITS ? unitIds[unit]! : NONE;
      if (id === NONE) return undefined;
      ids.push(id);
    }
    return ids;
  }

  function spelledSymbols(word: string): number[] {
    const ids: number[] = [];
    const characters = Array.from(word);
    let afterUnknown = false;
    characters.forEach((character, i) => {
      const spelled = (i > 0 ? prefix : "") + character +
        (i === characters.length - 1 ? suffix : "");
      const id = vocabulary.get(spelled);
      if (id !== undefined) {
        ids.push(id);
        afterUnknown = false;
        return;
      }
      const bytes = byteIds && Array.from(utf8.encode(spelled), (byte) => byteIds[byte]);
      if (bytes !== undefined && bytes.every((byte) => byte !== undefined)) {
        ids.push(...bytes);
        afterUnknown = false;
      } else if (unknownId !== undefined) {
        if (!(fuseUnknown && afterUnknown)) ids.push(unknownId);
        afterUnknown = true;
      }
    });
    return ids;
  }

  return {
    vocabulary,
    unknownId,
    encode(word) {
      if (ignoreMerges) {
        const whole = vocabulary.get(word);
        if (whole !== undefined) return [whole];
      }
      return merge(symbols(word), merges);
    },
  };
}

/** Up to here looking through all pairs for the next merge is faster than a queue. */
const SHORT = 48;

/** Merges neighbours, lowest rank and then leftmost first, until no pair has a rank. */
function merge(ids: number[], merges: MergeTable): number[] {
  return ids.length <= SHORT ? mergeShort(ids, merges) : mergeLong(ids, merges);
}

function mergeShort(ids: number[], { rankOf, mergedIds }: MergeTable): number[] {
  let length = ids.length;
  if (length < 2) return ids;
  const ranks: number[] = [];
  for (let i = 0; i + 1 < length; i++) ranks.push(rankOf(ids[i]!, ids[i + 1]!));
  while (true) {
    let at = NONE;
    let lowest = Infinity;
    for (let i = 0; i + 1 < length; i++) {
      const rank = ranks[i]!;
      if (rank !== NONE && rank < lowest) {
        lowest = rank;
        at = i;
      }
    }
    if (at === NONE) break;
    ids[at] = mergedIds[lowest]!;
    for (let i = at + 1; i + 1 < length; i++) {
      ids[i] = ids[i + 1]!;
      ranks[i] = ranks[i + 1]!;
    }
    length--;
    if (at > 0) ranks[at - 1] = rankOf(ids[at - 1]!, ids[at]!);
    ranks[at] = at + 1 < length ? rankOf(ids[at]!, ids[at + 1]!) : NONE;
  }
  ids.length = length;
  return ids;
}

function mergeLong(ids: number[], { rankOf, mergedIds }: MergeTable): number[] {
  const length = ids.length;
  const next = new Int32Array(length).map((_, i) => i + 1 < length ? i + 1 : NONE);
  const previous = new Int32Array(length).map((_, i) => i - 1);
  // rank and position in one number: both stay far below 2^26
  const queue = createHeap<number>((a, b) => a < b);
  const positions = 2 ** 26;
  const rankAt = (at: number): number =>
    next[at]! === NONE ? NONE : rankOf(ids[at]!, ids[next[at]!]!);
  const enqueue = (at: number): void => {
    const rank = rankAt(at);
    if (rank !== NONE) queue.push(rank * positions + at);
  };
  for (let at = 0; at < length - 1; at++) enqueue(at);
  while (true) {
    const item = queue.pop();
    if (item === undefined) break;
    const at = item % positions;
    if (ids[at] === NONE) continue;
    const rank = rankAt(at);
    const merged = mergedIds[Math.floor(item / positions)]!;
    if (rank === NONE || mergedIds[rank] !== merged) continue;
    const right = next[at]!;
    ids[at] = merged;
    ids[right] = NONE;
    next[at] = next[right]!;
    if (next[at] !== NONE) previous[next[at]!] = at;
    if (previous[at] !== NONE) enqueue(previous[at]!);
    enqueue(at);
  }
  return ids.filter((id) => id !== NONE);
}

function parseMerges(
  list: readonly unknown[],
  vocabulary: ReadonlyMap<string, number>,
  prefixLength: number,
): MergeTable {
  const left = new Int32Array(list.length);
  const right = new Int32Array(list.length);
  const merged = new Int32Array(list.length);
  list.forEach((entry, rank) => {
    const [first, second] = typeof entry === "string" ? entry.split(" ", 2) : entry as string[];
    const firstId = vocabulary.get(first ?? "");
    const secondId = vocabulary.get(second ?? "");
    const id = vocabulary.get(`${first}${second?.slice(prefixLength)}`);
    if (firstId === undefined || secondId === undefined || id === undefined) {
      throw new UserError(
        `Cannot read tokenizer.json: "model.merges[${rank}]" joins "${first}" and "${second}", ` +
          "which are not in the vocabulary together with their merge",
      );
    }
    left[rank] = firstId;
    right[rank] = secondId;
    merged[rank] = id;
  });
  return createMergeTable({ left, right, merged });
}

function byteTokens(vocabulary: ReadonlyMap<string, number>): (number | undefined)[] {
  return Array.from(
    { length: 256 },
    (_, byte) => vocabulary.get(`<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`),
  );
}

function optionalText(value: unknown): string {
  return typeof value === "string" ? value : "";
}
