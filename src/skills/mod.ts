/**
 * Skills: tasks that are generated, each with a scorer.
 *
 * @example
 * ```ts
 * import { binaryArithmetic } from "./mod.ts";
 * import { createRandom } from "../utils/random.ts";
 *
 * const item = binaryArithmetic.generate(createRandom(1), 2);
 * if (!binaryArithmetic.score(item, item.answer).correct) throw new Error("its own answer is right");
 * ```
 *
 * @module
 */

export { arithmetic, type ArithmeticItem } from "./arithmetic.ts";
export {
  BINARY_OPERATIONS,
  binaryArithmetic,
  type BinaryItem,
  type BinaryOperation,
} from "./binary_arithmetic.ts";
export {
  advanceCurriculum,
  CURRICULUM_START,
  type CurriculumAlarm,
  type CurriculumRules,
  type CurriculumState,
  type CurriculumStep,
  DEFAULT_CURRICULUM,
  type LevelResult,
} from "./curriculum.ts";
export { letterCounting, type LetterCountingItem } from "./letter_counting.ts";
export { lineageOf, type RowsLineage } from "./lineage.ts";
export { isSkillSpecifier, openSkill, type OpenSkillOptions, SKILLS } from "./open_skill.ts";
export {
  formatRow,
  generateItems,
  type GenerateItemsOptions,
  ROW_FORMATS,
  type RowFormat,
} from "./rows.ts";
export type { Score, Skill, SkillItem, Turn } from "./skill.ts";
export type { JsonObject } from "../utils/json.ts";
export { createRandom, type Random, type RandomState } from "../utils/random.ts";
export { sorting, type SortingItem } from "./sorting.ts";
export { scoreSyllo, syllo, type SylloItem } from "./syllo.ts";
export { type SylloRecordItem, sylloRecordItem, sylloRecords } from "./syllo_records.ts";
export { SYLLO_SHAPES, type SylloAnswer, type SylloShape } from "./syllo_shapes.ts";
export type { SylloWord } from "./syllo_words.ts";
export { tinyWorld, type TinyWorldItem } from "./tiny_world.ts";
