/**
 * Settings that do nothing beside others: whoever gives one is told.
 *
 * @module
 */

import type { TrainingConfig } from "./config.ts";
import type { OptimizerName } from "./optimizers/optimizer.ts";
import type { Schedule } from "./schedule.ts";

/** When a setting does something. */
interface Condition {
  /** What it takes, in words. */
  readonly needs: string;
  /** Whether that is so. */
  readonly isMet: (config: TrainingConfig) => boolean;
}

const CONDITIONS: { readonly [K in keyof TrainingConfig]?: Condition } = {
  evalSteps: {
    needs: "evalDataset or evalSplit",
    isMet: ({ evalDataset, evalSplit }) => evalDataset !== null || evalSplit !== null,
  },
  sampleSteps: {
    needs: "samplePrompts",
    isMet: ({ samplePrompts }) => samplePrompts.length > 0,
  },
  trackerProject: { needs: "trackers", isMet: ({ trackers }) => trackers.length > 0 },
  trackerRunName: { needs: "trackers", isMet: ({ trackers }) => trackers.length > 0 },
  minLrRate: ofSchedules(
    "cosine",
    "cosine-with-min-lr",
    "cosine-warmup-with-min-lr",
    "cosine-with-restarts",
    "polynomial",
    "wsd",
  ),
  lrDecaySteps: ofSchedules("wsd"),
  lrDecayType: ofSchedules("wsd"),
  lrCycles: ofSchedules(
    "cosine",
    "cosine-with-min-lr",
    "cosine-warmup-with-min-lr",
    "cosine-with-restarts",
  ),
  lrPower: ofSchedules("polynomial"),
  lrTimescale: ofSchedules("inverse-sqrt"),
  adamBeta1: ofOptimizers("adamw", "lion", "muon"),
  adamBeta2: ofOptimizers("adamw", "lion", "muon"),
  adamEpsilon: ofOptimizers("adamw", "muon"),
  momentum: ofOptimizers("sgd", "muon"),
  nesterov: ofOptimizers("sgd", "muon"),
  adafactorVariant: ofOptimizers("adafactor"),
  adafactorScaleParameter: ofOptimizers("adafactor"),
  adafactorBeta1: {
    needs: 'optimizer "adafactor" of variant "transformers"',
    isMet: ({ optimizer, adafactorVariant }) =>
      optimizer === "adafactor" && adafactorVariant === "transformers",
  },
  muonLearningRate: ofOptimizers("muon"),
  muonAdjustment: ofOptimizers("muon"),
};

/** Returns what the setting `key` needs to do anything, where that is not there. */
export function idleBecause(key: string, config: TrainingConfig): string | undefined {
  const conditions: Readonly<Record<string, Condition>> = CONDITIONS;
  const condition = Object.hasOwn(conditions, key) ? conditions[key] : undefined;
  return condition === undefined || condition.isMet(config) ? undefined : condition.needs;
}

function ofSchedules(...schedules: readonly Schedule[]): Condition {
  return {
    needs: `schedule ${quoted(schedules)}`,
    isMet: ({ schedule }) => schedules.includes(schedule),
  };
}

function ofOptimizers(...optimizers: readonly OptimizerName[]): Condition {
  return {
    needs: `optimizer ${quoted(optimizers)}`,
    isMet: ({ optimizer }) => optimizers.includes(optimizer),
  };
}

function quoted(names: readonly string[]): string {
  return names.map((name) => `"${name}"`).join(" or ");
}
