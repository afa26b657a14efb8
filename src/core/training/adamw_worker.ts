/**
 * The thread that updates a share of the parameters: it is sent the shared arrays once, then one task after another.
 *
 * @module
 */

import {
  type AdamWArrays,
  type AdamWFactors,
  adamWUpdate,
  NORM_BLOCK,
  sumOfSquares,
} from "./adamw.ts";

/** The arrays of one group, all on shared memory. */
export interface SharedGroup extends AdamWArrays {
  /** The sum of squares of the gradients of each block of {@linkcode NORM_BLOCK} elements. */
  readonly blockSums: Float64Array;
}

/** Blocks of one group. */
export interface BlockRange {
  /** Index of the group. */
  readonly group: number;
  /** First block. */
  readonly from: number;
  /** Before this block. */
  readonly to: number;
}

/** What a thread is asked to do. */
export type AdamWTask =
  | { readonly kind: "norm"; readonly ranges: readonly BlockRange[] }
  | {
    readonly kind: "update";
    readonly ranges: readonly BlockRange[];
    /** Factors of each group. */
    readonly factors: readonly AdamWFactors[];
  };

/** What a thread is sent. */
export type AdamWMessage =
  | { readonly kind: "open"; readonly groups: readonly SharedGroup[] }
  | AdamWTask;

/** Does a task over shared arrays, in whichever thread calls it. */
export function doTask(groups: readonly SharedGroup[], task: AdamWTask): void {
  for (const { group, from, to } of task.ranges) {
    const arrays = groups[group]!;
    for (let block = from; block < to; block++) {
      const range = {
        from: block * NORM_BLOCK,
        to: Math.min((block + 1) * NORM_BLOCK, arrays.weights.length),
      };
      if (task.kind === "norm") {
        arrays.blockSums[block] = sumOfSquares(arrays.gradients, range);
      } else {
        adamWUpdate(arrays, { ...range, factors: task.factors[group]! });
      }
    }
  }
}

/** The part of a worker's global scope that this module uses; absent in the main thread. */
interface WorkerScope {
  onmessage: ((event: MessageEvent<AdamWMessage>) => void) | null;
  postMessage(message: "done"): void;
}

/** Answers messages in the worker's thread. */
function serve(scope: WorkerScope): void {
  let groups: readonly SharedGroup[] = [];
  scope.onmessage = ({ data }) => {
    if (data.kind === "open") groups = data.groups;
    else doTask(groups, data);
    scope.postMessage("done");
  };
}

if (typeof (globalThis as { WorkerGlobalScope?: unknown }).WorkerGlobalScope === "function") {
  serve(globalThis as unknown as WorkerScope);
}
