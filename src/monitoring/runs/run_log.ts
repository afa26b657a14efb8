/**
 * What a run writes about itself while it is made.
 *
 * @module
 */

import { join } from "node:path";
import type { Clock } from "../../utils/clock.ts";
import { JsonLinesWriter } from "./json_lines.ts";
import { EVENTS_FILE, METRICS_FILE, type RunEventKind, type StepMetrics } from "./run_files.ts";

/** Options of {@linkcode RunLog}. */
export interface RunLogOptions {
  /** What metrics hold beyond this length is cut off: steps that are made again after a resume. */
  readonly metricsBytes: number;
  /** Reads the time. */
  readonly clock: Clock;
}

/** Appends lines to the metrics and events of a run. */
export class RunLog implements Disposable {
  readonly #metrics: JsonLinesWriter;
  readonly #events: JsonLinesWriter;
  readonly #clock: Clock;

  /** Opens the logs in `folder`. */
  constructor(folder: string, { metricsBytes, clock }: RunLogOptions) {
    this.#events = new JsonLinesWriter(join(folder, EVENTS_FILE));
    this.#metrics = new JsonLinesWriter(join(folder, METRICS_FILE), { keepBytes: metricsBytes });
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
  event(event: RunEventKind, details: Readonly<Record<string, unknown>> = {}): void {
    this.#events.append({ time: new Date(this.#clock()).toISOString(), event, ...details });
  }

  /** Closes the files. */
  [Symbol.dispose](): void {
    this.#metrics[Symbol.dispose]();
    this.#events[Symbol.dispose]();
  }
}
