/**
 * Muon (Jordan et al., 2024), as `torch.optim.Muon` has it: the step of a hidden matrix is its momentum with all
 * singular values brought near 1. Embeddings, the output matrix and vectors are left to AdamW.
 *
 * @module
 */

import type { WeightSpec } from "../../../models/language_model.ts";
import type { AdamWConfig } from "./adamw.ts";
import type { ElementRange, UpdateStep } from "./update_step.ts";

/** The ways in which the learning rate can follow from the shape of a matrix. */
export const MUON_ADJUSTMENTS = ["original", "match-rms-adamw"] as const;

/** How the learning rate follows from the shape of a matrix. */
export type MuonAdjustment = (typeof MUON_ADJUSTMENTS)[number];

/** Settings of Muon that stay the same during a run. */
export interface MuonConfig {
  /** Which optimizer it is. */
  readonly kind: "muon";
  /** What is kept of the last steps' gradients. */
  readonly momentum: number;
  /** Whether it looks one step ahead (Nesterov). */
  readonly nesterov: boolean;
  /** Part of the learning rate by which matrices shrink. */
  readonly weightDecay: number;
  /** How the learning rate follows from the shape of a matrix. */
  readonly adjustment: MuonAdjustment;
  /** What updates all but hidden matrices. */
  readonly rest: AdamWConfig;
  /** The learning rate of the rest, as a part of that of hidden matrices. */
  readonly restLearningRateFactor: number;
}

/** Names of matrices that turn ids into vectors or vectors into logits. */
const NOT_HIDDEN = /\b(?:embed_tokens|lm_head|wte|wpe)\b/;

/** Returns whether Muon updates a weight. */
export function isHiddenMatrix({ name, shape }: WeightSpec): boolean {
  return shape.length === 2 && !NOT_HIDDEN.test(name);
}

type Adjustments = Readonly<
  Record<MuonConfig["adjustment"], (rows: number, columns: number) => number>
>;

const ADJUSTMENTS: Adjustments = {
  original: (rows, columns) => Math.sqrt(Math.max(1, rows / columns)),
  "match-rms-adamw": (rows, columns) => 0.2 * Math.sqrt(Math.max(rows, columns)),
};

/** Returns the factor of the learning rate of matrices of a shape. */
export function muonRateFactor({ adjustment }: MuonConfig, shape: readonly number[]): number {
  return ADJUSTMENTS[adjustment](shape[0]!, shape[1]!);
}

/** What one step needs. */
export interface MuonFactors {
  /** Factor of the gradient. */
  readonly gradientScale: number;
  /** Factor of the weight before its update. */
  readonly keep: number;
  /** Learning rate. */
  readonly learningRate: number;
  /** How far the momentum moves towards the gradient. */
  readonly rise: number;
  /** Part of the momentum in the direction; the rest is the gradient. */
  readonly bufferPart: number;
}

/** Returns the factors of one step. */
export function muonFactors(config: MuonConfig, step: UpdateStep): MuonFactors {
  const { momentum, nesterov, weightDecay } = config;
  return {
    gradientScale: step.gradientScale,
    keep: step.decay ? 1 - step.learningRate * weightDecay : 1,
    learningRate: step.learningRate,
    rise: 1 - momentum,
    bufferPart: nesterov ? momentum : 1,
  };
}

/** Updates a range of the momentum, and puts the direction in the place of the gradients. */
export function updateMomentum(
  { gradients, buffer }: { readonly gradients: Float32Array; readonly buffer: Float32Array },
  { range: { from, to }, factors }: { readonly range: ElementRange; readonly factors: MuonFactors },
): void {
  const { gradientScale, rise, bufferPart } = factors;
  for (let i = from; i < to; i++) {
    const gradient = gradients[i]! * gradientScale;
    const moved = buffer[i]! + (gradient - buffer[i]!) * rise;
    buffer[i] = moved;
    gradients[i] = gradient + (moved - gradient) * bufferPart;
  }
}

/** Changes a range of weights in the orthogonalised `directions`. */
export function applyDirections(
  { weights, directions }: { readonly weights: Float32Array; readonly directions: Float32Array },
  { range: { from, to }, factors }: { readonly range: ElementRange; readonly factors: MuonFactors },
): void {
  const { keep, learningRate } = factors;
  for (let i = from; i < to; i++) weights[i] = weights[i]! * keep - learningRate * directions[i]!;
}
