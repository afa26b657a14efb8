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
import { asArray, asObject, type Stage } from "./tokenizer_json.ts";

/** Splits words into tokens. */
export interface WordModel {
  /** Id of each token. */
  readonly vocabulary: ReadonlyMap<string, number>;
  /** Returns the ids of the tokens of `word`. */
  encode(word: string): number[];
}

/** Ranks and ids that two tokens merge to, by `left * size + right`. */
interface Merges {
  readonly size: number;
  readonly rankOfPair: ReadonlyMap<number, number>;
  readonly mergedId: Int32Array;
}

const NONE = -1;

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

  function symbols(word: string): number[] {
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
    encode(word) {
      if (ignoreMerges) {
        const whole = vocabulary.get(word);
        if (whole !== undefined) return [whole];
      }
      return merge(symbols(word), merges);
    },
  };
}

/** Merges neighbours, lowest rank and then leftmost first, until no pair has a rank. */
function merge(ids: number[], merges: Merges): number[] {
  const length = ids.length;
  if (length < 2) return ids;
  const next = new Int32Array(length).map((_, i) => i + 1 < length ? i + 1 : NONE);
  const previous = new Int32Array(length).map((_, i) => i - 1);
  // rank and position in one number: both stay far below 2^26
  const queue = createHeap<number>((a, b) => a < b);
  const positions = 2 ** 26;
  const rankAt = (at: number): number | undefined =>
    next[at]! === NONE
      ? undefined
      : merges.rankOfPair.get(ids[at]! * merges.size + ids[next[at]!]!);
  const enqueue = (at: number): void => {
    const rank = rankAt(at);
    if (rank !== undefined) queue.push(rank * positions + at);
  };
  for (let at = 0; at < length - 1; at++) enqueue(at);
  while (true) {
    const item = queue.pop();
    if (item === undefined) break;
    const at = item % positions;
    if (ids[at] === NONE) continue;
    const rank = rankAt(at);
    const merged = merges.mergedId[Math.floor(item / positions)]!;
    if (rank === undefined || merges.mergedId[rank] !== merged) continue;
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
): Merges {
  let size = 0;
  for (const id of vocabulary.values()) size = Math.max(size, id + 1);
  const rankOfPair = new Map<number, number>();
  const mergedId = new Int32Array(list.length);
  list.forEach((entry, rank) => {
    const [left, right] = typeof entry === "string" ? entry.split(" ", 2) : entry as string[];
    const leftId = vocabulary.get(left ?? "");
    const rightId = vocabulary.get(right ?? "");
    const id = vocabulary.get(`${left}${right?.slice(prefixLength)}`);
    if (leftId === undefined || rightId === undefined || id === undefined) {
      throw new UserError(
        `Cannot read tokenizer.json: "model.merges[${rank}]" joins "${left}" and "${right}", ` +
          "which are not in the vocabulary together with their merge",
      );
    }
    rankOfPair.set(leftId * size + rightId, rank);
    mergedId[rank] = id;
  });
  return { size, rankOfPair, mergedId };
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
