/**
 * How long runs take: how large a piece of a prompt may be, so that those who generate do not wait for it too long, and
 * what it costs to read a token more.
 *
 * @module
 */

/** How long others wait for a piece of a prompt at most, if it is not one of the smallest pieces. */
const PREFILL_MS = 250;

/** The smallest piece of a prompt, in tokens: below it, reading pays less and less. */
const LEAST_PREFILL = 32;

/** What a further token is taken to cost before it was measured, as a share of a run that reads one. */
const USUAL_COST = 0.15;

/** The most that it is taken to cost: where it was only measured on a bad day, it can be measured again. */
const MOST_COST = 0.5;

/** The factor by which one measurement moves what is believed at most: any one may be out of the ordinary. */
const STEP = 1.05;

/** What a run has read. */
export interface ReadTokens {
  /** Of how many sequences. */
  readonly sequences: number;
  /** Their tokens, guesses included. */
  readonly tokens: number;
  /** Whether they were the newest of sequences that generate, and not pieces of prompts. */
  readonly isDecoding: boolean;
}

/** Learns how long runs take. */
export class RunPace {
  #promptMsPerToken = 0.01;
  #oneMs = 0;
  #furtherMs = 0;

  /** How many tokens of prompts may be read while others wait. */
  get bearableTokens(): number {
    return Math.max(LEAST_PREFILL, Math.floor(PREFILL_MS / this.#promptMsPerToken));
  }

  /** What a further token costs in a run that reads a sequence alone, as a share of a run that reads one. */
  get furtherCost(): number {
    if (this.#furtherMs === 0) return USUAL_COST;
    return Math.min(MOST_COST, this.#furtherMs / this.#oneMs);
  }

  /** Says that a run took so long. */
  observe({ sequences, tokens, isDecoding }: ReadTokens, ms: number): void {
    if (isDecoding && sequences === 1) this.#observeGuesses(tokens, ms);
    else if (!isDecoding && tokens > sequences) this.#observePrompt(tokens, ms);
  }

  #observePrompt(tokens: number, ms: number): void {
    const measured = ms / tokens;
    // A token of a small piece takes longer than others, which says nothing but how long it takes at most.
    const isSmall = tokens < LEAST_PREFILL;
    this.#promptMsPerToken = isSmall ? Math.min(this.#promptMsPerToken, measured) : measured;
  }

  #observeGuesses(tokens: number, ms: number): void {
    if (tokens === 1) this.#oneMs = nearer(this.#oneMs, ms);
    if (tokens === 1 || this.#oneMs === 0) return;
    const further = (ms - this.#oneMs) / (tokens - 1);
    this.#furtherMs = nearer(this.#furtherMs, Math.max(further, this.#oneMs / 100));
  }
}

/** Returns what to believe after a measurement. */
function nearer(believed: number, measured: number): number {
  if (believed === 0) return measured;
  return Math.min(Math.max(measured, believed / STEP), believed * STEP);
}
