/**
 * What a run of the decoder reads besides keys and values: ids, positions, angles, and who may look at whom.
 *
 * @module
 */

import { type Tensor, tensor } from "../../engine/tensor/tensor.ts";
import type { LanguageModel } from "../../models/language_model.ts";
import { angleTables, type RopeAngles, ropeAngles } from "../../models/rope.ts";
import { HIDDEN_ROWS, kindNames, PAST_LENGTH, ROWS } from "./decoder_graph.ts";
import type { RunResult } from "./sequence_cache.ts";

/** Scores this low have no weight after softmax. */
const MASKED_SCORE = -1e9;

/** One row of a run. */
export interface RunRow {
  /** Tokens to read; a row with fewer than others is filled up, and what that makes is to be ignored. */
  readonly ids: ArrayLike<number>;
  /** Position of the first of them. */
  readonly position: number;
  /** The places of the past that hold its earlier tokens, from `from` to before `to`. */
  readonly past: { readonly from: number; readonly to: number };
}

/** What runs know of one kind of attention. */
export interface RunKind {
  /** How many tokens back a token sees, itself included; null sees all. */
  readonly window: number | null;
  /** How its positions are rotated, if they are. */
  readonly angles: RopeAngles | null;
}

/** Returns what runs of `model` know of its kinds of attention. */
export function runKinds(model: LanguageModel): RunKind[] {
  return model.attentionKinds.map(({ rope, rotaryDim, window }) => ({
    window,
    angles: rope && ropeAngles(rope, rotaryDim),
  }));
}

/** What all rows of a run share. */
export interface RunShape {
  /** Tokens of each row. */
  readonly seqLen: number;
  /** The positions that the model has. */
  readonly maxPositions: number;
  /** Places of the past, used or not. */
  readonly pastLength: number;
  /** The kinds of attention of the model. */
  readonly kinds: readonly RunKind[];
  /** The rows of [batch · seqLen] of which something is wanted. */
  readonly wanted: readonly number[];
  /** What is wanted of them. */
  readonly result: RunResult;
  /** What the model reads. */
  readonly inputNames: readonly string[];
}

/** Returns the feeds of one run. */
export function runFeeds(rows: readonly RunRow[], shape: RunShape): Record<string, Tensor> {
  const { seqLen, pastLength, kinds, wanted, result, inputNames } = shape;
  const batch = rows.length;
  const count = batch * seqLen;
  const ids = new BigInt64Array(count);
  const positions = new Float64Array(count);
  for (const [row, { ids: rowIds, position }] of rows.entries()) {
    for (let token = 0; token < seqLen; token++) {
      ids[row * seqLen + token] = BigInt(rowIds[token] ?? 0);
      positions[row * seqLen + token] = position + token;
    }
  }
  // Only the rows of the tables that this run needs, so a token's angles are found under its own number.
  const angleRows = BigInt64Array.from(positions, (_, at) => BigInt(at));
  const feeds: Record<string, Tensor> = {
    ids: tensor("int64", [batch, seqLen, 1], ids),
    positions: tensor("int64", [batch, seqLen, 1], learnedPositions(positions, shape)),
    angle_rows: tensor("int64", [batch, seqLen], angleRows),
    [PAST_LENGTH]: tensor("int64", [1], BigInt64Array.of(BigInt(pastLength))),
    ...wantedFeeds(wanted, result),
  };
  for (const [kind, { window, angles }] of kinds.entries()) {
    const names = kindNames(kind);
    feeds[names.mask] = maskOf(rows, { seqLen, pastLength, window });
    if (angles === null) continue;
    const { cos, sin } = angleTables(angles, positions);
    feeds[names.cos] = cos;
    feeds[names.sin] = sin;
  }
  // A model with learned positions reads no angles, and the reverse.
  return Object.fromEntries(
    inputNames.flatMap((name) => name in feeds ? [[name, feeds[name]!]] : []),
  );
}

/** Returns the feeds that choose rows; of what is not wanted one row is made, as devices have no tensors without any. */
export function wantedFeeds(
  wanted: readonly number[],
  result: RunResult,
): Record<typeof ROWS | typeof HIDDEN_ROWS, Tensor> {
  const chosen = tensor("int64", [wanted.length, 1], BigInt64Array.from(wanted, BigInt));
  const one = tensor("int64", [1, 1], BigInt64Array.of(0n));
  return result === "hidden"
    ? { [ROWS]: one, [HIDDEN_ROWS]: chosen }
    : { [ROWS]: chosen, [HIDDEN_ROWS]: one };
}

/** Returns the mask that lets each token see itself and those before it, at most `window` in all. */
function maskOf(
  rows: readonly RunRow[],
  { seqLen, pastLength, window }:
    & Pick<RunShape, "seqLen" | "pastLength">
    & Pick<RunKind, "window">,
): Tensor {
  const total = pastLength + seqLen;
  const mask = new Float32Array(rows.length * seqLen * total).fill(MASKED_SCORE);
  for (const [row, { past }] of rows.entries()) {
    for (let token = 0; token < seqLen; token++) {
      const at = (row * seqLen + token) * total;
      // How many tokens before those of this run are in sight; the last of them lies just before `past.to`.
      const earlier = window === null ? Infinity : Math.max(0, window - 1 - token);
      mask.fill(0, at + Math.max(past.from, past.to - earlier), at + past.to);
      const first = window === null ? 0 : Math.max(0, token + 1 - window);
      mask.fill(0, at + pastLength + first, at + pastLength + token + 1);
    }
  }
  return tensor("float32", [rows.length, 1, seqLen, total], mask);
}

/** Filling may reach beyond the positions that a model has learned. */
function learnedPositions(
  positions: Float64Array,
  { maxPositions }: Pick<RunShape, "maxPositions">,
): BigInt64Array {
  return BigInt64Array.from(positions, (at) => BigInt(Math.min(at, maxPositions - 1)));
}
