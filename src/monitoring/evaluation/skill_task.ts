/**
 * Skills as tasks: items that the skill makes, answers that it marks.
 *
 * @module
 */

import { generateItems } from "../../skills/rows.ts";
import { scoreSafely, type Skill, type SkillItem } from "../../skills/skill.ts";
import { createTask } from "./create_task.ts";
import type { Task, TaskItem } from "./task.ts";

/** Options of {@linkcode skillTask}. */
export interface SkillTaskOptions {
  /** Where the skill was found: `builtin:syllo`. */
  readonly source: string;
  /** How hard, from 1. @default {1} */
  readonly level?: number | undefined;
  /** How many items. @default {100} */
  readonly limit?: number | undefined;
  /** Seed of the items. @default {1} */
  readonly seed?: number | undefined;
  /** The most tokens of an answer. @default {twice what the right one takes} */
  readonly maxTokens?: number | undefined;
}

/** Items of a skill unless told otherwise. */
const DEFAULT_ITEMS = 100;

/**
 * Makes a task of a skill.
 *
 * @throws {UserError} If the level has too few items.
 * @throws {RangeError} If the skill does not have the level.
 */
export function skillTask(skill: Skill, options: SkillTaskOptions): Task {
  const { source, level = 1, limit = DEFAULT_ITEMS, seed = 1, maxTokens } = options;
  const items = [...generateItems(skill, { count: limit, seed, level })];
  return itemsTask(skill, items, { source, seed, level, maxTokens });
}

/** Makes a task of items of a skill that are there already. */
export function itemsTask(
  skill: Pick<Skill, "name" | "score">,
  items: readonly SkillItem[],
  { source, seed, level, maxTokens }: {
    readonly source: string;
    readonly seed: number | null;
    readonly level?: number | undefined;
    readonly maxTokens?: number | undefined;
  },
): Task {
  return createTask({
    source,
    seed,
    name: level === undefined ? skill.name : `${skill.name}-level${level}`,
    version: "1",
    kind: "skill",
    metrics: [{ name: "accuracy", higherIsBetter: true, isBinary: true }],
    rules: { skill: skill.name, level: level ?? null },
    items: items.map((item) => taskItem(skill, item, maxTokens)),
  });
}

function taskItem(
  skill: Pick<Skill, "name" | "score">,
  item: SkillItem,
  maxTokens: number | undefined,
): Omit<TaskItem, "id"> {
  const messages = [...item.history, { role: "user" as const, content: item.prompt }];
  const text = messages.map(({ content }) => content).join("\n");
  return {
    prompt: text,
    expected: item.answer,
    request: {
      kind: "generate",
      prompt: { text: `${text}\n`, messages },
      answer: item.answer,
      ...{ maxTokens, stop: [], temperature: 0 },
      score: (given) => {
        const { correct, reason } = scoreSafely(skill, item, given);
        return { scores: { accuracy: correct ? 1 : 0 }, reason };
      },
    },
  };
}
