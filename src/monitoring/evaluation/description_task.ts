/**
 * Tasks made of descriptions: the prompt of each row, and how its answer is judged.
 *
 * @module
 */

import type { ChatMessage } from "../../models/tokenizer/tokenizer.ts";
import { UserError } from "../../utils/errors.ts";
import type { JsonObject } from "../../utils/json.ts";
import { createTask } from "./create_task.ts";
import { choiceRequest, textRequest } from "./description_requests.ts";
import { answerText, bordersOn, type DocFields, readDoc } from "./doc_fields.ts";
import { processDocOf } from "./process_docs.ts";
import { createPythonRandom } from "./python_random.ts";
import type { Task, TaskItem } from "./task.ts";
import type { TaskDescription } from "./task_description.ts";
import { readSplit, type TaskDataOptions } from "./task_rows.ts";
import { createTaskTemplate, type TaskTemplate } from "./task_template.ts";

/** Options of {@linkcode descriptionTask}. */
export interface DescriptionTaskOptions extends TaskDataOptions {
  /** How many items, the first ones. @default {all} */
  readonly limit?: number | undefined;
  /** How many examples. @default {as described} */
  readonly numFewshot?: number | undefined;
  /** The most tokens of a text. @default {as described, else 256} */
  readonly maxTokens?: number | undefined;
  /** Ask by conversations that the model's chat template renders. @default {false} */
  readonly applyChatTemplate?: boolean | undefined;
  /** What goes before everything else: with conversations, what the system says. @default {nothing} */
  readonly systemInstruction?: string | undefined;
  /** Seed of the examples. @default {1234} */
  readonly seed?: number | undefined;
}

/** The seed that lm-evaluation-harness draws examples with. */
const FEWSHOT_SEED = 1234;

/**
 * Makes a task of a description.
 *
 * @throws {UserError} If its rows cannot be read or do not fit it.
 */
export async function descriptionTask(
  description: TaskDescription,
  options: DescriptionTaskOptions = {},
): Promise<Task> {
  const { limit = Infinity, numFewshot = description.numFewshot, seed = FEWSHOT_SEED } = options;
  const { applyChatTemplate = false, systemInstruction = "" } = options;
  const template = createTaskTemplate({ source: description.source });
  const process = processDocOf(description);
  const rows = await readSplit(description, description.evalSplit, { ...options, role: "items" });
  const docs = rows.slice(0, limit).map((row) => readDoc(process(row), { description, template }));
  const examples = numFewshot === 0
    ? () => []
    : await exampleChooser(description, { ...options, template, numFewshot, seed });
  const requestOf = description.outputType === "multiple_choice"
    ? choiceRequest(description)
    : textRequest(description, options.maxTokens);
  const items = docs.map((doc): Omit<TaskItem, "id"> => {
    const shots = examples(doc.row);
    const described = description.description === ""
      ? ""
      : template.text(description.description, doc.row);
    const said = joined(systemInstruction, described, description.fewshotDelimiter);
    const text = `${said}${shots.map((shot) => exampleText(shot, description)).join("")}`;
    if (!applyChatTemplate) return requestOf(doc, { text });
    const system = said === "" ? [] : [{ role: "system", content: said }];
    return requestOf(doc, {
      text,
      messages: [...system, ...shots.flatMap((shot) => exampleTurns(shot, description))],
    });
  });
  const { task: name, version, outputType: kind, source } = description;
  return createTask({
    ...{ name, version, kind, source, items },
    seed: numFewshot > 0 && description.fewshotSampler === "default" ? seed : null,
    metrics: requestOf.metrics,
    rules: {
      ...rulesOf(description),
      ...{ numFewshot, maxTokens: options.maxTokens ?? null },
      // not named where it is not used, so that tasks keep their hashes
      ...(applyChatTemplate ? { applyChatTemplate } : {}),
    },
  });
}

/** What decides about items besides their rows. */
function rulesOf(
  { metrics, filterList, generation, targetDelimiter }: TaskDescription,
): JsonObject {
  return { metrics, filterList: filterList ?? null, generation, targetDelimiter };
}

interface ExampleOptions extends DescriptionTaskOptions {
  readonly template: TaskTemplate;
  readonly numFewshot: number;
  readonly seed: number;
}

/** Returns a function that chooses the examples of each item; it draws on, so that the order of items matters. */
async function exampleChooser(
  description: TaskDescription,
  options: ExampleOptions,
): Promise<(row: JsonObject) => readonly DocFields[]> {
  const { template, numFewshot, seed } = options;
  const { fewshotSplit, fewshotSamples, fewshotSampler, evalSplit } = description;
  const process = processDocOf(description);
  const split = fewshotSplit ?? evalSplit;
  const rows = fewshotSamples !== undefined && fewshotSplit === undefined
    ? fewshotSamples
    : (await readSplit(description, split, { ...options, role: "examples" })).map(process);
  const isSame = split === evalSplit && fewshotSamples === undefined;
  const random = createPythonRandom(seed);
  const wanted = numFewshot + (isSame ? 1 : 0);
  if (rows.length < wanted) {
    throw new UserError(
      `Cannot give ${numFewshot} examples of task "${description.task}": there are ${rows.length} rows for ` +
        "them; lower --num-fewshot",
    );
  }
  return (row) => {
    const own = JSON.stringify(row);
    const pool = fewshotSampler === "first_n" ? rows : random.sample(rows, wanted);
    const others = isSame ? pool.filter((each) => JSON.stringify(each) !== own) : pool;
    return others.slice(0, numFewshot)
      .map((each) => readDoc(each, { description, template }));
  };
}

/** An example as a question and its answer. */
function exampleTurns(doc: DocFields, description: TaskDescription): ChatMessage[] {
  const content = joined(doc.prefix, answerText(doc, description), " ");
  return [{ role: "user", content: doc.question }, { role: "assistant", content }];
}

/** Two texts, set apart where they would run into each other. */
function joined(first: string, second: string, delimiter: string): string {
  if (first === "" || second === "") return `${first}${second}`;
  return `${first}${bordersOn(first, second) ? delimiter : ""}${second}`;
}

/** An example: question and answer. */
function exampleText(doc: DocFields, description: TaskDescription): string {
  const { targetDelimiter, fewshotDelimiter } = description;
  const { prefix } = doc;
  const answer = answerText(doc, description);
  const delimiter = prefix === "" || bordersOn(doc.question, prefix) ? targetDelimiter : "";
  const space = prefix !== "" && bordersOn(prefix, answer) ? " " : "";
  return `${doc.question}${delimiter}${prefix}${space}${answer}${fewshotDelimiter}`;
}
