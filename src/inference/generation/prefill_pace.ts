/**
 * How large a piece of a prompt may be, so that those who generate do not wait for it too long.
 *
 * @module
 */

/** How long others wait for a piece of a prompt at most, if it is not one of the smallest pieces. */
const PREFILL_MS = 250;

/** The smallest piece of a prompt, in tokens: below it, reading pays less and less. */
const LEAST_PREFILL = 32;

/** Learns how long reading takes. */
export class PrefillPace {
  #msPerToken = 0.01;

  /** How many tokens may be read while others wait. */
  get bearableTokens(): number {
    return Math.max(LEAST_PREFILL, Math.floor(PREFILL_MS / this.#msPerToken));
  }

  /** Says that a piece of so many tokens took so long. */
  observe(tokens: number, ms: number): void {
    const measured = ms / tokens;
    // A token of a small piece takes longer than others, which says nothing but how long it takes at most.
    const isSmall = tokens < LEAST_PREFILL;
    this.#msPerToken = isSmall ? Math.min(this.#msPerToken, measured) : measured;
  }
}
