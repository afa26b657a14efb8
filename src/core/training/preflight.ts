/**
 * What a run will take, told before anything is allocated for it, and what would make it fit where it does not.
 *
 * @module
 */

import { paddedShape } from "../../datasets/batch.ts";
import { type RowShape, workOf } from "../../datasets/batch_shapes.ts";
import { type Dataset, longestPacked, sequenceLengths } from "../../datasets/dataset.ts";
import { plannedShapes } from "../../datasets/padding.ts";
import type { Device } from "../../engine/runtime/session.ts";
import { LORA_DEFAULTS } from "../../models/adapters/lora_config.ts";
import { countParameters } from "../../models/language_model.ts";
import { UserError } from "../../utils/errors.ts";
import { formatBytes } from "../../utils/format.ts";
import type { TrainingConfig } from "./config.ts";
import { FROZEN_DTYPES } from "./frozen_weights.ts";
import { type MemoryLimits, memoryLimits } from "./memory_limits.ts";
import { checkpointBytes, type MemoryPlan, planMemory } from "./memory_plan.ts";
import type { OptimizerConfig } from "./optimizers/optimizer.ts";
import { loraConfigOf, type TrainingModel } from "./prepare.ts";
import type { BatchShape } from "./sequence_inputs.ts";
import { adapterOf, type Trainee } from "./trainee.ts";

/** Settings that would make a run fit. */
export interface Remedy {
  /** Flags of `train`. */
  readonly flags: string;
  /** The memory that it then takes. */
  readonly total: number;
}

/** What a run will take. */
export interface Preflight {
  /** The memory it will take. */
  readonly memory: MemoryPlan;
  /** The memory there is. */
  readonly limits: MemoryLimits;
  /** What does not fit, as a sentence; `undefined` if all does. */
  readonly problem: string | undefined;
  /** What would make it fit; empty if it does. */
  readonly remedies: readonly Remedy[];
  /** Its largest micro-batch. */
  readonly shape: BatchShape;
  /** How many different shapes its micro-batches have: a graph is compiled for each. */
  readonly shapes: number;
  /** Parameters that are trained. */
  readonly trainedParameters: number;
  /** What a checkpoint takes on the disk. */
  readonly checkpointBytes: number;
}

/** Options of {@linkcode checkRun}. */
export interface PreflightOptions {
  /** Settings of the run. */
  readonly config: TrainingConfig;
  /** Where it runs. */
  readonly device: Device;
  /** What is trained. */
  readonly prepared: TrainingModel;
  /** What it is trained on, and evaluated on if at all. */
  readonly datasets: readonly Dataset[];
  /** What updates the weights. */
  readonly optimizer: OptimizerConfig;
  /** How much memory there is. @default {what the system says} */
  readonly limits?: MemoryLimits | undefined;
}

/** A run as it is planned: the settings that decide how much memory it takes. */
interface Variant {
  readonly trainee: Trainee;
  readonly batchSize: number;
  /** Examples are cut to this many tokens. */
  readonly maxLength: number;
  readonly gradientAccumulationSteps: number;
  readonly baseDtype: TrainingConfig["baseDtype"];
  readonly gradientCheckpointing: boolean;
}

/** Plans a run. */
export async function checkRun(options: PreflightOptions): Promise<Preflight> {
  const { config, device, prepared: { trainee }, datasets, optimizer } = options;
  const limits = options.limits ?? await memoryLimits(device);
  const ema = config.emaDecay !== null;
  const processBytes = Deno.memoryUsage().rss;
  const planOf = (variant: Variant): MemoryPlan => {
    const shapes = shapesOf(datasets, { ...config, ...variant });
    const plans = mostDemanding(shapes).map((shape) =>
      planMemory(variant.trainee, {
        device,
        shape: batchShape(shape, config),
        shapes: shapes.length,
        gradientAccumulationSteps: variant.gradientAccumulationSteps,
        frozenDtype: variant.baseDtype,
        optimizer,
        ema,
        gradientCheckpointing: variant.gradientCheckpointing,
        regularization: config,
        processBytes,
      })
    );
    return plans.reduce((most, plan) => plan.total > most.total ? plan : most);
  };
  const shapes = shapesOf(datasets, { ...config, maxLength: Infinity });
  const { batch, seqLen } = shapes[0]!;
  const asGiven: Variant = { ...config, trainee, maxLength: seqLen };
  const memory = planOf(asGiven);
  const problem = problemOf(memory, limits);
  return {
    memory,
    limits,
    problem,
    remedies: problem === undefined ? [] : remedies(asGiven, { options, planOf, limits }),
    shape: { batch, seqLen },
    shapes: shapes.length,
    trainedParameters: countParameters({ weights: trainee.parameters }),
    checkpointBytes: checkpointBytes(trainee, { optimizer, ema }),
  };
}

/** A run that was planned. */
export interface PlannedRun<C extends TrainingConfig> {
  /** Its settings, `gradientCheckpointing` set where only that makes it fit. */
  readonly config: C;
  /** What it will take with these. */
  readonly preflight: Preflight;
  /** What did not fit before; `undefined` if the settings are those that were given. */
  readonly changed: string | undefined;
}

/** Plans a run; where it would only fit layer by layer, that is how it is planned. */
export async function planRun<C extends TrainingConfig>(
  options: PreflightOptions & { readonly config: C },
): Promise<PlannedRun<C>> {
  const { config } = options;
  const preflight = await checkRun(options);
  const { problem } = preflight;
  if (problem !== undefined && !config.gradientCheckpointing) {
    const layered = { ...config, gradientCheckpointing: true };
    const smaller = await checkRun({ ...options, config: layered });
    if (smaller.problem === undefined) {
      return { config: layered, preflight: smaller, changed: problem };
    }
  }
  return { config, preflight, changed: undefined };
}

/**
 * Ends a run that would not fit.
 *
 * @throws {UserError} If it would not.
 */
export function refuseWhatDoesNotFit({ problem, remedies: [first] }: Preflight): void {
  if (problem === undefined) return;
  const advice = first === undefined
    ? "no smaller batch or shorter row would do; train a smaller model, or use a machine with more memory"
    : `use ${first.flags} (${formatBytes(first.total)}), or see --dry-run for more`;
  throw new UserError(`Cannot train: ${problem}; ${advice}`);
}

/** Graphs of packed rows read positions and masks besides, whatever the examples in them. */
function batchShape(
  { batch, seqLen, joined, reach }: RowShape,
  { packing }: { readonly packing: boolean },
): BatchShape {
  const segments = packing || joined ? new Int32Array(batch * seqLen) : undefined;
  return { batch, seqLen, segments, reach };
}

/** Returns the shapes that micro-batches of the data may have: those not joined first, and of each the longest first. */
function shapesOf(
  [trained, ...evaluated]: readonly Dataset[],
  { maxLength, ...options }: TrainingConfig & { readonly maxLength: number },
): RowShape[] {
  const { shapes } = plannedShapes(trained!, { ...options, cutTo: maxLength });
  const others = new Map<string, RowShape>();
  for (const dataset of evaluated) {
    const longestExample = longestPacked(dataset);
    for (const length of sequenceLengths(dataset)) {
      const cut = Math.min(length, maxLength);
      const shape = paddedShape(cut, { batchSize: options.batchSize, longestExample });
      others.set(`${shape.seqLen} ${shape.reach}`, shape);
    }
  }
  return [...shapes, ...others.values()].toSorted((a, b) =>
    Number(a.joined) - Number(b.joined) || b.seqLen - a.seqLen || b.reach - a.reach
  );
}

/** Returns the shape of most work, and the joined one: it has fewer tokens, but each sees more, and it has masks. */
function mostDemanding(shapes: readonly RowShape[]): RowShape[] {
  return [false, true].flatMap((joined) =>
    shapes.filter((shape) => shape.joined === joined)
      .toSorted((a, b) => workOf(b) - workOf(a)).slice(0, 1)
  );
}

/** Returns what of `memory` is more than there is. */
function problemOf(memory: MemoryPlan, limits: MemoryLimits): string | undefined {
  const { wasmHeap, largest } = memory;
  if (limits.wasmHeap !== undefined && wasmHeap > limits.wasmHeap) {
    return `it needs ${formatBytes(wasmHeap)} of WebAssembly's heap, which holds ${
      formatBytes(limits.wasmHeap)
    }`;
  }
  if (limits.gpuTensor !== undefined && largest.bytes > limits.gpuTensor) {
    return `"${largest.name}" takes ${formatBytes(largest.bytes)}, more than the ${
      formatBytes(limits.gpuTensor)
    } that this GPU reads at once`;
  }
  const needed = memory.host + (limits.gpuInHost ? memory.gpu : 0);
  if (needed > limits.host) {
    return `it needs ${formatBytes(needed)} of memory, and ${
      formatBytes(limits.host)
    } are available`;
  }
  return undefined;
}

/** Returns the changes that would make a run fit, those that change the least of what is trained first. */
function remedies(
  variant: Variant,
  { options, planOf, limits }: {
    readonly options: PreflightOptions;
    readonly planOf: (variant: Variant) => MemoryPlan;
    readonly limits: MemoryLimits;
  },
): Remedy[] {
  const attempt = ({ flags, change }: Candidate): Remedy | undefined => {
    const memory = planOf({ ...variant, ...change });
    return problemOf(memory, limits) === undefined ? { flags, total: memory.total } : undefined;
  };
  // Of each kind the first that fits changes the least.
  return candidates(variant, options).flatMap((kind) => {
    for (const candidate of kind) {
      const remedy = attempt(candidate);
      if (remedy !== undefined) return [remedy];
    }
    return [];
  });
}

/** Settings that might fit. */
interface Candidate {
  readonly flags: string;
  readonly change: Partial<Variant>;
}

/** Returns what could be changed, kind by kind, in each from the smallest change to the largest. */
function candidates(variant: Variant, { config, prepared }: PreflightOptions): Candidate[][] {
  const { trainee, batchSize, maxLength, gradientAccumulationSteps } = variant;
  const batches = halves(batchSize, 1).map((rows): Candidate => {
    const steps = gradientAccumulationSteps * Math.ceil(batchSize / rows);
    return {
      flags: `--batch-size ${rows} --gradient-accumulation-steps ${steps}`,
      change: { batchSize: rows, gradientAccumulationSteps: steps },
    };
  });
  const storage = trainee.adapter === undefined ? [] : FROZEN_DTYPES
    .slice(FROZEN_DTYPES.indexOf(config.baseDtype) + 1)
    .map((dtype): Candidate => ({
      flags: `--base-dtype ${dtype}`,
      change: { baseDtype: dtype },
    }));
  const checkpointing = config.gradientCheckpointing ? [] : [{
    flags: "--gradient-checkpointing",
    change: { gradientCheckpointing: true },
  }];
  const lengths = halves(maxLength, 32).map((length): Candidate => ({
    flags: `--max-length ${length}`,
    change: { maxLength: length },
  }));
  const smallest = { ...batches.at(-1)?.change };
  const both = lengths.map(({ flags, change }): Candidate => ({
    flags: [batches.at(-1)?.flags, flags].filter((flag) => flag !== undefined).join(" "),
    change: { ...smallest, ...change },
  }));
  const rank = LORA_DEFAULTS.rank;
  const adapter = trainee.adapter !== undefined || prepared.fresh ? [] : [{
    flags: `--lora-rank ${rank}`,
    change: { trainee: adapterOf(trainee.model, loraConfigOf({ ...config, loraRank: rank })) },
  }];
  const all = both.map(({ flags, change }): Candidate => ({
    flags: `--gradient-checkpointing ${flags}`,
    change: { ...change, gradientCheckpointing: true },
  }));
  return [batches, checkpointing, storage, lengths, adapter, both, all];
}

/** Returns `value` halved again and again down to `least`. */
function halves(value: number, least: number): number[] {
  const result: number[] = [];
  for (let half = Math.floor(value / 2); half >= least; half = Math.floor(half / 2)) {
    result.push(half);
  }
  return result;
}
