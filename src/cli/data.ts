/**
 * `data`: data sets before they are trained on.
 *
 * @module
 */

import { type Command, Option } from "commander";
import { readLines } from "../datasets/jsonl.ts";
import { parseRow } from "../datasets/parse_row.ts";
import { renderedSegments, type Segment, sourceSegments } from "../datasets/preview.ts";
import { TRAIN_ON, type TrainOn } from "../datasets/train_on.ts";
import {
  validateDataset,
  type ValidationModel,
  type ValidationReport,
} from "../datasets/validate.ts";
import { createModel } from "../models/architectures.ts";
import { readModelConfig } from "../models/hub/folder.ts";
import { loadTokenizer } from "../models/tokenizer/load_tokenizer.ts";
import type { Tokenizer } from "../models/tokenizer/tokenizer.ts";
import { UserError } from "../utils/errors.ts";
import { formatCount } from "../utils/format.ts";
import { interruptible } from "./interrupt.ts";
import { findModelOrRun, type ModelPlace, pathContext } from "./model_options.ts";
import { integerOption } from "./option_values.ts";
import { registerDataGenerate } from "./data_generate.ts";
import { addExamples } from "./program.ts";
import { print } from "./terminal.ts";

/** Adds `data` and its commands to `program`. */
export function registerData(program: Command): void {
  const data = program.command("data").description(
    "Look at data sets before they are trained on, and make some.",
  );
  addExamples(data, [
    "llm-training data validate data.jsonl",
    "llm-training data preview data.jsonl --model Qwen/Qwen3-0.6B",
    "llm-training data generate --skill tiny_world --rows 3000 --output data.jsonl",
  ]);
  registerValidate(data);
  registerPreview(data);
  registerDataGenerate(data);
}

interface ModelOptions {
  readonly model?: string;
}

interface ValidateOptions extends ModelOptions {
  readonly maxLength?: number;
  readonly json?: boolean;
}

interface PreviewOptions extends ModelOptions {
  readonly trainOn?: TrainOn;
  readonly rows: number;
}

function registerValidate(data: Command): void {
  const command = data.command("validate <file>")
    .description("Check every row of a JSON Lines file and report all mistakes.")
    .option(
      "--model <model>",
      "a model, as train takes it, to measure rows in tokens and check ids by",
    )
    .option(
      "--max-length <tokens>",
      "the limit to measure rows by (default: what the model takes)",
      integerOption({ min: 2 }),
    )
    .option("--json", "print the report as JSON")
    .action((path: string, options: ValidateOptions) =>
      interruptible((signal) => validate(path, { ...options, signal }))
    );
  addExamples(command, [
    "llm-training data validate data.jsonl",
    "llm-training data validate data.jsonl --model models/tiny --max-length 512 --json",
  ]);
}

function registerPreview(data: Command): void {
  const command = data.command("preview <file>")
    .description("Show rows as they will be trained on; what is trained stands between ⟦ and ⟧.")
    .option(
      "--model <model>",
      "a model, as train takes it, to render rows with its template and tokens",
    )
    .addOption(
      new Option("--train-on <tokens>", "what is trained (default: assistant)").choices(TRAIN_ON),
    )
    .option("--rows <count>", "how many rows to show", integerOption({ min: 1 }), 3)
    .action((path: string, options: PreviewOptions) => preview(path, options));
  addExamples(command, [
    "llm-training data preview data.jsonl",
    "llm-training data preview data.jsonl --model Qwen/Qwen3-0.6B --rows 10",
  ]);
}

async function validate(
  path: string,
  { model: name, maxLength, json = false, signal }: ValidateOptions & { signal: AbortSignal },
): Promise<void> {
  const model = name === undefined ? undefined : await openModel(name, maxLength);
  const report = await validateDataset(path, { model, signal });
  if (json) print(JSON.stringify(report, null, 2));
  else describe(report).forEach(print);
  if (report.valid) return;
  const { errorCount } = report;
  throw new UserError(
    errorCount === 0
      ? `Cannot train on "${path}": no row has a trained token within the limit; raise --max-length`
      : `Cannot train on "${path}": ${errorCount} of its lines cannot be used`,
  );
}

async function preview(
  path: string,
  { model: name, rows, trainOn }: PreviewOptions,
): Promise<void> {
  const tokenizer = name === undefined ? undefined : await tokenizerOf(await findPlace(name));
  if (name !== undefined && tokenizer === undefined) {
    throw new UserError(`Cannot preview with model "${name}": it has no tokenizer.json`);
  }
  let shown = 0;
  for await (const { line, text } of readLines(path)) {
    const place = { path, line };
    const { row, warnings } = parseRow(text, { place });
    const segments = tokenizer === undefined
      ? sourceSegments(row)
      : renderedSegments(row, { tokenizer, place, trainOn });
    print(
      `── line ${line}, ${row.kind}${warnings.map((warning) => `, warning: ${warning}`).join("")}`,
    );
    print(marked(segments));
    if (++shown === rows) break;
  }
}

function marked(segments: readonly Segment[]): string {
  return segments.map(({ text, trained }) => trained && text !== "" ? `⟦${text}⟧` : text).join("");
}

function describe(
  { rows, kinds, errors, errorCount, warnings, lengths }: ValidationReport,
): string[] {
  const ofKinds = Object.entries(kinds).filter(([, count]) => count > 0)
    .map(([kind, count]) => `${count} ${kind}`).join(", ");
  const lines = [`${rows} rows can be used${rows > 0 ? ` (${ofKinds})` : ""}`];
  if (lengths !== undefined) {
    const { tokens, trainedTokens, min, median, p95, max, maxLength, longerRows, droppedRows } =
      lengths;
    lines.push(
      `${formatCount(tokens)} tokens, ${formatCount(trainedTokens)} of them trained`,
      `tokens of a row: ${min} at least, ${median} in the middle, ${p95} for 95 %, ${max} at most`,
      `rows longer than ${maxLength} tokens: ${longerRows}; left with nothing to train: ${droppedRows}`,
    );
  }
  for (const { warning, rows, firstLine } of warnings) {
    lines.push(`warning: ${warning} (${rows} rows, the first in line ${firstLine})`);
  }
  lines.push(...errors.map((error) => `error: ${error}`));
  if (errorCount > errors.length) lines.push(`… and ${errorCount - errors.length} more errors`);
  return lines;
}

async function openModel(name: string, maxLength: number | undefined): Promise<ValidationModel> {
  const place = await findPlace(name);
  const model = createModel(await readModelConfig(place.folder));
  return {
    tokenizer: await tokenizerOf(place),
    vocabSize: model.vocabSize,
    maxLength: maxLength ?? model.maxPositions,
  };
}

async function findPlace(name: string): Promise<ModelPlace> {
  return await findModelOrRun(name, { context: pathContext(), part: "tokenizer" });
}

async function tokenizerOf({ folder, adapter }: ModelPlace): Promise<Tokenizer | undefined> {
  const own = adapter === undefined ? undefined : await loadTokenizer(adapter);
  return own ?? await loadTokenizer(folder);
}
