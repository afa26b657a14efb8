/**
 * Skills: tasks that a program makes and marks, so that there is always more training data and an honest score.
 *
 * @module
 */

import type { Random } from "../utils/random.ts";

/** A turn of a conversation. */
export interface Turn {
  /** Who speaks. */
  readonly role: "user" | "assistant";
  /** What is said. */
  readonly content: string;
}

/** One task with its answer. */
export interface SkillItem {
  /** What was said before. */
  readonly history: readonly Turn[];
  /** What is asked. */
  readonly prompt: string;
  /** An answer that scores as correct. */
  readonly answer: string;
}

/** The verdict on an answer. */
export interface Score {
  /** Whether the answer is right in content and form. */
  readonly correct: boolean;
  /** What is wrong, or that nothing is. */
  readonly reason: string;
}

/** A task that can be made at several levels and marked. */
export interface Skill<Item extends SkillItem = SkillItem> {
  /** What it is called. */
  readonly name: string;
  /** One line about it. */
  readonly description: string;
  /** The hardest level; 1 is the easiest. */
  readonly levels: number;
  /** Makes an item; the same `random` gives the same item. */
  generate(random: Random, level: number): Item;
  /** Marks what was answered; any text has a score. */
  score(item: Item, text: string): Score;
}

/**
 * Marks an answer with a scorer that may be someone else's.
 *
 * @throws {Error} If the scorer fails or gives no verdict: that is no wrong answer.
 */
export function scoreSafely(
  skill: Pick<Skill, "name" | "score">,
  item: SkillItem,
  text: string,
): Score {
  let score: unknown;
  try {
    score = skill.score(item, text);
  } catch (error) {
    throw new Error(`Cannot mark an answer: the scorer of "${skill.name}" fails`, { cause: error });
  }
  if (typeof score === "object" && score !== null && "correct" in score) {
    const { correct, reason = "" } = score as { correct: unknown; reason?: unknown };
    if (typeof correct === "boolean") return { correct, reason: String(reason) };
  }
  throw new Error(`Cannot mark an answer: the scorer of "${skill.name}" gives no verdict`);
}

/** The score of a right answer. */
export const CORRECT: Score = { correct: true, reason: "correct" };

/** Returns the score of a wrong answer. */
export function incorrect(reason: string): Score {
  return { correct: false, reason };
}

/**
 * Checks a level.
 *
 * @throws {RangeError} If the skill does not have it.
 */
export function checkLevel(
  skill: { readonly name: string; readonly levels: number },
  level: number,
): void {
  if (!Number.isInteger(level) || level < 1 || level > skill.levels) {
    throw new RangeError(
      `Cannot make items of "${skill.name}" as the level must be from 1 to ${skill.levels}: current value is ${level}`,
    );
  }
}
