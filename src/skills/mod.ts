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

import { binaryArithmetic } from "./binary_arithmetic.ts";
import type { Skill } from "./skill.ts";
import { syllo } from "./syllo.ts";
import { tinyWorld } from "./tiny_world.ts";

export {
  BINARY_OPERATIONS,
  binaryArithmetic,
  type BinaryItem,
  type BinaryOperation,
} from "./binary_arithmetic.ts";
export {
  formatRow,
  generateItems,
  type GenerateItemsOptions,
  ROW_FORMATS,
  type RowFormat,
} from "./rows.ts";
export type { Score, Skill, SkillItem, Turn } from "./skill.ts";
export { createRandom, type Random, type RandomState } from "../utils/random.ts";
export { syllo, type SylloItem } from "./syllo.ts";
export type { SylloWord } from "./syllo_words.ts";
export { tinyWorld, type TinyWorldItem } from "./tiny_world.ts";

/** Every skill, by name. */
export const SKILLS: Readonly<Record<string, Skill>> = {
  [binaryArithmetic.name]: binaryArithmetic as Skill,
  [syllo.name]: syllo as Skill,
  [tinyWorld.name]: tinyWorld as Skill,
};
