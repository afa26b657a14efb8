import assert from "node:assert/strict";
import {
  type DecayType,
  DEFAULT_SCHEDULE_SHAPE,
  learningRateAt,
  type Schedule,
} from "../../../src/core/training/schedule.ts";
import { testWithData } from "../../shared_data.ts";

interface GoldenSchedule {
  readonly name: string;
  readonly lr: number;
  readonly steps: number;
  readonly warmup_steps?: number;
  readonly num_cycles?: number;
  readonly min_lr?: number;
  readonly min_lr_rate?: number;
  readonly min_lr_ratio?: number;
  readonly lr_end?: number;
  readonly power?: number;
  readonly num_decay_steps?: number;
  readonly decay_type?: DecayType;
  readonly lr_of_step: readonly number[];
}

/** transformers' names of our schedules. */
const NAMES: Readonly<Record<string, Schedule>> = {
  constant: "constant",
  constant_with_warmup: "constant",
  linear: "linear",
  cosine: "cosine",
  cosine_with_min_lr: "cosine-with-min-lr",
  cosine_warmup_with_min_lr: "cosine-warmup-with-min-lr",
  cosine_with_restarts: "cosine-with-restarts",
  polynomial: "polynomial",
  inverse_sqrt: "inverse-sqrt",
  warmup_stable_decay: "wsd",
};

testWithData(
  "learningRateAt() is what transformers computes",
  { data: "golden/schedules.json" },
  async (path) => {
    const { schedules } = JSON.parse(await Deno.readTextFile(path));
    for (const golden of schedules as GoldenSchedule[]) {
      const { lr: learningRate, steps: totalSteps, warmup_steps: warmupSteps = 0 } = golden;
      const least = golden.min_lr ?? golden.lr_end;
      const options = {
        ...DEFAULT_SCHEDULE_SHAPE,
        schedule: NAMES[golden.name]!,
        learningRate,
        warmupSteps,
        totalSteps,
        lrCycles: golden.num_cycles ?? null,
        minLrRate: golden.min_lr_rate ?? golden.min_lr_ratio ??
          (least === undefined ? null : least / learningRate),
        lrPower: golden.power ?? DEFAULT_SCHEDULE_SHAPE.lrPower,
        lrDecaySteps: golden.num_decay_steps ?? null,
        lrDecayType: golden.decay_type ?? DEFAULT_SCHEDULE_SHAPE.lrDecayType,
      };
      // Beyond its end no step is made, and cosine would rise again there.
      golden.lr_of_step.slice(0, totalSteps).forEach((expected, step) => {
        const error = Math.abs(learningRateAt(step, options) - expected);
        assert.ok(error < 1e-14, `${golden.name}: step ${step} is off by ${error}`);
      });
    }
    assert.equal(schedules.length, 14);
  },
);

Deno.test("learningRateAt() of wsd decays in the last fifth unless told otherwise", () => {
  const options = {
    ...DEFAULT_SCHEDULE_SHAPE,
    schedule: "wsd",
    learningRate: 1,
    warmupSteps: 2,
    totalSteps: 20,
  } as const;
  const rates = Array.from({ length: 20 }, (_, step) => learningRateAt(step, options));
  assert.deepEqual(rates, [0, 0.5, ...new Array(15).fill(1), 0.75, 0.5, 0.25]);
});
