/**
 * The learning rate of each optimizer step, as `transformers` computes it.
 *
 * @module
 */

/** Every schedule. */
export const SCHEDULES = ["constant", "linear", "cosine"] as const;

/** What the learning rate does after its warm-up. */
export type Schedule = (typeof SCHEDULES)[number];

/** Options of {@linkcode learningRateAt}. */
export interface ScheduleOptions {
  /** What the learning rate does after its warm-up. */
  readonly schedule: Schedule;
  /** The learning rate at its highest. */
  readonly learningRate: number;
  /** Steps over which it rises from 0. */
  readonly warmupSteps: number;
  /** Steps of the whole run. */
  readonly totalSteps: number;
}

/** The factor after the warm-up, where `progress` is the done part of what follows it. */
const FACTORS: Readonly<Record<Schedule, (progress: number) => number>> = {
  constant: () => 1,
  linear: (progress) => Math.max(0, 1 - progress),
  cosine: (progress) => Math.max(0, 0.5 * (1 + Math.cos(Math.PI * progress))),
};

/** Returns the learning rate of optimizer step `step`, counted from 0. */
export function learningRateAt(step: number, options: ScheduleOptions): number {
  const { schedule, learningRate, warmupSteps, totalSteps } = options;
  if (step < warmupSteps) return learningRate * step / Math.max(1, warmupSteps);
  const progress = (step - warmupSteps) / Math.max(1, totalSteps - warmupSteps);
  return learningRate * FACTORS[schedule](progress);
}
