/**
 * `data stats`: a data set in numbers.
 *
 * @module
 */

import type { Command } from "commander";
import type { LengthSummary } from "../datasets/length_summary.ts";
import { computeStatistics, type DataStatistics } from "../datasets/stats.ts";
import { formatCount } from "../utils/format.ts";
import { addDataOptions, type DataOptions, openFiles, openTokenizerModel } from "./data_options.ts";
import { drawHistogram } from "./histogram.ts";
import { interruptible } from "./interrupt.ts";
import { integerOption } from "./option_values.ts";
import { addExamples } from "./program.ts";
import { print } from "./terminal.ts";

interface StatsOptions extends DataOptions {
  readonly batchSize?: number;
  readonly json?: boolean;
}

/** Adds `data stats` to `data`. */
export function registerDataStats(data: Command): void {
  const command = data.command("stats <files...>")
    .description(
      "Count rows and turns, measure lengths, and estimate what padding and packing make of them.",
    );
  addDataOptions(command)
    .option(
      "--batch-size <rows>",
      "rows of a batch, for the estimate of padding (default: 8)",
      integerOption({ min: 1 }),
    )
    .option("--json", "print one JSON object")
    .action((paths: readonly string[], options: StatsOptions) =>
      interruptible((signal) => stats(paths, { ...options, signal }))
    );
  addExamples(command, [
    "llm-training data stats data.jsonl",
    "llm-training data stats data.jsonl --model Qwen/Qwen3-0.6B --max-length 1024",
  ]);
}

async function stats(
  paths: readonly string[],
  options: StatsOptions & { readonly signal: AbortSignal },
): Promise<void> {
  const { model: name, maxLength, trainOn, batchSize, json = false, signal } = options;
  const model = name === undefined ? undefined : await openTokenizerModel(name, "measure rows");
  const files = await openFiles(paths, options);
  const statistics = await computeStatistics(files, {
    tokenizer: model?.tokenizer,
    maxLength: maxLength ?? Math.min(model?.maxPositions ?? Infinity, DEFAULT_MAX_LENGTH),
    ...{ batchSize, trainOn, signal },
  });
  if (json) print(JSON.stringify(statistics, null, 2));
  else describe(statistics).forEach(print);
}

/** What `train` takes where nothing else is said. */
const DEFAULT_MAX_LENGTH = 512;

function describe(statistics: DataStatistics): string[] {
  const { files, turns, roles, characters, answerCharacters, tokens, histogram } = statistics;
  const lines = [
    ...files.map(({ path, format, rows }) => `${path}: ${rows} ${format} rows`),
    rowLine(statistics),
  ];
  if (turns !== undefined) {
    const ofRoles = Object.entries(roles).map(([role, count]) => `${count} ${role}`).join(", ");
    lines.push(summaryLine("messages of a conversation", turns), `roles: ${ofRoles}`);
  }
  if (characters !== undefined) lines.push(summaryLine("characters of a row", characters));
  if (answerCharacters !== undefined) {
    lines.push(summaryLine("characters of an answer", answerCharacters));
  }
  if (tokens !== undefined) {
    const { trainedTokens, trainedShare, maxLength, longerRows, padding, batchSize, packing } =
      tokens;
    lines.push(
      summaryLine("tokens of a row", tokens),
      `${formatCount(tokens.total)} tokens, ${formatCount(trainedTokens)} of them trained (${
        percent(trainedShare)
      })`,
      `rows longer than ${maxLength} tokens: ${longerRows}`,
      `padding of batches of ${batchSize} rows in random order: ${
        percent(padding)
      } of all positions`,
    );
    if (packing !== undefined) {
      lines.push(
        `packed: ${packing.sequences} sequences of ${maxLength} tokens, ${
          percent(packing.filled)
        } full`,
      );
    }
  }
  if (histogram.length === 0) return lines;
  return [
    ...lines,
    "",
    ...drawHistogram(histogram, { unit: tokens === undefined ? "characters" : "tokens" }),
  ];
}

function rowLine({ rows, unusable, kinds }: DataStatistics): string {
  const ofKinds = Object.entries(kinds).filter(([, count]) => count > 0)
    .map(([kind, count]) => `${count} ${kind}`);
  const refused = Object.entries(unusable).map(([code, count]) => `${count} ${code}`);
  const unusableRows = refused.length === 0 ? "" : `; cannot be used: ${refused.join(", ")}`;
  return `${rows} rows: ${ofKinds.join(", ") || "none can be used"}${unusableRows}`;
}

function summaryLine(what: string, { min, median, mean, p95, max }: LengthSummary): string {
  const average = mean < 100 ? mean.toFixed(1) : mean.toFixed(0);
  return `${what}: ${min} at least, ${median} in the middle, ${average} on average, ${p95} for 95 %, ${max} at most`;
}

const percent = (part: number): string => `${(100 * part).toFixed(1)} %`;
