/**
 * Guesses what follows in a sequence by looking up where its end has occurred before: texts that repeat their prompt, as
 * summaries and changed code do, are guessed well, and a model checks several guesses in one run.
 *
 * @module
 */

/** Lengths of the ends that are looked up, the most telling first. */
const LENGTHS = [3, 2] as const;

/** After so many guesses in a row of which nothing was right, so many tokens pass without one. */
const MISSES = 3;
const PAUSE = 12;

/** What became of a guess. */
export interface GuessOutcome {
  /** How many of them were right, from the first on. */
  readonly right: number;
}

/** Looks for repetitions in one sequence. */
export class PromptLookup {
  /** By the end of a sequence, as text, where it last ended. */
  readonly #places = new Map<string, number>();
  #indexed = 0;
  #misses = 0;
  #pause = 0;

  /** Returns at most `count` tokens that may follow `ids`, which only grows from call to call. */
  guess(ids: readonly number[], count: number): number[] {
    // All but the end itself, which would find nothing but itself.
    for (; this.#indexed < ids.length - 1; this.#indexed++) {
      const end = this.#indexed + 1;
      for (const length of LENGTHS) this.#places.set(keyOf(ids, { end, length }), end);
    }
    if (this.#pause > 0) {
      this.#pause--;
      return [];
    }
    for (const length of LENGTHS) {
      const place = this.#places.get(keyOf(ids, { end: ids.length, length }));
      if (place !== undefined) return ids.slice(place, place + count);
    }
    return [];
  }

  /** Takes what became of the last guess. */
  learn({ right }: GuessOutcome): void {
    this.#misses = right > 0 ? 0 : this.#misses + 1;
    if (this.#misses < MISSES) return;
    this.#misses = 0;
    this.#pause = PAUSE;
  }
}

/** The `length` ids before `end`, as a key. */
function keyOf(
  ids: readonly number[],
  { end, length }: { readonly end: number; readonly length: number },
): string {
  return `${length}:${ids.slice(Math.max(0, end - length), end)}`;
}
