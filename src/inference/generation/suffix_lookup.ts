/**
 * Guesses what follows in a text by what has followed the same words before: in its prompt, in itself, and in the texts
 * that the model read and wrote earlier. A model checks several guesses in one run, so each right one saves a run.
 *
 * Oliaro et al., SuffixDecoding (2024), do so with suffix trees; here tables of a fixed size keep the newest.
 *
 * @module
 */

/** The most tokens of a text's end that are looked up. */
const LONGEST_END = 6;

/** Ends of each length that are kept; a power of two. */
const SLOTS = 2 ** 15;

/** Whole numbers kept of each end: a check that it is the one looked for, what followed it, and how often. */
const FIELDS = 4;
const [CHECK, TOKEN, RIGHT, WRONG] = [0, 1, 2, 3];

/** How often something followed, and did not, is told apart up to here. */
const MOST_RIGHT = 4;
const MOST_WRONG = 3;

/** After so many trials their counts are halved, so that the newest weigh most. */
const TRIALS = 256;

/** What a further token costs in a run, and what a guess of it may be right for. */
export interface GuessOptions {
  /** The most tokens to guess. */
  readonly count: number;
  /** What a further token costs in a run, as a share of a run that reads one. */
  readonly cost: number;
}

/** Remembers what followed what. */
export class SuffixLookup {
  /** By the length of an end, its slots. */
  readonly #ends: readonly Int32Array[] = Array.from(
    { length: LONGEST_END },
    () => new Int32Array(SLOTS * FIELDS),
  );
  /** By length, and how often a token followed an end and did not: how often it did the next time, of how many times. */
  readonly #trials = Array.from(
    { length: LONGEST_END * (MOST_RIGHT + 1) * (MOST_WRONG + 1) },
    (_, kind) => expected(kind),
  );
  readonly #hashes = new Int32Array(LONGEST_END);

  /**
   * Takes in the tokens of a text from `start` on; those from `written` on were made by the model, and tell how good
   * guesses are.
   */
  learn(
    ids: readonly number[],
    { start, written }: { readonly start: number; readonly written: number },
  ): void {
    for (let at = Math.max(1, start); at < ids.length; at++) {
      const token = ids[at]!;
      const lengths = this.#hash(ids, at);
      for (let length = 1; length <= lengths; length++) {
        this.#count(length, token, { isWritten: at >= written });
      }
    }
  }

  /**
   * Returns tokens that may follow `ids`, as many as pay: each is likelier to save a part of a run than it costs.
   */
  guess(ids: readonly number[], { count, cost }: GuessOptions): number[] {
    const guesses: number[] = [];
    const end = ids.slice(-LONGEST_END);
    let [likelihood, tokens, time] = [1, 1, 1];
    while (guesses.length < count) {
      const best = this.#likeliest(end);
      likelihood *= best.likelihood;
      // Where a run makes `tokens` in `time`, so much time is worth as many tokens more.
      if (likelihood * time <= cost * tokens) break;
      tokens += likelihood;
      time += cost;
      guesses.push(best.token);
      end.push(best.token);
    }
    return guesses;
  }

  #likeliest(ids: readonly number[]): { readonly token: number; readonly likelihood: number } {
    let best = { token: 0, likelihood: 0 };
    const lengths = this.#hash(ids, ids.length);
    for (let length = 1; length <= lengths; length++) {
      const slots = this.#ends[length - 1]!;
      const slot = this.#find(length);
      if (slots[slot + CHECK] !== this.#hashes[length - 1]) continue;
      const trials = this.#trials[kindOf(length, slots, slot)]!;
      const likelihood = trials.right / trials.count;
      if (likelihood > best.likelihood) best = { token: slots[slot + TOKEN]!, likelihood };
    }
    return best;
  }

  #count(length: number, token: number, { isWritten }: { readonly isWritten: boolean }): void {
    const slots = this.#ends[length - 1]!;
    const slot = this.#find(length);
    const hash = this.#hashes[length - 1]!;
    if (slots[slot + CHECK] !== hash) {
      slots.set([hash, token, 1, 0], slot);
      return;
    }
    const isRight = slots[slot + TOKEN] === token;
    if (isWritten) {
      const trials = this.#trials[kindOf(length, slots, slot)]!;
      if (isRight) trials.right++;
      if (++trials.count >= TRIALS) {
        trials.right /= 2;
        trials.count /= 2;
      }
    }
    if (isRight) {
      slots[slot + RIGHT]!++;
    } else if (--slots[slot + RIGHT]! > 0) {
      slots[slot + WRONG]!++;
    } else {
      // What came last is as good a guess as what came as often before.
      slots[slot + TOKEN] = token;
      slots[slot + RIGHT] = 1;
      slots[slot + WRONG]!++;
    }
  }

  /** Hashes the ends of the first `end` ids, of 1 token, 2 tokens and so on; returns how many there are. */
  #hash(ids: readonly number[], end: number): number {
    const lengths = Math.min(LONGEST_END, end);
    let hash = 0x9e3779b9 | 0;
    for (let length = 1; length <= lengths; length++) {
      hash = Math.imul(hash ^ ids[end - length]!, 0x85ebca6b);
      hash = Math.imul(hash ^ hash >>> 15, 0xc2b2ae35);
      hash ^= hash >>> 13;
      this.#hashes[length - 1] = hash;
    }
    return lengths;
  }

  #find(length: number): number {
    return (this.#hashes[length - 1]! & (SLOTS - 1)) * FIELDS;
  }
}

function kindOf(length: number, slots: Int32Array, slot: number): number {
  const right = Math.min(slots[slot + RIGHT]!, MOST_RIGHT);
  const wrong = Math.min(slots[slot + WRONG]!, MOST_WRONG);
  return ((length - 1) * (MOST_RIGHT + 1) + right) * (MOST_WRONG + 1) + wrong;
}

/** What to believe of a kind before there were trials: the longer the end and the steadier what follows, the more. */
function expected(kind: number): { right: number; count: number } {
  const wrong = kind % (MOST_WRONG + 1);
  const right = Math.floor(kind / (MOST_WRONG + 1)) % (MOST_RIGHT + 1);
  const length = 1 + Math.floor(kind / (MOST_WRONG + 1) / (MOST_RIGHT + 1));
  const likelihood = right / (right + wrong + 1) * length / (length + 1);
  return { right: 2 * likelihood, count: 2 };
}
