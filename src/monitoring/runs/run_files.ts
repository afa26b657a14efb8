/**
 * What lies in the folder of a run besides its checkpoints.
 *
 * @module
 */

/** The settings of a run, resolved. */
export const RUN_CONFIG_FILE = "config.json";

/** What a run was made with: versions, machine, device, model, data. */
export const RUN_INFO_FILE = "run.json";

/** One JSON object for each optimizer step. */
export const METRICS_FILE = "metrics.jsonl";

/** One JSON object for each thing that happened. */
export const EVENTS_FILE = "events.jsonl";

/** Held by the process that makes the run. */
export const LOCK_FILE = "run.lock";

/** What is logged of one optimizer step. */
export interface StepMetrics {
  /** When the step was done, in ISO 8601. */
  readonly time: string;
  /** Number of the step, counted from 1. */
  readonly step: number;
  /** Passes over the data done. */
  readonly epoch: number;
  /** Mean loss of the trained tokens. */
  readonly loss: number;
  /** Norm of the gradients before clipping. */
  readonly grad_norm: number;
  /** Learning rate. */
  readonly learning_rate: number;
  /** Tokens read in this step, padding not counted. */
  readonly tokens: number;
  /** Tokens trained in this step. */
  readonly trained_tokens: number;
  /** Tokens read since the run began. */
  readonly tokens_seen: number;
  /** Tokens read per second of this step. */
  readonly tokens_per_second: number;
  /** Memory of the process after the step. */
  readonly memory_bytes: number;
  /** Mean loss of the evaluation data, where it was evaluated after this step. */
  readonly eval_loss?: number;
}

/** What may be in a line of the metrics: those of before had fewer keys. */
export type LoggedMetrics = Pick<StepMetrics, "step"> & Partial<StepMetrics>;

/** Every kind of event. */
export const RUN_EVENTS = [
  "started",
  "resumed",
  "evaluated",
  "sample",
  "saved",
  "tracker",
  "stopped",
  "interrupted",
  "finished",
  "failed",
] as const;

/** A kind of event. */
export type RunEventKind = (typeof RUN_EVENTS)[number];

/** Something that happened in a run. */
export interface RunEvent {
  /** When, in ISO 8601. */
  readonly time: string;
  /** What. */
  readonly event: RunEventKind;
  /** Steps done. */
  readonly step?: number;
  /** The details of its kind. */
  readonly [detail: string]: unknown;
}
