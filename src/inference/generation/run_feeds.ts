/**
 * What a run of the decoder reads besides keys and values: ids, positions, angles, and who may look at whom.
 *
 * @module
 */

import { type Tensor, tensor } from "../../engine/tensor/tensor.ts";
import { angleTables } from "../../models/rope.ts";

/** Scores this low have no weight after softmax. */
const MASKED_SCORE = -1e9;

/** One row of a run. */
export interface RunRow {
  /** Tokens to read; every row of a run has equally many. */
  readonly ids: ArrayLike<number>;
  /** Position of the first of them. */
  readonly position: number;
  /** The places of the past that hold its earlier tokens, from `from` to before `to`. */
  readonly past: { readonly from: number; readonly to: number };
}

/** What all rows of a run share. */
export interface RunShape {
  /** Places of the past, used or not. */
  readonly pastLength: number;
  /** Angle per position of each pair of elements of a head. */
  readonly frequencies: Float64Array;
  /** The rows of [batch · seqLen] whose logits are wanted. */
  readonly wanted: readonly number[];
}

/** Returns the feeds of one run. */
export function runFeeds(rows: readonly RunRow[], shape: RunShape): Record<string, Tensor> {
  const { pastLength, frequencies, wanted } = shape;
  const batch = rows.length;
  const seqLen = rows[0]!.ids.length;
  const total = pastLength + seqLen;
  const ids = new BigInt64Array(batch * seqLen);
  const positions = new Float64Array(batch * seqLen);
  const mask = new Float32Array(batch * seqLen * total).fill(MASKED_SCORE);
  for (const [row, { ids: rowIds, position, past }] of rows.entries()) {
    for (let token = 0; token < seqLen; token++) {
      const at = row * seqLen + token;
      ids[at] = BigInt(rowIds[token]!);
      positions[at] = position + token;
      mask.fill(0, at * total + past.from, at * total + past.to);
      mask.fill(0, at * total + pastLength, at * total + pastLength + token + 1);
    }
  }
  // Only the rows of the tables that this run needs, so a token's angles are found under its own number.
  const tableRows = BigInt64Array.from(positions, (_, at) => BigInt(at));
  return {
    ids: tensor("int64", [batch, seqLen, 1], ids),
    positions: tensor("int64", [batch, seqLen], tableRows),
    mask: tensor("float32", [batch, 1, seqLen, total], mask),
    rows: tensor("int64", [wanted.length, 1], BigInt64Array.from(wanted, BigInt)),
    ...angleTables(frequencies, positions),
  };
}

/** Returns which rows of [batch · seqLen] logits are wanted of: the last token of each of `rows`, or every one. */
export function wantedRows(
  rows: readonly number[],
  { seqLen, everyPosition }: { readonly seqLen: number; readonly everyPosition: boolean },
): number[] {
  return rows.flatMap((row) =>
    everyPosition
      ? Array.from({ length: seqLen }, (_, token) => row * seqLen + token)
      : [row * seqLen + seqLen - 1]
  );
}

/** Cuts logits [rows · positions, vocabSize] into one array for each of `count` rows. */
export function logitsByRow(logits: Tensor<"float32">, count: number): Float32Array[] {
  const size = logits.data.length / count;
  return Array.from({ length: count }, (_, row) => logits.data.slice(row * size, (row + 1) * size));
}
