/**
 * Descriptions of tasks, as lm-evaluation-harness has them in YAML files.
 *
 * @module
 */

import { dirname, join } from "node:path";
import { parse } from "yaml";
import { messageOf, UserError } from "../../utils/errors.ts";
import { fileError } from "../../utils/file_error.ts";
import type { JsonObject } from "../../utils/json.ts";

/** What a description says, decoded and with its defaults. */
export interface TaskDescription {
  /** Where it is written, for errors. */
  readonly source: string;
  /** The folder that its file names are relative to. */
  readonly folder: string;
  /** Name of the task. */
  readonly task: string;
  /** Its version. */
  readonly version: string;
  /** How it is measured. */
  readonly outputType: "multiple_choice" | "generate_until";
  /** A format (`json`), a local file or folder, or a data set of the hub. */
  readonly datasetPath: string | undefined;
  /** Configuration of the data set. */
  readonly datasetName: string | undefined;
  /** Files of each split. */
  readonly dataFiles: Readonly<Record<string, readonly string[]>>;
  /** The split that is evaluated on. */
  readonly evalSplit: string;
  /** The split that examples come from. */
  readonly fewshotSplit: string | undefined;
  /** Examples that are written down. */
  readonly fewshotSamples: readonly JsonObject[] | undefined;
  /** How examples are chosen. */
  readonly fewshotSampler: "default" | "first_n";
  /** How many examples. */
  readonly numFewshot: number;
  /** Name of the function that makes rows of rows. */
  readonly processDocs: string | undefined;
  /** Said before all. */
  readonly description: string;
  /** The question: a column or a template. */
  readonly docToText: string | number;
  /** The answer: a column, a template, or an index. */
  readonly docToTarget: string | number | readonly unknown[];
  /** The choices: a column, a template, or a list. */
  readonly docToChoice: string | readonly string[] | undefined;
  /** What the answer begins with. */
  readonly genPrefix: string | undefined;
  /** Between question and answer. */
  readonly targetDelimiter: string;
  /** Between examples. */
  readonly fewshotDelimiter: string;
  /** The metrics with their settings. */
  readonly metrics: readonly JsonObject[];
  /** The filters. */
  readonly filterList: unknown;
  /** What ends texts, and the like. */
  readonly generation: JsonObject;
}

/** Keys that mean nothing here or are read elsewhere; every other key that is not known is refused. */
const IGNORED_KEYS: ReadonlySet<string> = new Set([
  ...[
    "tag",
    "group",
    "task_alias",
    "group_alias",
    "include",
    "should_decontaminate",
    "custom_dataset",
  ],
  ...[
    "doc_to_decontamination_query",
    "training_split",
    "validation_split",
    "test_split",
    "unsafe_code",
  ],
]);

/** A Python function that a description names by `!function`. */
class PythonFunction {
  readonly name: string;

  constructor(name: string) {
    this.name = name;
  }
}

const FUNCTION_TAG = {
  tag: "!function",
  resolve: (name: string) => new PythonFunction(name),
};

/**
 * Reads a description, and the one that it includes.
 *
 * @throws {UserError} If it cannot be read, or has something that is not supported.
 */
export async function readTaskDescription(path: string): Promise<TaskDescription> {
  return parseTaskDescription(await readYaml(path, []), { source: path, folder: dirname(path) });
}

async function readYaml(path: string, including: readonly string[]): Promise<JsonObject> {
  if (including.includes(path)) throw new UserError(`Cannot read "${path}": it includes itself`);
  let text: string;
  try {
    text = await Deno.readTextFile(path);
  } catch (error) {
    throw fileError("read", path, error);
  }
  let json: unknown;
  try {
    json = parse(text, { customTags: [FUNCTION_TAG], logLevel: "error" });
  } catch (error) {
    throw new UserError(`Cannot read "${path}": it is not YAML, ${messageOf(error)}`, {
      cause: error,
    });
  }
  if (typeof json !== "object" || json === null || Array.isArray(json)) {
    throw new UserError(`Cannot read "${path}": it is no description of a task`);
  }
  const own = json as JsonObject;
  const bases = [own["include"] ?? []].flat();
  let merged: JsonObject = {};
  for (const base of bases) {
    const place = join(dirname(path), String(base));
    merged = { ...merged, ...await readYaml(place, [...including, path]) };
  }
  return { ...merged, ...own };
}

/**
 * Decodes a description.
 *
 * @throws {UserError} If a key is missing, wrong or not supported.
 */
export function parseTaskDescription(
  json: JsonObject,
  { source, folder }: Pick<TaskDescription, "source" | "folder">,
): TaskDescription {
  const rest = new Map(Object.entries(json).filter(([, value]) => value !== null));
  const fail = (state: string) => new UserError(`Cannot read "${source}": ${state}`);
  const take = (key: string): unknown => {
    const value = rest.get(key);
    rest.delete(key);
    if (value instanceof PythonFunction && key !== "process_docs") {
      throw fail(`"${key}" is Python code (${value.name}); write it as a template`);
    }
    return value;
  };
  const text = (key: string, fallback?: string): string | undefined => {
    const value = take(key) ?? fallback;
    if (value === undefined || typeof value === "string") return value;
    if (typeof value === "number") return String(value);
    throw fail(`"${key}" must be text: current value is ${JSON.stringify(value)}`);
  };
  const map = (key: string): JsonObject => {
    const value = take(key) ?? {};
    if (typeof value === "object" && !Array.isArray(value)) return value as JsonObject;
    throw fail(`"${key}" must be a table: current value is ${JSON.stringify(value)}`);
  };

  const outputType = take("output_type") ?? "generate_until";
  if (outputType !== "multiple_choice" && outputType !== "generate_until") {
    throw fail(
      `"output_type" must be multiple_choice or generate_until: current value is ${
        JSON.stringify(outputType)
      }`,
    );
  }
  const split = (key: string) => typeof json[key] === "string" ? json[key] : undefined;
  const evalSplit = split("test_split") ?? split("validation_split") ?? split("training_split") ??
    "test";
  const fewshot = map("fewshot_config");
  const samples = fewshot["samples"];
  const sampler = fewshot["sampler"] ?? "default";
  if (sampler !== "default" && sampler !== "first_n") {
    throw fail(`"fewshot_config.sampler" must be default or first_n: current value is ${sampler}`);
  }
  const processDocs = take("process_docs");
  const docToText = take("doc_to_text");
  const docToTarget = take("doc_to_target");
  const docToChoice = take("doc_to_choice");
  if (typeof docToText !== "string" && typeof docToText !== "number") {
    throw fail(`"doc_to_text" must be a column or a template`);
  }
  if (
    typeof docToTarget !== "string" && typeof docToTarget !== "number" &&
    !Array.isArray(docToTarget)
  ) throw fail(`"doc_to_target" must be a column, a template or an index`);
  if (outputType === "multiple_choice" && docToChoice === undefined) {
    throw fail(`"doc_to_choice" is missing: it is what multiple_choice chooses from`);
  }
  const repeats = take("repeats") ?? 1;
  if (repeats !== 1) throw fail(`"repeats" must be 1: current value is ${repeats}`);
  const numFewshot = take("num_fewshot") ?? 0;
  if (typeof numFewshot !== "number" || !Number.isInteger(numFewshot) || numFewshot < 0) {
    throw fail(`"num_fewshot" must be a whole number: current value is ${numFewshot}`);
  }
  const metadata = map("metadata");
  const kwargs = map("dataset_kwargs");
  const description: TaskDescription = {
    source,
    folder,
    task: text("task") ?? "task",
    version: String(metadata["version"] ?? "0"),
    outputType,
    datasetPath: text("dataset_path"),
    datasetName: text("dataset_name"),
    dataFiles: dataFilesOf(kwargs["data_files"], evalSplit),
    evalSplit,
    fewshotSplit: text("fewshot_split") ??
      (typeof fewshot["split"] === "string" ? fewshot["split"] : undefined) ??
      split("training_split") ?? split("validation_split"),
    fewshotSamples: Array.isArray(samples) ? samples : undefined,
    fewshotSampler: sampler,
    numFewshot,
    processDocs: processDocs instanceof PythonFunction
      ? processDocs.name
      : processDocs === undefined
      ? undefined
      : String(processDocs),
    description: text("description", "")!,
    docToText,
    docToTarget,
    docToChoice: docToChoice === undefined || typeof docToChoice === "string"
      ? docToChoice
      : Object.values(docToChoice as object).map(String),
    genPrefix: text("gen_prefix"),
    targetDelimiter: text("target_delimiter", " ")!,
    fewshotDelimiter: text("fewshot_delimiter", "\n\n")!,
    metrics: metricsOf(take("metric_list"), outputType),
    filterList: take("filter_list"),
    generation: map("generation_kwargs"),
  };
  const unknown = [...rest.keys()].find((key) => !IGNORED_KEYS.has(key));
  if (unknown !== undefined) throw fail(`"${unknown}" is not supported`);
  return description;
}

function dataFilesOf(
  value: unknown,
  evalSplit: string,
): Readonly<Record<string, readonly string[]>> {
  if (value === undefined || value === null) return {};
  if (typeof value === "string" || Array.isArray(value)) {
    return { [evalSplit]: [value].flat().map(String) };
  }
  return Object.fromEntries(
    Object.entries(value).map(([split, files]) => [split, [files].flat().map(String)]),
  );
}

function metricsOf(value: unknown, outputType: string): readonly JsonObject[] {
  if (Array.isArray(value) && value.length > 0) {
    return value.map((each) => typeof each === "string" ? { metric: each } : each as JsonObject);
  }
  const names = outputType === "multiple_choice" ? ["acc", "acc_norm"] : ["exact_match"];
  return names.map((metric) => ({ metric }));
}
