/**
 * The thread that updates a share of the parameters: it is sent the shared arrays once, then one task after another.
 *
 * @module
 */

import { NORM_BLOCK, sumOfSquares } from "./gradient_norm.ts";
import { createHostUpdates, type SharedGroup } from "./host_updates.ts";
import type { Factors } from "./optimizer.ts";

/** Blocks of the arrays of one group, or weights of one whose optimizer works on whole weights. */
export interface UnitRange {
  /** Index of the group. */
  readonly group: number;
  /** First block, or first weight. */
  readonly from: number;
  /** Before this block or weight. */
  readonly to: number;
}

/** What a thread is asked to do. */
export type HostTask =
  | {
    /** Sum the squares of the gradients of blocks. */
    readonly kind: "norm";
    readonly ranges: readonly UnitRange[];
  }
  | {
    /** Update weights; `apply` is the second half of what needs products between. */
    readonly kind: "update" | "apply";
    readonly ranges: readonly UnitRange[];
    /** Factors of each group. */
    readonly factors: readonly Factors[];
  };

/** Shared arrays, and the memory that they lie in. */
export interface SharedState {
  /** The memory. */
  readonly memory: WebAssembly.Memory;
  /** The arrays of each group. */
  readonly groups: readonly SharedGroup[];
  /** Decay of the moving average of the weights; null keeps none. */
  readonly emaDecay: number | null;
}

/** What a thread is sent. */
export type HostMessage = ({ readonly kind: "open" } & SharedState) | HostTask;

/** Returns a function that does tasks over shared arrays, in whichever thread calls it. */
export function createHostTasks(state: SharedState): (task: HostTask) => void {
  const updates = createHostUpdates(state);
  return (task) => {
    for (const range of task.ranges) {
      const group = state.groups[range.group]!;
      if (task.kind === "norm") sumBlocks(group, range);
      else updates[task.kind](group, { range, factors: task.factors[range.group]! });
    }
  };
}

function sumBlocks({ gradients, blockSums }: SharedGroup, { from, to }: UnitRange): void {
  for (let block = from; block < to; block++) {
    const end = Math.min((block + 1) * NORM_BLOCK, gradients.length);
    blockSums[block] = sumOfSquares(gradients, { from: block * NORM_BLOCK, to: end });
  }
}

/** The part of a worker's global scope that this module uses; absent in the main thread. */
interface WorkerScope {
  onmessage: ((event: MessageEvent<HostMessage>) => void) | null;
  postMessage(message: "done"): void;
}

/** Answers messages in the worker's thread. */
function serve(scope: WorkerScope): void {
  let doTask = (_: HostTask): void => {};
  scope.onmessage = ({ data }) => {
    if (data.kind === "open") doTask = createHostTasks(data);
    else doTask(data);
    scope.postMessage("done");
  };
}

if (typeof (globalThis as { WorkerGlobalScope?: unknown }).WorkerGlobalScope === "function") {
  serve(globalThis as unknown as WorkerScope);
}
