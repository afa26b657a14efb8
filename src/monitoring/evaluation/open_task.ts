/**
 * Opens a task by what a person writes: a known name, a description, a file of rows, or a skill.
 *
 * @module
 */

import { existsSync } from "node:fs";
import { basename } from "node:path";
import type { FormatChoice } from "../../datasets/formats.ts";
import { isSkillSpecifier, openSkill, SKILLS } from "../../skills/open_skill.ts";
import { isSylloRecord, sylloRecordItem, sylloRecords } from "../../skills/syllo_records.ts";
import { UserError } from "../../utils/errors.ts";
import { choiceTask, isChoiceRow } from "./choice_rows.ts";
import { type DataMetric, dataTask } from "./data_task.ts";
import { descriptionTask } from "./description_task.ts";
import { KNOWN_TASKS } from "./known_tasks.ts";
import { itemsTask, skillTask } from "./skill_task.ts";
import type { Task } from "./task.ts";
import { parseTaskDescription, readTaskDescription } from "./task_description.ts";
import { readJsonRows } from "./task_rows.ts";

/** Options of {@linkcode openTask}. */
export interface OpenTaskOptions {
  /** How many items. @default {all; 100 of a skill} */
  readonly limit?: number | undefined;
  /** Seed of items or examples that are drawn. @default {1 for a skill, 1234 for examples} */
  readonly seed?: number | undefined;
  /** How hard a skill's items are. @default {1} */
  readonly level?: number | undefined;
  /** How many examples go before an item. @default {as described} */
  readonly numFewshot?: number | undefined;
  /** The most tokens of an answer. @default {as described; else twice what the right one takes} */
  readonly maxTokens?: number | undefined;
  /** Ask a described or known task by conversations that the model's chat template renders. @default {false} */
  readonly applyChatTemplate?: boolean | undefined;
  /** What goes before everything else in a described or known task. @default {nothing} */
  readonly systemInstruction?: string | undefined;
  /** How rows of data are measured. @default {choices by likelihood where there are some, else the loss} */
  readonly metric?: DataMetric | undefined;
  /** The form of rows of data. @default {found out} */
  readonly format?: FormatChoice | undefined;
  /** File or folder with the items of a description. @default {where it says} */
  readonly data?: string | undefined;
  /** File with the examples of a description. @default {where it says} */
  readonly fewshotData?: string | undefined;
  /** The folder that files of skills are relative to. @default {the current one} */
  readonly folder?: string | undefined;
  /** Ends the reading. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Opens a task.
 *
 * @throws {UserError} If there is none of that name, or it cannot be used.
 */
export async function openTask(specifier: string, options: OpenTaskOptions = {}): Promise<Task> {
  if (isSkillSpecifier(specifier)) return await openSkillTask(specifier, options);
  if (/\.ya?ml$/i.test(specifier)) {
    return await descriptionTask(await readTaskDescription(specifier), options);
  }
  if (existsSync(specifier)) return await openFileTask(specifier, options);
  if (Object.hasOwn(KNOWN_TASKS, specifier)) {
    const place = { source: specifier, folder: options.folder ?? "." };
    return await descriptionTask(
      parseTaskDescription(KNOWN_TASKS[specifier]!, place),
      options,
    );
  }
  if (Object.hasOwn(SKILLS, specifier)) {
    return await openSkillTask(`builtin:${specifier}`, options);
  }
  throw new UserError(
    `Cannot find task "${specifier}": it is no file, no skill (${
      Object.keys(SKILLS).map((name) => `builtin:${name}`).join(", ")
    }) and no known task (${Object.keys(KNOWN_TASKS).join(", ")})`,
  );
}

async function openSkillTask(specifier: string, options: OpenTaskOptions): Promise<Task> {
  const skill = await openSkill(specifier, options);
  const { level = 1 } = options;
  if (level > skill.levels) {
    throw new UserError(
      `Cannot evaluate on "${specifier}" as --level must be from 1 to ${skill.levels}: current value is ${level}`,
    );
  }
  return skillTask(skill, { ...options, source: specifier });
}

async function openFileTask(path: string, options: OpenTaskOptions): Promise<Task> {
  const { limit, metric, signal } = options;
  const name = basename(path).replace(/\.[^.]*$/, "");
  if (
    metric === undefined && options.format === undefined && /\.jsonl?$|\.csv$|\.parquet$/.test(path)
  ) {
    const rows = await readJsonRows(path, signal);
    if (rows.length > 0 && rows.every(isChoiceRow)) {
      return choiceTask(rows, { source: path, name, limit });
    }
    if (rows.length > 0 && rows.every(isSylloRecord)) {
      const items = rows.slice(0, limit).map((row) => sylloRecordItem(row, path));
      return itemsTask(sylloRecords, items, {
        source: path,
        seed: null,
        maxTokens: options.maxTokens,
      });
    }
  }
  return await dataTask(path, { ...options, name });
}
