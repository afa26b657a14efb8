/**
 * Stop strings: text is held back while it might be the beginning of one.
 *
 * @example
 * ```ts
 * import { createStopMatcher } from "./stop_strings.ts";
 *
 * const matcher = createStopMatcher(["END"]);
 * const texts = ["a E", "N", "D b"].map((text) => matcher.push(text).text);
 * if (texts.join("|") !== "a ||") throw new Error("nothing of a stop string comes out");
 * ```
 *
 * @module
 */

/** What may be passed on. */
export interface StopMatch {
  /** Text that is before any stop string, whatever follows. */
  readonly text: string;
  /** Whether a stop string has been found; nothing follows then. */
  readonly stopped: boolean;
}

/** Looks for stop strings in a text that comes in pieces. */
export interface StopMatcher {
  /** Takes the next piece. */
  push(piece: string): StopMatch;
  /** Returns what was held back when the text ends without a stop string. */
  end(): string;
}

/**
 * Creates a matcher. The stop string that is complete first wins, so the result does not depend on how the
 * text is cut into pieces.
 *
 * @throws {RangeError} If a stop string is empty.
 */
export function createStopMatcher(stops: readonly string[]): StopMatcher {
  if (stops.includes("")) throw new RangeError("Cannot stop at a string as it is empty");
  let held = "";
  return {
    push(piece) {
      const text = held + piece;
      const stopAt = firstCompleted(text, stops);
      if (stopAt !== undefined) {
        held = "";
        return { text: text.slice(0, stopAt), stopped: true };
      }
      const safe = text.length - possibleBeginning(text, stops);
      held = text.slice(safe);
      return { text: text.slice(0, safe), stopped: false };
    },
    end() {
      const rest = held;
      held = "";
      return rest;
    },
  };
}

/** Where the stop string that ends first begins; of several that end there, the longest. */
function firstCompleted(text: string, stops: readonly string[]): number | undefined {
  let begin: number | undefined;
  let end = Infinity;
  for (const stop of stops) {
    const at = text.indexOf(stop);
    if (at < 0 || at + stop.length > end) continue;
    begin = at + stop.length === end ? Math.min(at, begin!) : at;
    end = at + stop.length;
  }
  return begin;
}

/** The length of the longest end of `text` with which a stop string begins. */
function possibleBeginning(text: string, stops: readonly string[]): number {
  let longest = 0;
  for (const stop of stops) {
    for (let length = Math.min(stop.length - 1, text.length); length > longest; length--) {
      if (text.endsWith(stop.slice(0, length))) longest = length;
    }
  }
  return longest;
}
