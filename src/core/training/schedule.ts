/**
 * The learning rate of each optimizer step, as `transformers` computes it.
 *
 * @module
 */

import { defaultsOf, type SettingTable } from "../../utils/settings/setting.ts";

/** Every schedule. */
export const SCHEDULES = [
  "constant",
  "linear",
  "cosine",
  "cosine-with-min-lr",
  "cosine-warmup-with-min-lr",
  "cosine-with-restarts",
  "polynomial",
  "inverse-sqrt",
  "wsd",
] as const;

/** What the learning rate does after its warm-up. */
export type Schedule = (typeof SCHEDULES)[number];

/** The ways in which `wsd` (warm-up, stable, decay) decays. */
export const DECAY_TYPES = ["linear", "cosine", "1-sqrt"] as const;

/** How `wsd` decays. */
export type DecayType = (typeof DECAY_TYPES)[number];

/** What some schedules can be told besides; null takes what fits the schedule. */
export interface ScheduleShape {
  /**
   * The least learning rate after the warm-up, as a part of the highest; null takes 0.1 for the two schedules that are
   * named for it, else 0.
   */
  readonly minLrRate: number | null;
  /** Steps of the decay of `wsd`; null takes a fifth of the run. */
  readonly lrDecaySteps: number | null;
  /** How `wsd` decays. */
  readonly lrDecayType: DecayType;
  /** Waves of a cosine; null takes half of one, and with restarts 1. */
  readonly lrCycles: number | null;
  /** Exponent of `polynomial`. */
  readonly lrPower: number;
  /** Steps of `inverse-sqrt` after which the rate would be its highest; null takes those of the warm-up. */
  readonly lrTimescale: number | null;
}

/** The definition of each of them. */
export const SCHEDULE_SETTINGS: SettingTable<ScheduleShape> = {
  minLrRate: {
    kind: "number",
    min: 0,
    max: 1,
    default: null,
    otherwise: "0.1 of schedules with-min-lr, else 0",
    flag: "lr-min-rate",
    value: "part",
    help: "least learning rate, as a part of the highest",
  },
  lrDecaySteps: {
    kind: "integer",
    min: 0,
    default: null,
    otherwise: "a fifth of the run",
    value: "steps",
    help: "steps of the decay of wsd",
  },
  lrDecayType: {
    kind: "choice",
    choices: DECAY_TYPES,
    default: "linear",
    value: "type",
    help: "how wsd decays",
  },
  lrCycles: {
    kind: "number",
    min: 0,
    default: null,
    otherwise: "0.5, with restarts 1",
    help: "waves of a cosine",
  },
  lrPower: { kind: "number", min: 0, default: 1, help: "exponent of polynomial" },
  lrTimescale: {
    kind: "integer",
    min: 1,
    default: null,
    otherwise: "--warmup-steps",
    value: "steps",
    help: "steps after which inverse-sqrt is at its highest",
  },
};

/** What the shape of a schedule is where nothing else is said. */
export const DEFAULT_SCHEDULE_SHAPE: ScheduleShape = defaultsOf(SCHEDULE_SETTINGS) as ScheduleShape;

/** Options of {@linkcode learningRateAt}. */
export interface ScheduleOptions extends ScheduleShape {
  /** What the learning rate does after its warm-up. */
  readonly schedule: Schedule;
  /** The learning rate at its highest. */
  readonly learningRate: number;
  /** Steps over which it rises from 0. */
  readonly warmupSteps: number;
  /** Steps of the whole run. */
  readonly totalSteps: number;
}

/** The least rate where a schedule that is named for one is told none. */
const DEFAULT_MIN_LR_RATE = 0.1;

/** The part of a run in which `wsd` decays. */
const DECAY_PART = 0.2;

/** What `inverse-sqrt` takes where there is no warm-up. */
const DEFAULT_TIMESCALE = 10_000;

const DECAYS: Readonly<Record<DecayType, (progress: number) => number>> = {
  linear: (progress) => 1 - progress,
  cosine: (progress) => wave(progress, 0.5),
  "1-sqrt": (progress) => 1 - Math.sqrt(progress),
};

/** The factor of each schedule, where `progress` is the done part of what follows the warm-up. */
const FACTORS: Readonly<
  Record<Schedule, (step: number, options: ScheduleOptions, progress: number) => number>
> = {
  constant: () => 1,
  linear: (_step, _options, progress) => Math.max(0, 1 - progress),
  cosine: (_step, { lrCycles, minLrRate }, progress) =>
    raised(wave(progress, lrCycles ?? 0.5), minLrRate ?? 0),
  "cosine-with-min-lr": (_step, { lrCycles, minLrRate }, progress) =>
    raised(wave(progress, lrCycles ?? 0.5), minLrRate ?? DEFAULT_MIN_LR_RATE),
  // everything comes a step early, so that the first step has a rate and the last one the least
  "cosine-warmup-with-min-lr": (step, options) => {
    const { lrCycles, minLrRate } = options;
    const progress = progressAt(step + 1, options);
    return raised(wave(progress, lrCycles ?? 0.5), minLrRate ?? DEFAULT_MIN_LR_RATE);
  },
  "cosine-with-restarts": (_step, { lrCycles, minLrRate }, progress) =>
    raised(progress >= 1 ? 0 : wave((progress * (lrCycles ?? 1)) % 1, 0.5), minLrRate ?? 0),
  polynomial: (_step, { lrPower, minLrRate }, progress) =>
    raised(Math.max(0, 1 - progress) ** lrPower, minLrRate ?? 0),
  "inverse-sqrt": (step, { lrTimescale, warmupSteps }) => {
    const timescale = lrTimescale ?? (warmupSteps || DEFAULT_TIMESCALE);
    return 1 / Math.sqrt((step + timescale - warmupSteps) / timescale);
  },
  wsd: (step, { lrDecaySteps, lrDecayType, minLrRate, totalSteps }) => {
    const decaySteps = lrDecaySteps ?? Math.round(totalSteps * DECAY_PART);
    const progress = (step - (totalSteps - decaySteps)) / Math.max(1, decaySteps);
    return raised(DECAYS[lrDecayType](Math.min(1, Math.max(0, progress))), minLrRate ?? 0);
  },
};

/** Returns the learning rate of optimizer step `step`, counted from 0. */
export function learningRateAt(step: number, options: ScheduleOptions): number {
  const { schedule, learningRate, warmupSteps } = options;
  if (step < warmupSteps) return learningRate * warmup(step, options);
  return learningRate * FACTORS[schedule](step, options, progressAt(step, options));
}

function warmup(step: number, { schedule, warmupSteps, minLrRate }: ScheduleOptions): number {
  if (schedule === "cosine-warmup-with-min-lr") return (step + 1) / warmupSteps;
  const rise = step / warmupSteps;
  return schedule === "wsd" ? raised(rise, minLrRate ?? 0) : rise;
}

function progressAt(step: number, { warmupSteps, totalSteps }: ScheduleOptions): number {
  return (step - warmupSteps) / Math.max(1, totalSteps - warmupSteps);
}

/** A cosine from 1 down to 0, and up again if there are more waves than half of one. */
function wave(progress: number, cycles: number): number {
  return Math.max(0, 0.5 * (1 + Math.cos(2 * Math.PI * cycles * progress)));
}

/** Squeezes what goes from 1 to 0 so that it goes from 1 to `least`. */
function raised(factor: number, least: number): number {
  return factor * (1 - least) + least;
}
