/**
 * What a run tells of itself while it goes on.
 *
 * @module
 */

import type { DatasetStatistics } from "../../datasets/dataset.ts";
import type { Device } from "../../engine/runtime/session.ts";
import type { BestEvaluation } from "../../models/checkpoint/trainer_state.ts";
import type { StepMetrics } from "../../monitoring/runs/run_files.ts";
import type { DataEvent } from "./data_event.ts";
import type { RunPlan } from "./run_plan.ts";

/** The checkpoint whose evaluation had the lowest loss. */
export interface BestCheckpoint extends BestEvaluation {
  /** Its folder. */
  readonly path: string;
}

/** Something that happened in a run. */
export type TrainEvent =
  | DataEvent
  | {
    /** What the run will do and take is known; nothing is allocated for it yet. */
    readonly kind: "planned";
    /** All of it. */
    readonly plan: RunPlan;
  }
  | {
    /** Everything is ready; the first step comes next. */
    readonly kind: "started";
    /** Folder of the run. */
    readonly output: string;
    /** Architecture. */
    readonly modelType: string;
    /** Parameters of the model. */
    readonly parameters: number;
    /** Parameters that are trained: all, or those of an adapter. */
    readonly trainedParameters: number;
    /** Where it runs, and why. */
    readonly device: Device;
    /** Why it runs there. */
    readonly deviceReason: string;
    /** What the data amounts to. */
    readonly data: DatasetStatistics;
    /** Steps done before, by the checkpoint that the run continues. */
    readonly step: number;
    /** Steps of the whole run. */
    readonly totalSteps: number;
  }
  | {
    /** An optimizer step was made. */
    readonly kind: "step";
    /** Its numbers. */
    readonly metrics: StepMetrics;
    /** Steps of the whole run. */
    readonly totalSteps: number;
  }
  | {
    /** The model was asked to continue a text. */
    readonly kind: "sample";
    /** Steps done. */
    readonly step: number;
    /** What was given. */
    readonly prompt: string;
    /** What it wrote. */
    readonly text: string;
  }
  | {
    /** A checkpoint was saved. */
    readonly kind: "saved";
    /** Steps done. */
    readonly step: number;
    /** Its folder. */
    readonly path: string;
  }
  | {
    /** The run ends, because evaluations had not become better for too long. */
    readonly kind: "stopped";
    /** Steps done. */
    readonly step: number;
    /** The checkpoint with the lowest loss. */
    readonly best: BestCheckpoint;
  }
  | {
    /** Something is odd. */
    readonly kind: "warning";
    /** What. */
    readonly message: string;
  };
