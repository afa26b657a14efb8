/**
 * The training loop: read, step, log, evaluate, save, stop.
 *
 * @module
 */

import type { Dataset } from "../../datasets/dataset.ts";
import { createLoader, type StepBatches } from "../../datasets/loader.ts";
import type { BestEvaluation, DataCursor } from "../../models/checkpoint/trainer_state.ts";
import type { Clock } from "../../utils/clock.ts";
import { UserError } from "../../utils/errors.ts";
import { deriveSeed } from "../../utils/random.ts";
import type { StepMetrics } from "./run_folder.ts";
import { learningRateAt, type ScheduleOptions } from "./schedule.ts";
import type { Trainer } from "./trainer.ts";

/** Where a run stands. */
export interface Progress {
  /** Optimizer steps done. */
  readonly step: number;
  /** Passes over the data done, with their fraction. */
  readonly epoch: number;
  /** Where the next step begins to read. */
  readonly cursor: DataCursor;
  /** Tokens read, padding not counted. */
  readonly tokensSeen: number;
  /** Tokens whose prediction was trained. */
  readonly trainedTokensSeen: number;
  /** The evaluation with the lowest loss; null before the first one. */
  readonly bestEvaluation: BestEvaluation | null;
  /** Evaluations since then. */
  readonly evaluationsSinceBest: number;
}

/** What the loop works with. */
export interface LoopOptions {
  /** Changes the weights. */
  readonly trainer: Trainer;
  /** What to train on. */
  readonly dataset: Dataset;
  /** Rows of a micro-batch. */
  readonly batchSize: number;
  /** Micro-batches of a step. */
  readonly gradientAccumulationSteps: number;
  /** Whether each epoch has an order of its own. */
  readonly shuffle: boolean;
  /** Whether rows of about the same length share a micro-batch. */
  readonly groupByLength: boolean;
  /** Strength of noise on embeddings, with which rows of a micro-batch are not joined; null adds none. @default {null} */
  readonly neftuneAlpha?: number | null;
  /** Decides the orders. */
  readonly seed: number;
  /** Learning rates, and with them the number of steps. */
  readonly schedule: ScheduleOptions;
  /** Gradients with a larger norm are scaled down to it; 0 never does. */
  readonly maxGradNorm: number;
  /** Where to begin. */
  readonly start: Progress;
  /** Steps between checkpoints; null saves one at the end only. */
  readonly saveSteps: number | null;
  /** Steps between evaluations; null evaluates at the end only. */
  readonly evalSteps: number | null;
  /** Evaluations without a better loss after which the loop stops; null never stops early. */
  readonly earlyStoppingPatience: number | null;
  /** Returns the loss on the evaluation data; absent where there is none. */
  readonly evaluate?: (() => Promise<number>) | undefined;
  /** Steps between samples; null takes none. */
  readonly sampleSteps: number | null;
  /** Shows what the model writes after `step` steps; absent where nobody wants to see it. */
  readonly sample?: ((step: number) => Promise<void>) | undefined;
  /** Whether each checkpoint with the lowest loss of evaluations so far is saved. @default {if the loop may stop early} */
  readonly saveBest?: boolean;
  /** Told of each step. */
  readonly onStep: (metrics: StepMetrics, progress: Progress) => void;
  /** Saves a checkpoint; `supersededBest` was saved for no more than being the best so far, and is no longer. */
  readonly save: (
    progress: Progress,
    supersededBest: number | undefined,
  ) => Promise<void>;
  /** Whether a checkpoint is wanted now; asked once after each step. @default {never} */
  readonly isCheckpointWanted?: (() => boolean) | undefined;
  /** Asks the loop to save and end. */
  readonly signal?: AbortSignal | undefined;
  /** Reads the time. */
  readonly clock: Clock;
}

/** How a run ended. */
export interface LoopResult {
  /** Where it stands now. */
  readonly progress: Progress;
  /** Whether it was asked to end before it was done. */
  readonly interrupted: boolean;
  /** Whether it ended because evaluations had not become better for too long. */
  readonly stoppedEarly: boolean;
}

/**
 * Trains until all steps are done, evaluations do not become better or `signal` fires, and leaves a checkpoint of where it ends.
 *
 * @throws {UserError} If the loss or the gradients become NaN or infinite.
 */
export async function runLoop(options: LoopOptions): Promise<LoopResult> {
  const { trainer, schedule, saveSteps, evalSteps, evaluate, signal, clock } = options;
  const loader = createLoader(options.dataset, options);
  let progress = options.start;
  let saved = progress.step;
  const save = async (supersededBest?: number) => {
    if (saved !== progress.step) await options.save(progress, supersededBest);
    saved = progress.step;
  };
  let sampled: number | undefined;
  const sample = async () => {
    if (sampled !== progress.step) await options.sample?.(progress.step);
    sampled = progress.step;
  };
  const patience = options.earlyStoppingPatience ?? Infinity;
  const isStale = () => progress.evaluationsSinceBest >= patience;
  const keepsBest = options.saveBest ?? options.earlyStoppingPatience !== null;
  if (progress.step === 0) await sample();
  for (const batches of loader.steps(progress.cursor)) {
    if (progress.step >= schedule.totalSteps || isStale() || signal?.aborted) break;
    const startedMs = clock();
    const step = progress.step + 1;
    const learningRate = learningRateAt(step - 1, schedule);
    const { loss, gradNorm } = await trainStep(trainer, batches, {
      step,
      learningRate,
      maxGradNorm: options.maxGradNorm,
      seed: deriveSeed(options.seed, step),
    });
    progress = advance(progress, batches, loader.stepsPerEpoch);
    const seconds = Math.max(clock() - startedMs, 1) / 1000;
    const last = step === schedule.totalSteps;
    const evalLoss = evaluate !== undefined && isDue(step, evalSteps, last)
      ? await evaluate()
      : undefined;
    const bestBefore = progress.bestEvaluation?.step;
    if (evalLoss !== undefined) progress = noteEvaluation(progress, evalLoss);
    const metrics: StepMetrics = {
      time: new Date(clock()).toISOString(),
      step,
      epoch: progress.epoch,
      loss,
      grad_norm: gradNorm,
      learning_rate: learningRate,
      tokens: batches.tokens,
      trained_tokens: batches.trainedTokens,
      tokens_seen: progress.tokensSeen,
      tokens_per_second: batches.tokens / seconds,
      memory_bytes: Deno.memoryUsage().rss,
      ...(evalLoss === undefined ? {} : { eval_loss: evalLoss }),
    };
    options.onStep(metrics, progress);
    if (isDue(step, options.sampleSteps, last)) await sample();
    const isBest = keepsBest && evalLoss !== undefined && progress.bestEvaluation?.step === step;
    const superseded = isBest && bestBefore !== undefined && !isDue(bestBefore, saveSteps, false);
    const isWanted = options.isCheckpointWanted?.() ?? false;
    if (isWanted || isDue(step, saveSteps, last) || isBest) {
      await save(superseded ? bestBefore : undefined);
    }
  }
  await save();
  const done = progress.step >= schedule.totalSteps;
  const stoppedEarly = !done && isStale();
  if (stoppedEarly && progress.step > options.start.step) await sample();
  return { progress, interrupted: !done && !stoppedEarly, stoppedEarly };
}

/** Makes one optimizer step; its loss is the mean over the trained tokens of all its micro-batches. */
async function trainStep(
  trainer: Trainer,
  { microBatches, trainedTokens }: StepBatches,
  options: {
    readonly step: number;
    readonly learningRate: number;
    readonly maxGradNorm: number;
    readonly seed: number;
  },
): Promise<{ loss: number; gradNorm: number }> {
  const tokenWeight = trainedTokens > 0 ? 1 / trainedTokens : 0;
  let loss = 0;
  for (const [index, batch] of microBatches.entries()) {
    const seed = deriveSeed(options.seed, index);
    loss += await trainer.accumulate(batch, { tokenWeight, seed });
  }
  const { gradNorm, applied } = await trainer.update(options);
  if (!applied) {
    throw new UserError(
      `Cannot go on at step ${options.step}: the loss is ${loss} and the gradient norm ${gradNorm}; ` +
        `the weights of the step before were kept. Lower --learning-rate, or --max-grad-norm if it is 0`,
    );
  }
  return { loss, gradNorm };
}

function advance(
  progress: Progress,
  batches: StepBatches,
  stepsPerEpoch: number,
): Progress {
  const step = progress.step + 1;
  return {
    ...progress,
    step,
    epoch: step / stepsPerEpoch,
    cursor: batches.next,
    tokensSeen: progress.tokensSeen + batches.tokens,
    trainedTokensSeen: progress.trainedTokensSeen + batches.trainedTokens,
  };
}

function noteEvaluation(progress: Progress, loss: number): Progress {
  const { step, bestEvaluation, evaluationsSinceBest } = progress;
  const better = Number.isFinite(loss) && (bestEvaluation === null || loss < bestEvaluation.loss);
  return better
    ? { ...progress, bestEvaluation: { step, loss }, evaluationsSinceBest: 0 }
    : { ...progress, evaluationsSinceBest: evaluationsSinceBest + 1 };
}

function isDue(step: number, every: number | null, last: boolean): boolean {
  return last || (every !== null && step % every === 0);
}
