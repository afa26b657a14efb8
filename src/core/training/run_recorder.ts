/**
 * Everything that is told of a run while it is made: to its folder, to trackers and to whoever started it.
 *
 * @module
 */

import { basename } from "node:path";
import type { Dataset } from "../../datasets/dataset.ts";
import type { Checkpoint } from "../../models/checkpoint/open.ts";
import { countParameters } from "../../models/language_model.ts";
import {
  type DataRole,
  hostInfo,
  programVersions,
  readRunInfo,
  type RunData,
  type RunInfo,
  saveRunInfo,
} from "../../monitoring/runs/run_info.ts";
import { RunLog } from "../../monitoring/runs/run_log.ts";
import type { StepMetrics } from "../../monitoring/runs/run_files.ts";
import { openTrackers, type TrackerSet } from "../../monitoring/trackers/open_trackers.ts";
import type { TrackerSettings } from "../../monitoring/trackers/settings.ts";
import type { Clock } from "../../utils/clock.ts";
import { messageOf, UserError } from "../../utils/errors.ts";
import type { JsonObject } from "../../utils/json.ts";
import type { TrainingConfig } from "./config.ts";
import type { Progress } from "./loop.ts";
import type { TrainingModel } from "./prepare.ts";
import type { RunPlan } from "./run_plan.ts";
import type { Sample } from "./sample.ts";
import type { BestCheckpoint, TrainEvent } from "./train_event.ts";

/** Options of {@linkcode openRecorder}. */
export interface RecorderOptions {
  /** Folder of the run. */
  readonly output: string;
  /** Its settings. */
  readonly config: TrainingConfig;
  /** The checkpoint that it continues. */
  readonly checkpoint: Checkpoint | undefined;
  /** The model. */
  readonly prepared: TrainingModel;
  /** What the run will do. */
  readonly plan: RunPlan;
  /** What it is trained on. */
  readonly dataset: Dataset;
  /** What it is evaluated on. */
  readonly evalDataset: Dataset | undefined;
  /** Where it is shown besides. */
  readonly trackers: readonly TrackerSettings[];
  /** Told of what happens. */
  readonly onEvent: (event: TrainEvent) => void;
  /** Reads the time. */
  readonly clock: Clock;
}

/** How a run ended that did not fail. */
export interface RunEnd {
  /** Whether it was asked to end. */
  readonly interrupted: boolean;
  /** The checkpoint with the lowest loss, where evaluations did not become better. */
  readonly best: BestCheckpoint | undefined;
}

/** Opens the logs of a run; metrics of steps that will be made again are cut off. */
export async function openRecorder(options: RecorderOptions): Promise<RunRecorder> {
  const { output, clock, checkpoint } = options;
  const info = await describe(options);
  const log = new RunLog(output, { metricsBytes: checkpoint?.trainer.metricsBytes ?? 0, clock });
  return new RunRecorder(options, { info, log });
}

/** Tells of a run. */
export class RunRecorder implements AsyncDisposable {
  readonly #options: RecorderOptions;
  readonly #info: RunInfo;
  readonly #log: RunLog;
  readonly #startStep: number;
  #trackers: TrackerSet | undefined;
  #step: number;
  #started = false;

  /** Takes the open logs. */
  constructor(
    options: RecorderOptions,
    { info, log }: { readonly info: RunInfo; readonly log: RunLog },
  ) {
    this.#options = options;
    this.#info = info;
    this.#log = log;
    this.#startStep = options.checkpoint?.trainer.step ?? 0;
    this.#step = this.#startStep;
  }

  /** The length of the metrics. */
  get metricsBytes(): number {
    return this.#log.metricsBytes;
  }

  /** Everything is ready: the first step comes next. */
  async started(): Promise<void> {
    const { output, plan, prepared: { trainee }, dataset, config, onEvent } = this.#options;
    const [step, info, totalSteps] = [this.#startStep, this.#info, config.maxSteps ?? 0];
    const { device, deviceReason } = plan;
    await saveRunInfo(output, info);
    this.#log.event(step === 0 ? "started" : "resumed", {
      ...{ step, totalSteps, device, deviceReason, pid: Deno.pid, versions: info.versions },
    });
    this.#started = true;
    this.#trackers = openTrackers(this.#options.trackers, {
      run: { folder: output, info, config: config as unknown as JsonObject, startStep: step },
      onProblem: (tracker, message) => this.#trackerFailed(tracker, message),
    });
    onEvent({
      kind: "started",
      output,
      modelType: trainee.model.modelType,
      parameters: info.model.parameters,
      trainedParameters: info.model.trainedParameters,
      device,
      deviceReason,
      data: dataset.statistics,
      step,
      totalSteps,
    });
  }

  /** An optimizer step was made. */
  step(metrics: StepMetrics, { bestEvaluation }: Progress): void {
    const { step, eval_loss: loss } = metrics;
    this.#step = step;
    this.#log.step(metrics);
    if (loss !== undefined) {
      this.#log.event("evaluated", { step, loss, best: bestEvaluation?.step === step });
    }
    this.#options.onEvent({
      kind: "step",
      metrics,
      totalSteps: this.#options.config.maxSteps ?? 0,
    });
    this.#trackers?.notify();
  }

  /** The model was asked to continue a text. */
  sample(sample: Sample & { readonly step: number }): void {
    this.#log.event("sample", { ...sample });
    this.#options.onEvent({ kind: "sample", ...sample });
    this.#trackers?.notify();
  }

  /** A checkpoint was saved as `path`. */
  saved(step: number, path: string): void {
    this.#log.event("saved", { step, path });
    this.#options.onEvent({ kind: "saved", step, path });
  }

  /** The run has ended. */
  async ended(step: number, { interrupted, best }: RunEnd): Promise<void> {
    if (best === undefined) this.#log.event(interrupted ? "interrupted" : "finished", { step });
    else this.#log.event("stopped", { step, best });
    await this.#trackers?.finish(interrupted ? "interrupted" : "finished");
    if (best !== undefined) this.#options.onEvent({ kind: "stopped", step, best });
  }

  /** The run has failed. What failed first is what is told, even where a full disk keeps it from being logged. */
  async failed(error: unknown): Promise<void> {
    // A resume that is refused before it begins leaves the run as it was.
    if (this.#startStep > 0 && !this.#started) return;
    try {
      this.#log.event("failed", { step: this.#step, error: messageOf(error) });
    } catch (failure) {
      if (!(failure instanceof UserError)) throw failure;
    }
    await this.#trackers?.finish("failed");
  }

  /** Closes the logs. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#trackers?.[Symbol.asyncDispose]();
    this.#log[Symbol.dispose]();
  }

  #trackerFailed(tracker: string, message: string): void {
    this.#log.event("tracker", { step: this.#step, tracker, problem: message });
    this.#options.onEvent({ kind: "warning", message: `tracker ${tracker}: ${message}` });
  }
}

/** Puts together what the run is made with; one that is continued stays the same run. */
async function describe(options: RecorderOptions): Promise<RunInfo> {
  const { output, config, prepared: { trainee }, plan, dataset, evalDataset, clock } = options;
  const before = await readRunInfo(output);
  const heldOut = evalDataset === undefined ? [] : [dataOf("eval", evalDataset)];
  return {
    id: basename(output),
    uid: before?.uid ?? crypto.randomUUID(),
    created: before?.created ?? new Date(clock()).toISOString(),
    versions: programVersions(),
    host: hostInfo(),
    device: plan.device,
    deviceReason: plan.deviceReason,
    model: {
      name: config.model,
      type: trainee.model.modelType,
      parameters: countParameters(trainee.model),
      trainedParameters: countParameters({ weights: trainee.parameters }),
    },
    data: [dataOf("train", dataset), ...heldOut],
    totalSteps: config.maxSteps ?? 0,
  };
}

function dataOf(role: DataRole, dataset: Dataset): RunData {
  const { path, sha256, statistics } = dataset;
  const { rows, examples, tokens, trainedTokens } = statistics;
  const files = dataset.files.map(({ path, sha256 }) => ({ path, sha256 }));
  return { role, path, sha256, files, rows, examples, tokens, trainedTokens };
}
