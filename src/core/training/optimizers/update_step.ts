/**
 * What every optimizer is told of a step.
 *
 * @module
 */

/** What is particular to one step, for one group of weights. */
export interface UpdateStep {
  /** Number of the step, counted from 1. */
  readonly step: number;
  /** Learning rate of this step. */
  readonly learningRate: number;
  /** Factor of the gradient: what clipping leaves of it. */
  readonly gradientScale: number;
  /** Whether the weights decay. */
  readonly decay: boolean;
}

/** A range of elements of the arrays of a group. */
export interface ElementRange {
  /** First element. */
  readonly from: number;
  /** Before this element. */
  readonly to: number;
}
