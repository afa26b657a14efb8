/**
 * AdamW over parameters in host memory, shared out over threads.
 *
 * @module
 */

import { adamWFactors, NORM_BLOCK } from "./adamw.ts";
import {
  type AdamWMessage,
  type AdamWTask,
  type BlockRange,
  createAdamWTasks,
  type SharedGroup,
  type SharedState,
} from "./adamw_worker.ts";
import { KERNEL_LANES } from "./adamw_kernel.ts";
import { UserError } from "../../utils/errors.ts";
import { formatBytes } from "../../utils/format.ts";
import type { ParameterArray, ParameterGroup } from "./parameters.ts";

/** Options of {@linkcode HostOptimizer}. */
export interface HostOptimizerOptions {
  /** Threads, this one included. */
  readonly threads: number;
}

/** What one optimizer step needs to know. */
export interface OptimizerStep {
  /** Number of the step, counted from 1. */
  readonly step: number;
  /** Learning rate of this step. */
  readonly learningRate: number;
  /** Factor of the gradients. */
  readonly gradientScale: number;
}

/** Owns weights, gradients and moments, and the threads that update them. */
export class HostOptimizer {
  /** The arrays of each group. */
  readonly groups: readonly SharedGroup[];
  readonly #layout: readonly ParameterGroup[];
  readonly #shared: SharedState;
  readonly #doTask: (task: AdamWTask) => void;
  readonly #workers: readonly Worker[];
  readonly #shares: readonly (readonly BlockRange[])[];

  private constructor(layout: readonly ParameterGroup[], options: HostOptimizerOptions) {
    this.#layout = layout;
    this.#shared = allocate(layout);
    this.groups = this.#shared.groups;
    this.#doTask = createAdamWTasks(this.#shared);
    const blocks = this.groups.reduce((sum, { blockSums }) => sum + blockSums.length, 0);
    const threads = Math.max(1, Math.min(options.threads, Math.ceil(blocks / 4)));
    this.#shares = shareBlocks(this.groups, threads);
    this.#workers = Array.from(
      { length: threads - 1 },
      () => new Worker(new URL("./adamw_worker.ts", import.meta.url), { type: "module" }),
    );
  }

  /** Allocates the arrays of `layout`, all zero, and starts the threads. */
  static async open(
    layout: readonly ParameterGroup[],
    options: HostOptimizerOptions,
  ): Promise<HostOptimizer> {
    const optimizer = new HostOptimizer(layout, options);
    const message: AdamWMessage = { kind: "open", ...optimizer.#shared };
    await Promise.all(optimizer.#workers.map((worker) => ask(worker, message)));
    return optimizer;
  }

  /** Returns the root of the sum of squares of all gradients. */
  async gradientNorm(): Promise<number> {
    await this.#run((ranges) => ({ kind: "norm", ranges }));
    let sum = 0;
    for (const { blockSums } of this.groups) {
      for (let block = 0; block < blockSums.length; block++) sum += blockSums[block]!;
    }
    return Math.sqrt(sum);
  }

  /** Updates all weights and moments. */
  async update(step: OptimizerStep): Promise<void> {
    const factors = this.#layout.map(({ decay, optimizer }) =>
      adamWFactors(optimizer, { ...step, decay })
    );
    await this.#run((ranges) => ({ kind: "update", ranges, factors }));
  }

  /** Stops the threads. */
  [Symbol.dispose](): void {
    for (const worker of this.#workers) worker.terminate();
  }

  async #run(task: (ranges: readonly BlockRange[]) => AdamWTask): Promise<void> {
    const others = this.#workers.map((worker, i) => ask(worker, task(this.#shares[i + 1]!)));
    this.#doTask(task(this.#shares[0]!));
    await Promise.all(others);
  }
}

const PAGE_BYTES = 2 ** 16;

/** The most that 32-bit addresses reach. */
const MAX_PAGES = 2 ** 16;

/**
 * Allocates the arrays of all groups, zeros, in one memory that threads share.
 *
 * @throws {UserError} If they do not fit into one.
 */
function allocate(layout: readonly ParameterGroup[]): SharedState {
  const strideOf = ({ size }: ParameterArray) => 4 * Math.ceil(size / KERNEL_LANES) * KERNEL_LANES;
  // weights, gradients, and what the optimizer keeps
  const arrays = layout.flatMap((group) => [group, group, ...group.slots.values()]);
  const bytes = arrays.reduce((sum, array) => sum + strideOf(array), 0);
  const pages = Math.ceil(bytes / PAGE_BYTES);
  if (pages > MAX_PAGES) {
    throw new UserError(
      `Cannot train on the CPU: weights, gradients and the optimizer's state take ${
        formatBytes(bytes)
      }, more than ` +
        `${formatBytes(MAX_PAGES * PAGE_BYTES)}; train a smaller model, or use --device webgpu`,
    );
  }
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
  let offset = 0;
  const groups = layout.map((group): SharedGroup => {
    const next = (array: ParameterArray): Float32Array => {
      const view = new Float32Array(memory.buffer, offset, array.size);
      offset += strideOf(array);
      return view;
    };
    const blocks = Math.ceil(group.size / NORM_BLOCK);
    return {
      weights: next(group),
      gradients: next(group),
      slots: Object.fromEntries([...group.slots].map(([slot, array]) => [slot, next(array)])),
      blockSums: new Float64Array(new SharedArrayBuffer(8 * blocks)),
    };
  });
  return { memory, groups };
}

function ask(worker: Worker, message: AdamWMessage): Promise<void> {
  return new Promise((resolve, reject) => {
    worker.onmessage = () => resolve();
    worker.onerror = (event) => {
      event.preventDefault();
      reject(new Error(`Internal: an optimizer thread failed: ${event.message}`));
    };
    worker.postMessage(message);
  });
}

/** Cuts the blocks of all groups into one share per thread, as equal as blocks allow. */
function shareBlocks(groups: readonly SharedGroup[], threads: number): BlockRange[][] {
  const total = groups.reduce((sum, { blockSums }) => sum + blockSums.length, 0);
  return Array.from({ length: threads }, (_, thread) => {
    const first = Math.floor(total * thread / threads);
    const last = Math.floor(total * (thread + 1) / threads);
    const ranges: BlockRange[] = [];
    let start = 0;
    for (const [group, { blockSums }] of groups.entries()) {
      const from = Math.max(first - start, 0);
      const to = Math.min(last - start, blockSums.length);
      if (from < to) ranges.push({ group, from, to });
      start += blockSums.length;
    }
    return ranges;
  });
}
