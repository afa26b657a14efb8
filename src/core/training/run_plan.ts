/**
 * A run as it is told before it begins: steps, learning rate, memory and disk.
 *
 * @module
 */

import { dirname } from "node:path";
import { type Dataset, sequenceCount } from "../../datasets/dataset.ts";
import type { DeviceChoice } from "../../engine/runtime/devices.ts";
import type { Device } from "../../engine/runtime/session.ts";
import { countParameters } from "../../models/language_model.ts";
import type { TrainingConfig } from "./config.ts";
import type { Preflight } from "./preflight.ts";
import type { TrainingModel } from "./prepare.ts";
import { freeDiskBytes } from "./rehearsal.ts";

/** What a run will do and take. */
export interface RunPlan extends Preflight {
  /** Where it runs. */
  readonly device: Device;
  /** Why it runs there. */
  readonly deviceReason: string;
  /** Parameters of the model. */
  readonly parameters: number;
  /** Optimizer steps. */
  readonly totalSteps: number;
  /** Rows of an optimizer step. */
  readonly effectiveBatch: number;
  /** Tokens of an optimizer step on average, padding not counted. */
  readonly tokensPerStep: number;
  /** How the learning rate goes. */
  readonly learningRate: {
    /** Its highest value. */
    readonly peak: number;
    /** Steps over which it rises. */
    readonly warmupSteps: number;
    /** What it does then. */
    readonly schedule: TrainingConfig["schedule"];
  };
  /** How many checkpoints there will be. */
  readonly checkpoints: number;
  /** What is free on the disk that they are saved to; `undefined` where the system does not tell. */
  readonly diskFreeBytes: number | undefined;
}

/** Options of {@linkcode describeRun}. */
export interface DescribeRunOptions {
  /** Settings with nothing left open. */
  readonly config: TrainingConfig & {
    readonly learningRate: number;
    readonly warmupSteps: number;
    readonly maxSteps: number;
  };
  /** Where it runs. */
  readonly choice: DeviceChoice;
  /** The model. */
  readonly prepared: TrainingModel;
  /** What it is trained on. */
  readonly dataset: Dataset;
  /** Folder of the run. */
  readonly output: string;
}

/** Puts together what a run will do and take. */
export async function describeRun(
  preflight: Preflight,
  { config, choice, prepared, dataset, output }: DescribeRunOptions,
): Promise<RunPlan> {
  const { maxSteps, saveSteps, keepCheckpoints } = config;
  const effectiveBatch = config.batchSize * config.gradientAccumulationSteps;
  const rows = Math.min(effectiveBatch, sequenceCount(dataset));
  const saved = saveSteps === null ? 1 : Math.ceil(maxSteps / saveSteps);
  const best = config.saveBest && config.evalSteps !== null ? 1 : 0;
  return {
    ...preflight,
    device: choice.device,
    deviceReason: choice.reason,
    parameters: countParameters(prepared.trainee.model),
    totalSteps: maxSteps,
    effectiveBatch,
    tokensPerStep: Math.round(dataset.statistics.tokens / sequenceCount(dataset) * rows),
    learningRate: {
      peak: config.learningRate,
      warmupSteps: config.warmupSteps,
      schedule: config.schedule,
    },
    checkpoints: Math.min(saved, keepCheckpoints ?? Infinity) + best,
    diskFreeBytes: await freeOnDiskOf(output),
  };
}

/** The run's folder may not exist yet. */
async function freeOnDiskOf(folder: string): Promise<number | undefined> {
  const free = await freeDiskBytes(folder);
  const parent = dirname(folder);
  return free === undefined && parent !== folder ? await freeOnDiskOf(parent) : free;
}
