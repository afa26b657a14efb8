import assert from "node:assert/strict";
import { learningRateAt, type Schedule } from "../../../src/core/training/schedule.ts";
import { testWithData } from "../../shared_data.ts";

interface GoldenSchedule {
  readonly name: string;
  readonly lr: number;
  readonly steps: number;
  readonly warmup_steps?: number;
  readonly num_cycles?: number;
  readonly lr_of_step: readonly number[];
}

/** transformers' names of our schedules. */
const NAMES: Readonly<Record<string, Schedule>> = {
  constant: "constant",
  constant_with_warmup: "constant",
  linear: "linear",
  cosine: "cosine",
};

testWithData(
  "learningRateAt() is what transformers computes",
  { data: "golden/schedules.json" },
  async (path) => {
    const { schedules } = JSON.parse(await Deno.readTextFile(path));
    let compared = 0;
    for (const golden of schedules as GoldenSchedule[]) {
      const schedule = NAMES[golden.name];
      if (schedule === undefined || golden.num_cycles !== undefined) continue;
      const { lr: learningRate, steps: totalSteps, warmup_steps: warmupSteps = 0 } = golden;
      const options = { schedule, learningRate, warmupSteps, totalSteps };
      // Beyond its end no step is made, and cosine would rise again there.
      golden.lr_of_step.slice(0, totalSteps).forEach((expected, step) => {
        assert.ok(Math.abs(learningRateAt(step, options) - expected) < 1e-14);
      });
      compared++;
    }
    assert.equal(compared, 5);
  },
);
