/**
 * What described tasks ask of a model for each row.
 *
 * @module
 */

import type { ChatMessage } from "../../models/tokenizer/tokenizer.ts";
import { UserError } from "../../utils/errors.ts";
import { bordersOn, type DocFields } from "./doc_fields.ts";
import { type ExactMatchRules, isExactMatch } from "./exact_match.ts";
import { CHOICE_METRICS, type ChoiceMetric, scoreChoices } from "./multiple_choice.ts";
import { compilePythonRegex } from "./python_regex.ts";
import { parseFilterList } from "./response_filter.ts";
import type { TaskItem, TaskMetric } from "./task.ts";
import type { TaskDescription } from "./task_description.ts";

/** What precedes a question. */
export interface Preceding {
  /** As a text. */
  readonly text: string;
  /** As turns of a conversation, where the model's chat template is to be applied. */
  readonly messages?: readonly ChatMessage[];
}

/** Makes the item of a row; `before` is what precedes its question. */
export interface RequestMaker {
  /** The metrics that items give. */
  readonly metrics: readonly TaskMetric[];
  (doc: DocFields, before: Preceding): Omit<TaskItem, "id">;
}

const DEFAULT_MAX_TOKENS = 256;

/** Returns the maker of items that are judged by likelihood. */
export function choiceRequest(description: TaskDescription): RequestMaker {
  const metrics = description.metrics.map(({ metric }): ChoiceMetric => {
    const known = CHOICE_METRICS.find((name) => name === metric);
    if (known !== undefined) return known;
    throw noMetric(metric, CHOICE_METRICS, description);
  });
  const make = (doc: DocFields, before: Preceding): Omit<TaskItem, "id"> => {
    const { choices, inputIndex } = doc;
    const context = `${before.text}${openQuestion(doc, description)}`;
    const targetDelimiter = before.messages === undefined || isOpenPrefix(doc)
      ? description.targetDelimiter
      : ""; // the template has put something between question and answer
    const continuations = inputIndex === undefined
      ? choices.map((choice) => ({
        context,
        ...conversation(before, doc.question, doc.prefix),
        continuation: `${targetDelimiter}${choice}`,
      }))
      : choices.map((choice) => ({
        context: `${before.text}${choice}`,
        ...conversation(before, choice, doc.prefix),
        continuation: `${targetDelimiter}${doc.targets[0]}`,
      }));
    const unconditional = metrics.includes("acc_mutual_info")
      ? choices.map((choice) => ({ context: "", continuation: `${targetDelimiter}${choice}` }))
      : [];
    const gold = inputIndex === undefined
      ? doc.targets.map((target) => typeof target === "number" ? target : choices.indexOf(target))
      : [inputIndex];
    return {
      prompt: inputIndex === undefined ? context : before.text,
      expected: gold.map((index) => choices[index] ?? "").join(" | "),
      request: {
        kind: "choices",
        choices,
        continuations: [...continuations, ...unconditional],
        score: (logprobs, greedy) => scoreChoices({ choices, gold }, { logprobs, greedy, metrics }),
      },
    };
  };
  return Object.assign(make, {
    metrics: metrics.map((name): TaskMetric => ({ name, higherIsBetter: true, isBinary: true })),
  });
}

/** Returns the maker of items whose answer is a text. */
export function textRequest(description: TaskDescription, maxTokens?: number): RequestMaker {
  const filters = parseFilterList(description.filterList, description.source);
  const matches = description.metrics.map((settings): ExactMatchRules => {
    if (settings["metric"] !== "exact_match") {
      throw noMetric(settings["metric"], ["exact_match"], description);
    }
    const patterns = [settings["regexes_to_ignore"] ?? []].flat().map(String);
    return {
      ignoreCase: settings["ignore_case"] === true,
      ignorePunctuation: settings["ignore_punctuation"] === true,
      ignoreNumbers: settings["ignore_numbers"] === true,
      regexesToIgnore: patterns.map((each) => compilePythonRegex(each, description.source)),
    };
  });
  const [rules] = matches;
  if (rules === undefined || matches.length > 1) {
    throw new UserError(`Cannot read "${description.source}": "metric_list" must have one metric`);
  }
  const nameOf = (filter: string) => filter === "none" ? "exact_match" : `exact_match,${filter}`;
  const settings = generationSettings(description, maxTokens);
  const make = (doc: DocFields, before: Preceding): Omit<TaskItem, "id"> => {
    const wanted = doc.choices.length > 0
      ? doc.targets.map((target) => doc.choices[Number(target)] ?? "")
      : doc.targets.map(String);
    const prompt = `${before.text}${openQuestion(doc, description)}`;
    return {
      prompt,
      expected: wanted.join(" | "),
      request: {
        kind: "generate",
        prompt: { text: prompt, ...conversation(before, doc.question, doc.prefix) },
        answer: wanted[0] ?? "",
        ...settings,
        score: (text) => ({
          scores: Object.fromEntries(filters.map(({ name, apply }) => {
            const given = apply(text);
            const isRight = wanted.some((answer) => isExactMatch(given, answer, rules));
            return [nameOf(name), isRight ? 1 : 0];
          })),
        }),
      },
    };
  };
  return Object.assign(make, {
    metrics: filters.map(({ name }): TaskMetric => ({
      name: nameOf(name),
      higherIsBetter: true,
      isBinary: true,
    })),
  });
}

/** The conversation up to the answer, which may begin with `prefix`. */
function conversation(
  { messages }: Preceding,
  question: string,
  prefix: string,
): { readonly messages?: readonly ChatMessage[]; readonly needsTemplate?: boolean } {
  if (messages === undefined) return {};
  const begun = prefix === "" ? [] : [{ role: "assistant", content: prefix }];
  return {
    messages: [...messages, { role: "user", content: question }, ...begun],
    needsTemplate: true,
  };
}

/** Whether the answer begins with something that it has to be set apart from. */
function isOpenPrefix({ prefix }: DocFields): boolean {
  return prefix !== "" && !/\s$/.test(prefix);
}

/** The question, with what the answer begins with. */
function openQuestion(
  { question, prefix }: DocFields,
  { targetDelimiter }: TaskDescription,
): string {
  return `${question}${
    prefix !== "" && bordersOn(question, prefix) ? targetDelimiter : ""
  }${prefix}`;
}

function generationSettings(
  { generation, fewshotDelimiter, source }: TaskDescription,
  maxTokens: number | undefined,
): { readonly stop: readonly string[]; readonly maxTokens: number; readonly temperature: number } {
  const { until = [fewshotDelimiter], do_sample, temperature = 0, ...rest } = generation;
  const limits = ["max_gen_toks", "max_new_tokens", "max_tokens", "max_completion_tokens"];
  const unknown = Object.keys(rest).find((key) => !limits.includes(key));
  if (unknown !== undefined) {
    throw new UserError(`Cannot read "${source}": "generation_kwargs.${unknown}" is not supported`);
  }
  const described = limits.map((key) => rest[key]).find((value) => value !== undefined);
  return {
    stop: [until].flat().map(String).filter((text) => text !== ""),
    maxTokens: maxTokens ?? Number(described ?? DEFAULT_MAX_TOKENS),
    temperature: do_sample === false ? 0 : Number(temperature),
  };
}

function noMetric(
  metric: unknown,
  known: readonly string[],
  { source }: TaskDescription,
): UserError {
  return new UserError(
    `Cannot read "${source}": there is no metric ${JSON.stringify(metric)} here; there are ${
      known.join(", ")
    }`,
  );
}
