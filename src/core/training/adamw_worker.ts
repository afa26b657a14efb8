/**
 * The thread that updates a share of the parameters: it is sent the shared arrays once, then one task after another.
 *
 * @module
 */

import { type AdamWFactors, NORM_BLOCK, sumOfSquares } from "./adamw.ts";
import { type AdamWKernel, compileAdamWKernel, KERNEL_LANES } from "./adamw_kernel.ts";

/** The arrays of one group, on shared memory; behind each there is room up to a multiple of the kernel's lanes. */
export interface SharedGroup {
  /** Weights; updated. */
  readonly weights: Float32Array;
  /** Gradients. */
  readonly gradients: Float32Array;
  /** What is kept from step to step, by slot; updated. */
  readonly slots: Readonly<Record<string, Float32Array>>;
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

/** Shared arrays, and the memory that they lie in. */
export interface SharedState {
  /** The memory. */
  readonly memory: WebAssembly.Memory;
  /** The arrays of each group. */
  readonly groups: readonly SharedGroup[];
}

/** What a thread is sent. */
export type AdamWMessage = ({ readonly kind: "open" } & SharedState) | AdamWTask;

/** Returns a function that does tasks over shared arrays, in whichever thread calls it. */
export function createAdamWTasks({ memory, groups }: SharedState): (task: AdamWTask) => void {
  const kernel = compileAdamWKernel(memory);
  return (task) => {
    for (const { group, from, to } of task.ranges) {
      const arrays = groups[group]!;
      const end = Math.min(to * NORM_BLOCK, arrays.weights.length);
      if (task.kind === "norm") {
        sumBlocks(arrays, { group, from, to });
      } else {
        const range = { from: from * NORM_BLOCK, to: end };
        update(kernel, { arrays, range, factors: task.factors[group]! });
      }
    }
  };
}

function sumBlocks(arrays: SharedGroup, { from, to }: BlockRange): void {
  const { gradients, blockSums } = arrays;
  for (let block = from; block < to; block++) {
    const end = Math.min((block + 1) * NORM_BLOCK, gradients.length);
    blockSums[block] = sumOfSquares(gradients, { from: block * NORM_BLOCK, to: end });
  }
}

function update(
  kernel: AdamWKernel,
  { arrays, range: { from, to }, factors }: {
    readonly arrays: SharedGroup;
    readonly range: { readonly from: number; readonly to: number };
    readonly factors: AdamWFactors;
  },
): void {
  const address = (array: Float32Array): number => array.byteOffset + 4 * from;
  kernel({
    weights: address(arrays.weights),
    gradients: address(arrays.gradients),
    means: address(arrays.slots["exp_avg"]!),
    squares: address(arrays.slots["exp_avg_sq"]!),
    count: Math.ceil((to - from) / KERNEL_LANES) * KERNEL_LANES,
  }, factors);
}

/** The part of a worker's global scope that this module uses; absent in the main thread. */
interface WorkerScope {
  onmessage: ((event: MessageEvent<AdamWMessage>) => void) | null;
  postMessage(message: "done"): void;
}

/** Answers messages in the worker's thread. */
function serve(scope: WorkerScope): void {
  let doTask = (_: AdamWTask): void => {};
  scope.onmessage = ({ data }) => {
    if (data.kind === "open") doTask = createAdamWTasks(data);
    else doTask(data);
    scope.postMessage("done");
  };
}

if (typeof (globalThis as { WorkerGlobalScope?: unknown }).WorkerGlobalScope === "function") {
  serve(globalThis as unknown as WorkerScope);
}
