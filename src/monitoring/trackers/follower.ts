/**
 * Shows a run by a tracker while it is made, without ever holding it up.
 *
 * The run writes its metrics and events to files, as it does anyway, and the follower reads them: what a tracker is
 * too slow for waits there, not in memory, and what it missed while it could not be reached is shown later, by the
 * process that resumes the run if need be.
 *
 * @module
 */

import { join } from "node:path";
import { messageOf } from "../../utils/errors.ts";
import { JsonLinesReader } from "../runs/json_lines.ts";
import { EVENTS_FILE, type LoggedMetrics, METRICS_FILE } from "../runs/run_files.ts";
import { isLoggedMetrics } from "../runs/read_metrics.ts";
import { SampleList } from "../runs/sample_list.ts";
import { limited } from "./limited.ts";
import { type RunOutcome, type Tracker, TrackerRefusal } from "./tracker.ts";

/** When a follower sends. */
export interface FollowerPace {
  /** Least time between two sendings. @default {1000} */
  readonly intervalMs?: number;
  /** Longest time that one sending may take. @default {10_000} */
  readonly timeoutMs?: number;
  /** Wait after the first failure; after each further one it is twice as long, up to a minute. @default {1000} */
  readonly minDelayMs?: number;
}

/** Options of {@linkcode Follower}. */
export interface FollowerOptions extends FollowerPace {
  /** Folder of the run. */
  readonly folder: string;
  /** Told once, when the tracker fails for the first time. */
  readonly onProblem: (message: string) => void;
}

/** Rows of one sending. */
const CHUNK = 200;

const MAX_DELAY_MS = 60_000;

/** While the run waits for what is left, it is tried again at least this often. */
const MAX_DELAY_AT_END_MS = 1_000;

/** Longest time that a run waits for a tracker that could not be reached when it was tried last. */
const MAX_WAIT_FOR_FAILING_MS = 3_000;

/** Follows one run for one tracker. */
export class Follower implements AsyncDisposable {
  readonly #tracker: Tracker;
  readonly #onProblem: (message: string) => void;
  readonly #pace: Required<FollowerPace>;
  readonly #metrics: JsonLinesReader;
  readonly #events: JsonLinesReader;
  readonly #samples = new SampleList();
  readonly #gaveUp = new AbortController();
  readonly #following: Promise<void>;
  #pending: LoggedMetrics[] = [];
  #sent = { step: 0, samples: 0 };
  #failures = 0;
  #toldProblem = false;
  #outcome: RunOutcome | undefined;
  #isNew = true;
  #wake = () => {};
  #wakeIfIdle = () => {};

  /** Begins to follow the run in `folder`. */
  constructor(tracker: Tracker, options: FollowerOptions) {
    const { folder, onProblem, intervalMs = 1000, timeoutMs = 10_000, minDelayMs = 1000 } = options;
    this.#tracker = tracker;
    this.#onProblem = onProblem;
    this.#pace = { intervalMs, timeoutMs, minDelayMs };
    this.#metrics = new JsonLinesReader(join(folder, METRICS_FILE));
    this.#events = new JsonLinesReader(join(folder, EVENTS_FILE));
    this.#following = this.#follow();
  }

  /** Takes notice of something new in the files. */
  notify(): void {
    this.#isNew = true;
    this.#wakeIfIdle();
  }

  /** Shows what is left and how the run ended; gives up after `limitMs`. */
  async finish(outcome: RunOutcome, limitMs: number): Promise<void> {
    this.#outcome = outcome;
    this.#wake();
    const waitMs = this.#failures > 0 ? Math.min(limitMs, MAX_WAIT_FOR_FAILING_MS) : limitMs;
    const timer = setTimeout(
      () => this.#giveUp(`not everything could be sent within ${waitMs / 1000} s`),
      waitMs,
    );
    await this.#following;
    clearTimeout(timer);
  }

  /** Ends at once. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#giveUp("the run has ended");
    await this.#following;
  }

  #giveUp(reason: string): void {
    this.#gaveUp.abort(new Error(reason));
    this.#wake();
  }

  async #follow(): Promise<void> {
    let opened = false;
    const { intervalMs, minDelayMs } = this.#pace;
    while (!this.#gaveUp.signal.aborted) {
      const outcome = this.#outcome; // before the files are read: then they are whole
      this.#isNew = false;
      try {
        if (!opened) await this.#open();
        opened = true;
        await this.#catchUp();
        if (outcome !== undefined) {
          return await this.#limited((signal) => this.#tracker.finish(outcome, signal));
        }
        this.#failures = 0;
        await this.#sleep(intervalMs);
        if (!this.#isNew) await this.#sleep(Infinity);
      } catch (error) {
        this.#tell(error);
        if (error instanceof TrackerRefusal || this.#gaveUp.signal.aborted) return;
        opened = false;
        const delayMs = Math.min(minDelayMs * 2 ** this.#failures++, MAX_DELAY_MS);
        await this.#sleep(
          this.#outcome === undefined ? delayMs : Math.min(delayMs, MAX_DELAY_AT_END_MS),
        );
      }
    }
  }

  async #open(): Promise<void> {
    await this.#limited(async (signal) => {
      const { step, samples } = await this.#tracker.open(signal);
      this.#sent = {
        step: Math.max(this.#sent.step, step),
        samples: Math.max(this.#sent.samples, samples),
      };
    });
  }

  async #catchUp(): Promise<void> {
    for (;;) {
      this.#pending = this.#pending.filter(({ step }) => step > this.#sent.step);
      const chunk = this.#pending.slice(0, CHUNK);
      if (chunk.length > 0) {
        await this.#limited((signal) => this.#tracker.log(chunk, signal));
        this.#sent = { ...this.#sent, step: chunk.at(-1)!.step };
        continue;
      }
      const rows = this.#metrics.read();
      if (rows.length === 0) break;
      this.#pending = rows.filter(isLoggedMetrics);
    }
    for (let events = this.#events.read(); events.length > 0; events = this.#events.read()) {
      for (const event of events) this.#samples.add(event);
    }
    const { all } = this.#samples;
    const fresh = all.slice(this.#sent.samples);
    if (fresh.length === 0) return;
    await this.#limited((signal) => this.#tracker.sample(fresh, { all, signal }));
    this.#sent = { ...this.#sent, samples: all.length };
  }

  #limited(work: (signal: AbortSignal) => Promise<void>): Promise<void> {
    return limited(work, { timeoutMs: this.#pace.timeoutMs, signal: this.#gaveUp.signal });
  }

  /** Waits, at most until the run ends; with `Infinity` until there is something new. */
  async #sleep(durationMs: number): Promise<void> {
    if (this.#outcome !== undefined && durationMs === Infinity) return;
    if (this.#gaveUp.signal.aborted) return;
    await new Promise<void>((resolve) => {
      const timer = durationMs === Infinity ? undefined : setTimeout(resolve, durationMs);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
      if (durationMs === Infinity) this.#wakeIfIdle = resolve;
    });
    this.#wake = this.#wakeIfIdle = () => {};
  }

  #tell(error: unknown): void {
    if (this.#toldProblem) return;
    this.#toldProblem = true;
    const ending = error instanceof TrackerRefusal
      ? "it is left out from here on"
      : "the run goes on without waiting for it; what it misses is sent when it can be reached, or later by: " +
        "llm-training run sync";
    this.#onProblem(`${messageOf(error)}; ${ending}`);
  }
}
