/**
 * How long rows are in tokens, and how much of them is trained.
 *
 * @module
 */

import { createIntList } from "../int_list.ts";
import { countTrainedTokens, hasTrainedToken } from "../labels.ts";
import type { RowKind } from "../row.ts";
import { type Problem, problem } from "./finding.ts";

/** How long the rows are, in tokens. */
export interface TokenStatistics {
  /** All tokens. */
  readonly tokens: number;
  /** Those whose prediction is trained. */
  readonly trainedTokens: number;
  /** Tokens of the shortest row. */
  readonly min: number;
  /** Tokens of the row in the middle. */
  readonly median: number;
  /** Tokens that 95 of 100 rows do not pass. */
  readonly p95: number;
  /** Tokens of the longest row. */
  readonly max: number;
  /** The limit that rows were measured by. */
  readonly maxLength: number;
  /** Rows longer than the limit. */
  readonly longerRows: number;
  /** Rows of which nothing trained lies within the limit; training leaves them out. */
  readonly droppedRows: number;
}

/** Measures rows, one after the other. */
export interface Measure {
  /** Returns what is wrong with the length of a row. */
  add(labels: Int32Array, kind: RowKind): Problem[];
  /** Returns what all rows come to; `undefined` where there were none. */
  statistics(): TokenStatistics | undefined;
}

/** Creates a measure by the limit `maxLength`. */
export function createMeasure(maxLength: number): Measure {
  const lengths = createIntList();
  let trainedTokens = 0;
  let droppedRows = 0;
  return {
    add(labels, kind) {
      if (labels.length > 0) lengths.append([labels.length]);
      trainedTokens += countTrainedTokens(labels);
      // texts are cut into pieces, of anything else only the beginning is used
      const isText = kind === "text";
      if (!hasTrainedToken(isText ? labels : labels.subarray(0, maxLength))) {
        droppedRows++;
        return [nothingTrained(labels, maxLength)];
      }
      if (isText || labels.length <= maxLength) return [];
      return [problem("too-long", `it has ${labels.length} tokens, the limit is ${maxLength}`)];
    },
    statistics() {
      const sorted = lengths.toArray().sort();
      if (sorted.length === 0) return undefined;
      const quantile = (part: number) => sorted[Math.ceil(part * sorted.length) - 1]!;
      return {
        tokens: sorted.reduce((sum, length) => sum + length, 0),
        trainedTokens,
        min: sorted[0]!,
        median: quantile(0.5),
        p95: quantile(0.95),
        max: sorted.at(-1)!,
        maxLength,
        longerRows: sorted.length - (sorted.findLastIndex((length) => length <= maxLength) + 1),
        droppedRows,
      };
    },
  };
}

function nothingTrained(labels: Int32Array, maxLength: number): Problem {
  return hasTrainedToken(labels)
    ? problem(
      "answer-cut-off",
      `none of its first ${maxLength} tokens is trained; it has ${labels.length}`,
    )
    : problem("nothing-trained", "none of its tokens is trained");
}
