/**
 * What becomes of an example that is longer than a model is trained on.
 *
 * @module
 */

import type { Example } from "./encode.ts";
import { hasTrainedToken } from "./labels.ts";

/**
 * Every policy: `end` cuts off the end, `start` the beginning; `split` makes several examples of it; `drop` leaves it
 * out; `error` refuses it. `auto` splits texts and cuts off the end of everything else.
 */
export const TRUNCATIONS = ["auto", "end", "start", "split", "drop", "error"] as const;

/** What becomes of an example that is too long. */
export type Truncation = (typeof TRUNCATIONS)[number];

/** Why nothing of a row is trained on. */
export const DROP_REASONS = ["too-long", "cut-off", "untrained", "invalid"] as const;

/** Why nothing of a row is trained on: it is too long, what was trained was cut off, nothing ever was, or it cannot be used. */
export type DropReason = (typeof DROP_REASONS)[number];

/** What each reason says of rows, as in "3 rows left out: longer than the limit". */
export const DROP_REASON_TEXTS: Readonly<Record<DropReason, string>> = {
  "too-long": "longer than the limit",
  "cut-off": "nothing trained is left within the limit",
  untrained: "no token is trained",
  invalid: "they cannot be used",
};

/** What became of an example. */
export interface TruncatedExample {
  /** What is trained on: nothing, one or several. */
  readonly examples: readonly Example[];
  /** Whether a part was cut off. */
  readonly truncated: boolean;
  /** Why nothing is left; `undefined` if something is. */
  readonly dropped: DropReason | undefined;
}

/** Options of {@linkcode truncateExample}. */
export interface TruncateOptions {
  /** Most tokens of an example. */
  readonly maxLength: number;
  /** What becomes of a longer one. */
  readonly truncation: Exclude<Truncation, "auto" | "error">;
}

/** Fits an example into `maxLength` tokens. What then has no trained token is left out. */
export function truncateExample(whole: Example, options: TruncateOptions): TruncatedExample {
  const { maxLength, truncation } = options;
  if (!hasTrainedToken(whole.labels)) {
    return { examples: [], truncated: false, dropped: "untrained" };
  }
  if (whole.inputIds.length <= maxLength) {
    return { examples: [whole], truncated: false, dropped: undefined };
  }
  if (truncation === "drop") return { examples: [], truncated: false, dropped: "too-long" };
  const examples = CUTS[truncation](whole, maxLength)
    .filter(({ labels }) => hasTrainedToken(labels));
  return {
    examples,
    truncated: truncation !== "split",
    dropped: examples.length === 0 ? "cut-off" : undefined,
  };
}

/** How each policy cuts an example that is too long. */
const CUTS: Readonly<
  Record<
    Exclude<TruncateOptions["truncation"], "drop">,
    (whole: Example, maxLength: number) => Example[]
  >
> = {
  end: (whole, maxLength) => [slice(whole, 0, maxLength)],
  start: (whole, maxLength) => {
    const { length } = whole.inputIds;
    return [slice(whole, length - maxLength, length)];
  },
  split: (whole, maxLength) => {
    const parts: Example[] = [];
    for (let start = 0; start < whole.inputIds.length; start += maxLength) {
      parts.push(slice(whole, start, start + maxLength));
    }
    return parts;
  },
};

function slice({ inputIds, labels }: Example, start: number, end: number): Example {
  return { inputIds: inputIds.subarray(start, end), labels: labels.subarray(start, end) };
}
