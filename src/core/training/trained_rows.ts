/**
 * The head for the trained tokens alone: those of prompts and padding have no loss, and would often be half of
 * the head's work.
 *
 * @module
 */

import type { MicroBatch } from "../../datasets/batch.ts";
import { IGNORED_LABEL } from "../../datasets/labels.ts";
import {
  add,
  gatherOnce,
  input,
  mul,
  reduceSum,
  reshape,
  slice,
} from "../../engine/graph/build.ts";
import { staticShape, type Value } from "../../engine/graph/value.ts";
import { type Tensor, tensor } from "../../engine/tensor/tensor.ts";
import { type HeadOptions, targetChunks, tokenLosses } from "./head_loss.ts";

/** Names of the inputs of chunk `index`. */
function inputNames(index: number) {
  return {
    rows: `trained.${index}`,
    places: `places.${index}`,
    targets: `targets.${index}`,
    weights: `token_weights.${index}`,
  };
}

/**
 * Describes the sum of token losses, each times its weight, of normalised hidden states [tokens, hiddenSize]. Of each
 * chunk of tokens the trained ones are gathered: how many they are, a run tells by what it is fed.
 */
export function trainedLoss(hidden: Value, options: HeadOptions): Value {
  const [tokens] = staticShape(hidden.shape);
  const losses = targetChunks(tokens!, options.vocabSize).map(({ start, end }, index) => {
    const names = inputNames(index);
    const shape = [`trained${index}`, 1];
    const rows = gatherOnce(slice(hidden, { axis: 0, start, end }), {
      rows: input(names.rows, "int64", shape),
      places: input(names.places, "int64", [end - start, 1]),
    });
    const targets = input(names.targets, "int64", shape);
    const weighted = mul(
      tokenLosses(rows, { ...options, targets }),
      input(names.weights, "float32", shape),
    );
    return reduceSum(weighted, [0, 1]);
  });
  return reshape(losses.reduce(add), []);
}

/** Returns what {@linkcode trainedLoss} reads of a micro-batch, each trained token's loss weighted by `tokenWeight`. */
export function trainedFeeds(
  { labels }: Pick<MicroBatch, "labels">,
  { tokenWeight, vocabSize }: { readonly tokenWeight: number; readonly vocabSize: number },
): Record<string, Tensor> {
  const feeds: Record<string, Tensor> = {};
  for (const [index, { start, end }] of targetChunks(labels.length, vocabSize).entries()) {
    const names = inputNames(index);
    const rows: number[] = [];
    for (let row = 0; row < end - start; row++) {
      if (labels[start + row] !== IGNORED_LABEL) rows.push(row);
    }
    const places = new BigInt64Array(end - start).fill(BigInt(Math.max(1, rows.length)));
    for (const [place, row] of rows.entries()) places[row] = BigInt(place);
    // Devices have no products of nothing: where no token is trained, one is computed and counts for nothing.
    const shape = [Math.max(1, rows.length), 1];
    const column = (of: (row: number) => number) =>
      tensor("int64", shape, BigInt64Array.from(rows.length === 0 ? [0] : rows.map(of), BigInt));
    feeds[names.rows] = column((row) => row);
    feeds[names.places] = tensor("int64", [end - start, 1], places);
    feeds[names.targets] = column((row) => labels[start + row]!);
    const weight = rows.length === 0 ? 0 : tokenWeight;
    feeds[names.weights] = tensor("float32", shape, new Float32Array(shape[0]!).fill(weight));
  }
  return feeds;
}
