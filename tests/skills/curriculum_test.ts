import assert from "node:assert/strict";
import {
  advanceCurriculum,
  CURRICULUM_START,
  type CurriculumState,
  type CurriculumStep,
  DEFAULT_CURRICULUM,
  type LevelResult,
} from "../../src/skills/mod.ts";
import { createRandom } from "../../src/utils/random.ts";

const RULES = { ...DEFAULT_CURRICULUM, levels: 10 };

/** Takes in results of 50 items, one after the other, at the level that is current then. */
function run(
  correct: readonly number[],
  from: CurriculumState = CURRICULUM_START,
): CurriculumStep[] {
  let state = from;
  return correct.map((right, step) => {
    const result: LevelResult = { level: state.level, correct: right, total: 50, step };
    const found = advanceCurriculum(state, result, RULES);
    state = found.state;
    return found;
  });
}

Deno.test("advanceCurriculum() goes up after three good evaluations, not before", () => {
  const steps = run([45, 46, 47, 45]);
  assert.deepEqual(steps.map(({ move }) => move), ["stay", "stay", "up", "stay"]);
  assert.equal(steps.at(-1)!.state.level, 2);
});

Deno.test("advanceCurriculum() stays where the average is good and the evidence thin", () => {
  const state: CurriculumState = { level: 1, history: [] };
  const few = [5, 5, 5].reduce<CurriculumStep>(
    ({ state }, correct, step) =>
      advanceCurriculum(state, { level: 1, correct: correct - 1, total: 5, step }, RULES),
    { state, move: "stay", reason: "" },
  );
  assert.equal(few.move, "stay");
  assert.deepEqual(run([50, 50, 20]).map(({ move }) => move), ["stay", "stay", "stay"]);
});

Deno.test("advanceCurriculum() does not run up the levels on results at chance", () => {
  const random = createRandom(1);
  let state = CURRICULUM_START;
  for (let step = 0; step < 300; step++) {
    const correct = Array.from({ length: 20 }, () => random.integer(2)).filter(Boolean).length;
    ({ state } = advanceCurriculum(state, { level: state.level, correct, total: 20, step }, RULES));
  }
  assert.equal(state.level, 1);
});

Deno.test("advanceCurriculum() goes down to a level that is forgotten, by more than one bad result", () => {
  const state: CurriculumState = { level: 4, history: [] };
  const one = advanceCurriculum(state, { level: 2, correct: 15, total: 20, step: 0 }, RULES);
  assert.deepEqual([one.move, one.alarm], ["stay", undefined]);
  const two = advanceCurriculum(one.state, { level: 2, correct: 2, total: 20, step: 1 }, RULES);
  assert.deepEqual([two.move, two.alarm, two.state.level], ["down", "forgotten", 2]);
});

Deno.test("advanceCurriculum() raises an alarm on flat zero, from the third evaluation on", () => {
  const alarms = run([0, 0, 0, 0, 1, 0]).map(({ alarm }) => alarm);
  assert.deepEqual(
    alarms,
    [undefined, undefined, "flat-zero", "flat-zero", undefined, undefined],
  );
});

Deno.test("advanceCurriculum() learns nothing from evaluations without answers", () => {
  const found = advanceCurriculum(
    CURRICULUM_START,
    { level: 1, correct: 0, total: 0, step: 0 },
    RULES,
  );
  assert.deepEqual([found.move, found.state], ["stay", CURRICULUM_START]);
});

Deno.test("advanceCurriculum() stays at the hardest level, and refuses levels above", () => {
  const top: CurriculumState = { level: 10, history: [] };
  assert.deepEqual(run([50, 50, 50], top).at(-1)!.state.level, 10);
  assert.throws(
    () => advanceCurriculum(top, { level: 11, correct: 1, total: 1, step: 0 }, RULES),
    RangeError,
  );
});
