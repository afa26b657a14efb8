/**
 * Optimizers over parameters in host memory, shared out over threads.
 *
 * @module
 */

import { UserError } from "../../utils/errors.ts";
import { formatBytes } from "../../utils/format.ts";
import type { Device } from "../../engine/runtime/session.ts";
import { KERNEL_LANES } from "./optimizers/adamw_kernel.ts";
import { NORM_BLOCK } from "./optimizers/gradient_norm.ts";
import { type SharedGroup, UPDATE_UNITS, type WeightPlace } from "./optimizers/host_updates.ts";
import {
  createHostTasks,
  type HostMessage,
  type HostTask,
  type SharedState,
  type UnitRange,
} from "./optimizers/host_worker.ts";
import { type MuonConfig, muonRateFactor } from "./optimizers/muon.ts";
import { Orthogonalizer } from "./optimizers/newton_schulz.ts";
import { factorsOf } from "./optimizers/optimizer.ts";
import type { ParameterArray, ParameterGroup } from "./parameters.ts";

/** Options of {@linkcode HostOptimizer}. */
export interface HostOptimizerOptions {
  /** What computes products of matrices, where an optimizer needs them. */
  readonly device: Device;
  /** Threads, this one included. */
  readonly threads: number;
  /** Decay of the moving average of the weights; null keeps none. @default {null} */
  readonly emaDecay?: number | null;
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

/** Owns weights, gradients and what optimizers keep, and the threads that update them. */
export class HostOptimizer implements AsyncDisposable {
  /** The arrays of each group. */
  readonly groups: readonly SharedGroup[];
  readonly #layout: readonly ParameterGroup[];
  readonly #shared: SharedState;
  readonly #doTask: (task: HostTask) => void;
  readonly #workers: readonly Worker[];
  readonly #blocks: readonly (readonly UnitRange[])[];
  readonly #units: readonly (readonly UnitRange[])[];
  readonly #orthogonalizer: Orthogonalizer;

  private constructor(layout: readonly ParameterGroup[], options: HostOptimizerOptions) {
    this.#layout = layout;
    this.#shared = allocate(layout, options.emaDecay ?? null);
    this.groups = this.#shared.groups;
    this.#doTask = createHostTasks(this.#shared);
    const blocks = this.groups.reduce((sum, { blockSums }) => sum + blockSums.length, 0);
    const threads = Math.max(1, Math.min(options.threads, Math.ceil(blocks / 4)));
    this.#blocks = share(this.groups.map(blockSizes), threads);
    this.#units = share(this.groups.map(unitSizes), threads);
    this.#workers = Array.from(
      { length: threads - 1 },
      () => new Worker(new URL("./optimizers/host_worker.ts", import.meta.url), { type: "module" }),
    );
    this.#orthogonalizer = new Orthogonalizer(options);
  }

  /** Allocates the arrays of `layout`, all zero, and starts the threads. */
  static async open(
    layout: readonly ParameterGroup[],
    options: HostOptimizerOptions,
  ): Promise<HostOptimizer> {
    const optimizer = new HostOptimizer(layout, options);
    const message: HostMessage = { kind: "open", ...optimizer.#shared };
    await Promise.all(optimizer.#workers.map((worker) => ask(worker, message)));
    return optimizer;
  }

  /** Returns the root of the sum of squares of all gradients. */
  async gradientNorm(): Promise<number> {
    await this.#run(this.#blocks, (ranges) => ({ kind: "norm", ranges }));
    let sum = 0;
    for (const { blockSums } of this.groups) {
      for (let block = 0; block < blockSums.length; block++) sum += blockSums[block]!;
    }
    return Math.sqrt(sum);
  }

  /** Updates all weights and what is kept of them; the gradients are lost. */
  async update(step: OptimizerStep): Promise<void> {
    const factors = this.#layout.map(({ decay, optimizer, learningRateFactor }) => {
      const learningRate = step.learningRate * learningRateFactor;
      return factorsOf(optimizer, { ...step, learningRate, decay });
    });
    await this.#run(this.#units, (ranges) => ({ kind: "update", ranges, factors }));
    const orthogonal = this.groups.flatMap(({ optimizer }, group) =>
      optimizer.kind === "muon" ? [{ optimizer, group }] : []
    );
    if (orthogonal.length === 0) return;
    for (const { optimizer, group } of orthogonal) {
      await this.#orthogonalize(this.groups[group]!, optimizer);
    }
    const groups = new Set(orthogonal.map(({ group }) => group));
    const shares = this.#units.map((ranges) => ranges.filter(({ group }) => groups.has(group)));
    await this.#run(shares, (ranges) => ({ kind: "apply", ranges, factors }));
  }

  /** Stops the threads and frees what was compiled. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const worker of this.#workers) worker.terminate();
    await this.#orthogonalizer[Symbol.asyncDispose]();
  }

  async #orthogonalize({ gradients, places }: SharedGroup, config: MuonConfig): Promise<void> {
    for (const { shape, from, to } of places) {
      const factor = muonRateFactor(config, shape);
      await this.#orthogonalizer.run(gradients.subarray(from, to), { shape, factor });
    }
  }

  async #run(
    shares: readonly (readonly UnitRange[])[],
    task: (ranges: readonly UnitRange[]) => HostTask,
  ): Promise<void> {
    const others = this.#workers.map((worker, i) => ask(worker, task(shares[i + 1]!)));
    this.#doTask(task(shares[0]!));
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
function allocate(layout: readonly ParameterGroup[], emaDecay: number | null): SharedState {
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
      optimizer: group.optimizer,
      weights: next(group),
      gradients: next(group),
      slots: Object.fromEntries([...group.slots].map(([slot, array]) => [slot, next(array)])),
      blockSums: new Float64Array(new SharedArrayBuffer(8 * blocks)),
      places: placesOf(group),
    };
  });
  return { memory, groups, emaDecay };
}

function placesOf({ entries, slots }: ParameterGroup): WeightPlace[] {
  return entries.map(({ spec: { name, shape }, offset, size }) => ({
    shape,
    from: offset,
    to: offset + size,
    slots: Object.fromEntries(
      [...slots].flatMap(([slot, array]) => {
        const entry = array.entries.find(({ spec }) => spec.name === name);
        if (entry === undefined) return [];
        return [[slot, { from: entry.offset, to: entry.offset + entry.size }]];
      }),
    ),
  }));
}

function ask(worker: Worker, message: HostMessage): Promise<void> {
  return new Promise((resolve, reject) => {
    worker.onmessage = () => resolve();
    worker.onerror = (event) => {
      event.preventDefault();
      reject(new Error(`Internal: an optimizer thread failed: ${event.message}`));
    };
    worker.postMessage(message);
  });
}

function blockSizes({ blockSums }: SharedGroup): number[] {
  return Array.from(blockSums, () => 1);
}

/** The units that the optimizer of a group works on, each with its size in blocks. */
function unitSizes(group: SharedGroup): number[] {
  return UPDATE_UNITS[group.optimizer.kind] === "block"
    ? blockSizes(group)
    : group.places.map(({ from, to }) => (to - from) / NORM_BLOCK);
}

/** Cuts the units of all groups into one share per thread, as equal as consecutive units allow. */
function share(groups: readonly (readonly number[])[], threads: number): UnitRange[][] {
  const total = groups.flat().reduce((sum, size) => sum + size, 0);
  const shares = Array.from({ length: threads }, (): UnitRange[] => []);
  let start = 0;
  for (const [group, sizes] of groups.entries()) {
    for (const [unit, size] of sizes.entries()) {
      // a unit belongs where its middle lies
      const thread = Math.min(threads - 1, Math.floor((start + size / 2) / total * threads));
      const ranges = shares[thread]!;
      const last = ranges.at(-1);
      if (last?.group === group) ranges.splice(-1, 1, { ...last, to: unit + 1 });
      else ranges.push({ group, from: unit, to: unit + 1 });
      start += size;
    }
  }
  return shares;
}
