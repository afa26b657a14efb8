/**
 * A curriculum: from the results at each level to the level to train next. Up when a level is mastered with confidence,
 * down when an earlier one is forgotten, an alarm when nothing is learnt.
 *
 * @module
 */

/** When to go up and down. */
export interface CurriculumRules {
  /** The accuracy at which a level is mastered. */
  readonly threshold: number;
  /** Evaluations in a row that must show it. */
  readonly evaluations: number;
  /** Probability with which the true accuracy of them together must reach the threshold's margin. */
  readonly confidence: number;
  /** An earlier level is forgotten where its accuracy is surely below the threshold less this. */
  readonly forgetting: number;
  /** Evaluations in a row without any right answer that raise an alarm. */
  readonly flatEvaluations: number;
  /** The hardest level. */
  readonly levels: number;
}

/** Rules unless told otherwise; `levels` is the skill's. */
export const DEFAULT_CURRICULUM: Omit<CurriculumRules, "levels"> = {
  threshold: 0.8,
  evaluations: 3,
  confidence: 0.95,
  forgetting: 0.1,
  flatEvaluations: 3,
};

/** What an evaluation at a level found. */
export interface LevelResult {
  /** The level. */
  readonly level: number;
  /** Right answers. */
  readonly correct: number;
  /** Items that have an answer; errors are none. */
  readonly total: number;
  /** The step of training. */
  readonly step: number;
}

/** Where a curriculum stands; plain JSON. */
export interface CurriculumState {
  /** The level to train. */
  readonly level: number;
  /** Results since the level began; those at earlier levels too. */
  readonly history: readonly LevelResult[];
}

/** What is wrong. */
export type CurriculumAlarm = "flat-zero" | "forgotten";

/** What an evaluation leads to. */
export interface CurriculumStep {
  /** Where the curriculum stands now. */
  readonly state: CurriculumState;
  /** What happens to the level. */
  readonly move: "up" | "down" | "stay";
  /** What is wrong. */
  readonly alarm?: CurriculumAlarm;
  /** Why, in one sentence. */
  readonly reason: string;
}

/** Where a curriculum begins. */
export const CURRICULUM_START: CurriculumState = { level: 1, history: [] };

/** Results that are kept. */
const KEPT_RESULTS = 100;

/** Takes in the result of an evaluation, of the current level or an earlier one. */
export function advanceCurriculum(
  state: CurriculumState,
  result: LevelResult,
  rules: CurriculumRules,
): CurriculumStep {
  const { level, total, correct } = result;
  if (level > state.level || level < 1) {
    throw new RangeError(
      `Cannot take in a result of level ${level}: the curriculum is at level ${state.level}`,
    );
  }
  if (total === 0) {
    return { state, move: "stay", reason: "no item has an answer: nothing is known" };
  }
  const history = [...state.history, result].slice(-KEPT_RESULTS);
  const recent = history.filter((each) => each.level === level).slice(-rules.evaluations);
  return level < state.level
    ? checkForgetting({ ...state, history }, { result, recent, rules })
    : checkMastery({ ...state, history }, { correct, recent, rules });
}

interface Evidence {
  readonly recent: readonly LevelResult[];
  readonly rules: CurriculumRules;
}

/** One bad evaluation does not show forgetting: the upper bound of what the recent ones allow must be low. */
function checkForgetting(
  state: CurriculumState,
  { result: { level }, recent, rules }: Evidence & { readonly result: LevelResult },
): CurriculumStep {
  const { threshold, forgetting, confidence } = rules;
  const upper = wilson(sumOf(recent), confidence).upper;
  if (upper >= threshold - forgetting) {
    return { state, move: "stay", reason: `level ${level} is still known` };
  }
  return {
    state: { level, history: [] },
    move: "down",
    alarm: "forgotten",
    reason: `level ${level} is forgotten: at most ${percent(upper)} right`,
  };
}

function checkMastery(
  state: CurriculumState,
  { correct, recent, rules }: Evidence & { readonly correct: number },
): CurriculumStep {
  const { threshold, evaluations, confidence, flatEvaluations, levels } = rules;
  const { level, history } = state;
  const flat = history.filter((each) => each.level === level).slice(-flatEvaluations);
  if (correct === 0 && flat.length === flatEvaluations && flat.every((it) => it.correct === 0)) {
    return {
      ...{ state, move: "stay", alarm: "flat-zero" },
      reason: `not one right answer in ${flatEvaluations} evaluations of level ${level}`,
    };
  }
  if (recent.length < evaluations) {
    return { state, move: "stay", reason: `${recent.length} of ${evaluations} evaluations` };
  }
  const sum = sumOf(recent);
  const accuracy = sum.correct / sum.total;
  const { lower } = wilson(sum, confidence);
  const margin = threshold - rules.forgetting;
  const isMastered = recent.every((each) => each.correct / each.total >= margin) &&
    accuracy >= threshold && lower >= margin;
  if (!isMastered) {
    return {
      state,
      move: "stay",
      reason: `${percent(accuracy)} right, ${percent(lower)} for sure; ${percent(threshold)} and ${
        percent(margin)
      } are asked`,
    };
  }
  if (level === levels) return { state, move: "stay", reason: "the hardest level is mastered" };
  return {
    state: { level: level + 1, history: [] },
    move: "up",
    reason: `${percent(accuracy)} right over ${evaluations} evaluations`,
  };
}

function sumOf(
  results: readonly LevelResult[],
): { readonly correct: number; readonly total: number } {
  return {
    correct: results.reduce((sum, each) => sum + each.correct, 0),
    total: results.reduce((sum, each) => sum + each.total, 0),
  };
}

/** Quantiles of the normal distribution for one-sided bounds. */
const QUANTILES: readonly (readonly [confidence: number, z: number])[] = [
  [0.99, 2.3263],
  [0.975, 1.96],
  [0.95, 1.6449],
  [0.9, 1.2816],
  [0, 0.8416],
];

/** One-sided bounds of a proportion (Wilson, 1927). */
function wilson(
  { correct, total }: { readonly correct: number; readonly total: number },
  confidence: number,
): { readonly lower: number; readonly upper: number } {
  const z = QUANTILES.find(([each]) => confidence >= each)![1];
  const p = correct / total;
  const middle = p + z * z / (2 * total);
  const spread = z * Math.sqrt(p * (1 - p) / total + z * z / (4 * total * total));
  const scale = 1 + z * z / total;
  return { lower: (middle - spread) / scale, upper: (middle + spread) / scale };
}

function percent(part: number): string {
  return `${(100 * part).toFixed(1)} %`;
}
