/**
 * A canary: a model that gets a share of an alias's requests, and is stopped when it does worse than it may.
 *
 * @module
 */

/** What a canary is given and held to. */
export interface CanarySettings {
  /** The model on trial. */
  readonly model: string;
  /** The share of the alias's requests that it gets, from 0 to 1. */
  readonly share: number;
  /** It is stopped when more of its requests have failed. */
  readonly maxErrors: number;
  /** It is stopped when a larger share of its requests has failed, after `minRequests`. */
  readonly maxErrorRate: number;
  /** It is stopped when its median latency passes the model's by this factor, after `minRequests`; null asks nothing. */
  readonly maxLatencyRatio: number | null;
  /** So many requests must have been answered before shares and medians are judged. */
  readonly minRequests: number;
}

/** What a canary is held to unless told otherwise. */
export const CANARY_DEFAULTS = {
  maxErrors: 5,
  maxErrorRate: 0.05,
  maxLatencyRatio: null,
  minRequests: 20,
} as const satisfies Omit<CanarySettings, "model" | "share">;

/** Who answered. */
export type TrialSide = "canary" | "baseline";

/** How requests of one side went. */
export interface SideCounts {
  /** Requests that were answered or failed; those that their client left are not counted. */
  readonly requests: number;
  /** Those that failed. */
  readonly errors: number;
  /** Time until an answer, or the first of a streamed one, was there; null before the first. */
  readonly latencyMs: { readonly median: number; readonly p95: number } | null;
}

/** A canary and how it does. */
export interface CanaryState extends CanarySettings {
  /** Whether it gets requests. */
  readonly state: "running" | "stopped";
  /** Why it gets none. */
  readonly reason: string | null;
  /** How its requests went. */
  readonly canary: SideCounts;
  /** How those went that the alias's model answered meanwhile. */
  readonly baseline: SideCounts;
}

/** How a request went. */
export interface Outcome {
  /** Who answered. */
  readonly side: TrialSide;
  /** Whether it failed. */
  readonly isError: boolean;
  /** Time until the answer was there. */
  readonly latencyMs?: number;
}

/** What a request knows of a canary. */
export interface Trial {
  /** The model on trial. */
  readonly model: string;
  /** Who is to answer this request. */
  readonly side: TrialSide;
  /** Takes note of how it went. */
  observe(outcome: Outcome): void;
}

/** The latencies that a median is made of: the last so many. */
const WINDOW = 1000;

/** A canary while it is tried. */
export class Canary {
  readonly #settings: CanarySettings;
  readonly #onStop: (reason: string) => void;
  readonly #sides = { canary: new Side(), baseline: new Side() };
  #reason: string | null = null;
  #asked = 0;

  /** Begins a trial; `onStop` is told why it ends by itself. */
  constructor(
    settings: CanarySettings,
    { onStop }: { readonly onStop: (reason: string) => void },
  ) {
    this.#settings = settings;
    this.#onStop = onStop;
  }

  /** What it is and how it does. */
  get state(): CanaryState {
    return {
      ...this.#settings,
      state: this.#reason === null ? "running" : "stopped",
      reason: this.#reason,
      canary: this.#sides.canary.counts,
      baseline: this.#sides.baseline.counts,
    };
  }

  /** Whether it gets requests. */
  get isRunning(): boolean {
    return this.#reason === null;
  }

  /** Ends the trial. */
  stop(reason: string): void {
    this.#reason ??= reason;
  }

  /** Says who answers the next request: of any n in a row the canary gets its share of n, rounded. */
  next(): Trial {
    const { share, model } = this.#settings;
    const due = (count: number) => Math.floor(count * share + 1e-9);
    const isCanary = due(this.#asked + 1) > due(this.#asked);
    this.#asked++;
    return {
      model,
      side: isCanary ? "canary" : "baseline",
      observe: (outcome) => this.#observe(outcome),
    };
  }

  #observe({ side, isError, latencyMs }: Outcome): void {
    this.#sides[side].add({ isError, ...(latencyMs === undefined ? {} : { latencyMs }) });
    const reason = this.#fault();
    if (reason === undefined || this.#reason !== null) return;
    this.#reason = reason;
    this.#onStop(reason);
  }

  /** Returns what is wrong with the canary. */
  #fault(): string | undefined {
    const { maxErrors, maxErrorRate, maxLatencyRatio, minRequests } = this.#settings;
    const { requests, errors } = this.#sides.canary;
    if (errors > maxErrors) return `${errors} requests failed, ${maxErrors} may`;
    if (requests < minRequests) return undefined;
    if (errors / requests > maxErrorRate) {
      return `${errors} of ${requests} requests failed, a share of ${maxErrorRate} may`;
    }
    if (maxLatencyRatio === null || this.#sides.baseline.requests < minRequests) return undefined;
    const median = this.#sides.canary.counts.latencyMs?.median;
    const usual = this.#sides.baseline.counts.latencyMs?.median;
    if (median === undefined || usual === undefined || median <= usual * maxLatencyRatio) {
      return undefined;
    }
    return `the median latency is ${round(median)} ms, the model's ${round(usual)} ms, ` +
      `of which ${maxLatencyRatio} times are allowed`;
  }
}

class Side {
  requests = 0;
  errors = 0;
  readonly #latencies: number[] = [];

  add({ isError, latencyMs }: Pick<Outcome, "isError" | "latencyMs">): void {
    if (isError) this.errors++;
    if (latencyMs !== undefined) {
      this.#latencies[this.requests % WINDOW] = latencyMs;
    }
    this.requests++;
  }

  get counts(): SideCounts {
    const sorted = this.#latencies.filter((each) => each !== undefined).toSorted((a, b) => a - b);
    const at = (share: number) => sorted[Math.ceil(share * sorted.length) - 1]!;
    return {
      requests: this.requests,
      errors: this.errors,
      latencyMs: sorted.length === 0 ? null : { median: at(0.5), p95: at(0.95) },
    };
  }
}

function round(ms: number): number {
  return Math.round(ms * 10) / 10;
}
