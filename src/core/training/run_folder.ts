/**
 * The files of a run besides its checkpoints: settings, metrics and events.
 *
 * @module
 */

import { join } from "node:path";
import { writeFileAtomic } from "../../utils/atomic_file.ts";
import type { Clock } from "../../utils/clock.ts";
import { fileError } from "../../utils/file_error.ts";
import { readJsonFile } from "../../utils/json.ts";
import { parseTrainingConfig, type TrainingConfig } from "./config.ts";

/** The file of a run's settings. */
export const RUN_CONFIG_FILE = "config.json";

/** The file with one JSON object for each optimizer step. */
export const METRICS_FILE = "metrics.jsonl";

/** The file with one JSON object for each thing that happened. */
export const EVENTS_FILE = "events.jsonl";

/** What is logged of one optimizer step. */
export interface StepMetrics {
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
  /** Tokens trained in this step. */
  readonly trained_tokens: number;
  /** Tokens read per second of this step, padding not counted. */
  readonly tokens_per_second: number;
  /** Mean loss of the evaluation data, where it was evaluated after this step. */
  readonly eval_loss?: number;
}

/** Saves the settings of a run. */
export async function saveRunConfig(folder: string, config: TrainingConfig): Promise<void> {
  await writeFileAtomic(join(folder, RUN_CONFIG_FILE), `${JSON.stringify(config, null, 2)}\n`);
}

/** Reads the settings of a run; `undefined` if the folder holds none. */
export async function readRunConfig(folder: string): Promise<TrainingConfig | undefined> {
  const path = join(folder, RUN_CONFIG_FILE);
  try {
    await Deno.stat(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw fileError("read", path, error);
  }
  return parseTrainingConfig(await readJsonFile(path), path);
}

/** Appends lines to the metrics and events of a run. */
export class RunLog implements Disposable {
  readonly #metrics: LineFile;
  readonly #events: LineFile;
  readonly #clock: Clock;

  /** Opens the logs in `folder`; what metrics hold beyond `metricsBytes` is cut off. */
  constructor(
    folder: string,
    { metricsBytes, clock }: { readonly metricsBytes: number; readonly clock: Clock },
  ) {
    this.#metrics = new LineFile(join(folder, METRICS_FILE), metricsBytes);
    this.#events = new LineFile(join(folder, EVENTS_FILE));
    this.#clock = clock;
  }

  /** The length of the metrics. */
  get metricsBytes(): number {
    return this.#metrics.bytes;
  }

  /** Logs an optimizer step. */
  step(metrics: StepMetrics): void {
    this.#metrics.append(metrics);
  }

  /** Logs something that happened. */
  event(event: string, details: Readonly<Record<string, unknown>> = {}): void {
    this.#events.append({ time: new Date(this.#clock()).toISOString(), event, ...details });
  }

  /** Closes the files. */
  [Symbol.dispose](): void {
    this.#metrics[Symbol.dispose]();
    this.#events[Symbol.dispose]();
  }
}

/** A file of JSON lines. */
class LineFile implements Disposable {
  readonly #path: string;
  readonly #file: Deno.FsFile;
  #bytes: number;

  constructor(path: string, keepBytes?: number) {
    this.#path = path;
    try {
      this.#file = Deno.openSync(path, { create: true, write: true, read: true });
      const { size } = this.#file.statSync();
      this.#bytes = Math.min(size, keepBytes ?? size);
      this.#file.truncateSync(this.#bytes);
      this.#file.seekSync(this.#bytes, Deno.SeekMode.Start);
    } catch (error) {
      throw fileError("write", path, error);
    }
  }

  get bytes(): number {
    return this.#bytes;
  }

  append(value: unknown): void {
    let line = new TextEncoder().encode(`${JSON.stringify(value)}\n`);
    this.#bytes += line.length;
    try {
      while (line.length > 0) line = line.subarray(this.#file.writeSync(line));
    } catch (error) {
      throw fileError("write", this.#path, error);
    }
  }

  [Symbol.dispose](): void {
    this.#file.close();
  }
}
