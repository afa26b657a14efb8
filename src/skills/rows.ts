/**
 * Items of a skill as rows of a data set.
 *
 * @module
 */

import { createRandom } from "../utils/random.ts";
import { UserError } from "../utils/errors.ts";
import type { Skill, SkillItem } from "./skill.ts";

/** Forms of a row: a conversation, a prompt with its completion, or plain text. */
export const ROW_FORMATS = ["messages", "prompt-completion", "text"] as const;

/** Form of a row. */
export type RowFormat = (typeof ROW_FORMATS)[number];

/** Options of {@linkcode generateItems}. */
export interface GenerateItemsOptions {
  /** How many. */
  readonly count: number;
  /** The same seed gives the same items. */
  readonly seed: number;
  /** From 1 to the skill's `levels`. */
  readonly level: number;
}

/** How often in a row an item may be one that was there before. */
const PATIENCE = 1000;

/**
 * Makes items that all differ.
 *
 * @throws {UserError} If the level has no more items.
 */
export function* generateItems<Item extends SkillItem>(
  skill: Skill<Item>,
  options: GenerateItemsOptions,
): Generator<Item> {
  const { count, seed, level } = options;
  const random = createRandom(seed);
  const seen = new Set<string>();
  for (let repeats = 0; seen.size < count;) {
    const item = skill.generate(random, level);
    const key = JSON.stringify([item.history, item.prompt, item.answer]);
    if (!seen.has(key)) {
      seen.add(key);
      repeats = 0;
      yield item;
    } else if (++repeats === PATIENCE) {
      throw new UserError(
        `Cannot generate ${count} rows of "${skill.name}": level ${level} has only about ${seen.size} different ones; ask for fewer, or for another of its ${skill.levels} levels`,
      );
    }
  }
}

/** Writes `item` as a row. */
export function formatRow(
  item: SkillItem,
  format: RowFormat,
): Readonly<Record<string, unknown>> {
  const turns = [...item.history, { role: "user", content: item.prompt }];
  const before = turns.map(({ content }) => content).join("\n");
  switch (format) {
    case "messages":
      return { messages: [...turns, { role: "assistant", content: item.answer }] };
    case "prompt-completion":
      return { prompt: `${before}\n`, completion: item.answer };
    case "text":
      return { text: `${before}\n${item.answer}` };
  }
}
