/**
 * What the training loop asks of the machinery that holds a model's weights and changes them.
 *
 * @module
 */

import type { MicroBatch } from "../../datasets/batch.ts";
import type { Tensor } from "../../engine/tensor/tensor.ts";
import { EMA_SLOT } from "./optimizers/ema.ts";

/** What one update needs to know. */
export interface UpdateOptions {
  /** Number of the optimizer step, counted from 1. */
  readonly step: number;
  /** Learning rate of this step. */
  readonly learningRate: number;
  /** Gradients with a larger norm are scaled down to it; 0 never does. */
  readonly maxGradNorm: number;
}

/** What an update did. */
export interface UpdateResult {
  /** Norm of all gradients before clipping. */
  readonly gradNorm: number;
  /** Whether the weights were changed; they are not where the norm or the loss is NaN or infinite. */
  readonly applied: boolean;
}

/** A weight, or what an optimizer keeps of one, to be saved. */
export interface NamedTensor {
  /** Name of the weight. */
  readonly name: string;
  /** Its elements: a view that the next update may change. */
  readonly tensor: Tensor<"float32">;
}

/** The state that training changes. */
export interface TrainableState {
  /** Weights. */
  readonly weights: readonly NamedTensor[];
  /** What is kept of the weights from step to step, by what it is: `exp_avg` of each weight, for example. */
  readonly slots: Readonly<Record<string, readonly NamedTensor[]>>;
}

/** Returns the weights to evaluate, use and save: their moving average, where one is kept. */
export function modelWeights({ weights, slots }: TrainableState): readonly NamedTensor[] {
  return slots[EMA_SLOT] ?? weights;
}

/** Options of {@linkcode Trainer.accumulate}. */
export interface AccumulateOptions {
  /** Weight of each trained token's loss. */
  readonly tokenWeight: number;
  /** Decides what is random in this micro-batch, such as dropout and noise. */
  readonly seed: number;
}

/** Holds a model's weights and the state of its optimizer on one device. */
export interface Trainer {
  /** Gives it a weight that is read and never changed. */
  freeze(weight: NamedTensor): void;
  /**
   * Adds the gradients of one micro-batch.
   *
   * @returns The weighted sum of its token losses.
   */
  accumulate(batch: MicroBatch, options: AccumulateOptions): Promise<number>;
  /** Changes the weights by the gradients added since the last update, and forgets these. */
  update(options: UpdateOptions): Promise<UpdateResult>;
  /**
   * Returns the sum of the token losses of one micro-batch, without label smoothing and noise, and by the moving
   * average of the weights, where one is kept.
   */
  evaluate(batch: MicroBatch): Promise<number>;
  /** Returns weights and what is kept of them. */
  state(): Promise<TrainableState>;
  /** Replaces weights and what is kept of them by saved ones; what is not given stays. */
  load(state: Partial<TrainableState>): Promise<void>;
  /** Frees everything. */
  [Symbol.asyncDispose](): Promise<void>;
}
