/**
 * `data split`: one part to train on, one to evaluate on.
 *
 * @module
 */

import { type Command, Option } from "commander";
import { FORMAT_CHOICES, type FormatChoice } from "../datasets/formats.ts";
import {
  type HeldOut,
  SPLIT_GROUPINGS,
  splitFiles,
  type SplitGrouping,
} from "../datasets/split_files.ts";
import { UserError } from "../utils/errors.ts";
import { openFiles } from "./data_options.ts";
import { interruptible } from "./interrupt.ts";
import { integerOption, numberOption } from "./option_values.ts";
import { addExamples } from "./program.ts";
import { print, printError } from "./terminal.ts";

interface SplitOptions {
  readonly eval?: number;
  readonly evalRows?: number;
  readonly outputDir: string;
  readonly seed: number;
  readonly groupBy: SplitGrouping;
  readonly format?: FormatChoice;
  readonly overwrite?: boolean;
  readonly skipInvalidRows?: boolean;
  readonly json?: boolean;
}

/** Adds `data split` to `data`. */
export function registerDataSplit(data: Command): void {
  const command = data.command("split <files...>")
    .description(
      "Part a data set into train and eval files at random, and note in split.json how. Rows that are alike stay together, each file gives its share.",
    )
    .option(
      "--eval <part>",
      "the part to hold out, between 0 and 1",
      numberOption({ min: 0, max: 1 }),
    )
    .option("--eval-rows <count>", "how many rows to hold out", integerOption({ min: 1 }))
    .requiredOption("--output-dir <folder>", "where the files are written")
    .option("--seed <number>", "decides which rows", integerOption({ min: 0, max: 2 ** 32 - 1 }), 0)
    .addOption(
      new Option("--group-by <what>", "rows with the same prompt stay together, or only equal rows")
        .choices(SPLIT_GROUPINGS).default("prompt"),
    )
    .addOption(
      new Option("--format <form>", "the form of the rows (default: found out)")
        .choices(FORMAT_CHOICES),
    )
    .option("--skip-invalid-rows", "leave rows that cannot be used out of both parts")
    .option("--overwrite", "replace the files of an earlier split")
    .option("--json", "print one JSON object")
    .action((paths: readonly string[], options: SplitOptions) =>
      interruptible((signal) => split(paths, { ...options, signal }))
    );
  addExamples(command, [
    "llm-training data split data.jsonl --eval 0.1 --output-dir split",
    "llm-training data split a.csv b.csv --eval-rows 200 --seed 7 --output-dir split",
  ]);
}

async function split(
  paths: readonly string[],
  options: SplitOptions & { readonly signal: AbortSignal },
): Promise<void> {
  const heldOut = heldOutOf(options);
  const files = await openFiles(paths, options);
  const record = await splitFiles(files, { ...options, heldOut, now: new Date() });
  if (options.json) return print(JSON.stringify(record, null, 2));
  const { train, eval: held, skippedRows } = record;
  for (const { path, rows } of [train, held]) print(`${path}: ${rows} rows`);
  if (skippedRows > 0) printError(`warning: ${skippedRows} rows cannot be used and were left out`);
  const wanted = "rows" in heldOut ? heldOut.rows : undefined;
  if (wanted !== undefined && held.rows < wanted) {
    printError(
      `warning: ${held.rows} rows are held out instead of ${wanted}, because rows that are alike stay together`,
    );
  }
}

function heldOutOf({ eval: part, evalRows }: SplitOptions): HeldOut {
  if (part !== undefined && evalRows !== undefined) {
    throw new UserError("Cannot split by two sizes: give either --eval or --eval-rows");
  }
  if (evalRows !== undefined) return { rows: evalRows };
  if (part === undefined || part === 0 || part === 1) {
    throw new UserError("Cannot split without a size: give --eval <part>, for example 0.1");
  }
  return { part };
}
