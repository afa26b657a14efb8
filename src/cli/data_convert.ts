/**
 * `data convert`: a data set in another form, or as another kind of file.
 *
 * @module
 */

import { type Command, Option } from "commander";
import { CONVERT_FORMS, type ConvertForm } from "../datasets/convert_row.ts";
import { type ConversionReport, convertDataset } from "../datasets/convert_dataset.ts";
import { FORMAT_CHOICES, type FormatChoice } from "../datasets/formats.ts";
import { placeName } from "../datasets/row.ts";
import { fileDescription } from "../datasets/sources/describe_file.ts";
import { describeSources } from "../datasets/sources/describe_sources.ts";
import { outputKind } from "../datasets/sources/write_rows.ts";
import { UserError } from "../utils/errors.ts";
import { interruptible } from "./interrupt.ts";
import { addExamples } from "./program.ts";
import { print } from "./terminal.ts";

interface Options {
  readonly output: string;
  readonly to?: ConvertForm | "jsonl";
  readonly format?: FormatChoice;
  readonly force?: boolean;
  readonly json?: boolean;
}

/** Adds `convert` to the command `data`. */
export function registerDataConvert(data: Command): void {
  const command = data.command("convert <files...>")
    .summary("Write a data set in another form or as another kind of file")
    .description(
      "Write the rows of files and folders to one file, in another form or as they are. The name of --output says " +
        "what is written: .jsonl, .json, .csv, .tsv or .txt, with .gz or .zst behind it compressed. A row that the " +
        "form has no place for is left out and counted with the reason.",
    )
    .requiredOption("--output <file>", "the file to write")
    .addOption(
      new Option(
        "--to <form>",
        "form of the rows; jsonl leaves their fields as they are (the default)",
      )
        .choices([...CONVERT_FORMS, "jsonl"]),
    )
    .addOption(
      new Option("--format <form>", "form of the rows that are read (default: found out)")
        .choices(FORMAT_CHOICES),
    )
    .option("--force", "replace the file if it is there")
    .option("--json", "print what was done as JSON")
    .action((paths: readonly string[], options: Options) =>
      interruptible((signal) => convert(paths, { ...options, signal }))
    );
  addExamples(command, [
    "llm-training data convert alpaca.json --to messages --output chat.jsonl",
    "llm-training data convert train.parquet --output train.jsonl.zst",
    "llm-training data convert a.jsonl b.csv --to sharegpt --output both.json --json",
  ]);
}

async function convert(
  paths: readonly string[],
  { output, to, format, force = false, json = false, signal }: Options & {
    readonly signal: AbortSignal;
  },
): Promise<void> {
  const kind = outputKind(output);
  const form = to === "jsonl" ? undefined : to;
  if (to === "jsonl" && kind.container !== "jsonl") {
    throw new UserError(`Cannot write JSON Lines to "${output}": let its name end in .jsonl`);
  }
  if (kind.container === "text" && form !== undefined && form !== "text") {
    throw new UserError(
      `Cannot write ${form} rows to "${output}": plain text has no fields; let its name end in .jsonl`,
    );
  }
  if (!force && await exists(output)) {
    throw new UserError(`Cannot write "${output}": it is there already; add --force to replace it`);
  }
  const sources = paths.map((path) => ({ path, weight: 1 }));
  const files = await describeSources(sources, { format, signal });
  const report = await convertDataset(files, { output, kind, form, signal });
  if (json) {
    const { container, compression } = kind;
    const of = { output, form: form ?? "as they are", container, compression: compression ?? null };
    print(JSON.stringify({ ...of, ...jsonReport(report) }, null, 2));
    return;
  }
  for (const file of files) print(`${file.path}: ${fileDescription(file)}`);
  describe(report, output).forEach(print);
}

function jsonReport({ rows, converted, refused }: ConversionReport) {
  return {
    rows,
    converted,
    refused: rows - converted,
    reasons: refused.map(({ reason, rows, first: { path, line } }) => ({
      reason,
      rows,
      source: path,
      line,
    })),
  };
}

function describe({ rows, converted, refused }: ConversionReport, output: string): string[] {
  return [
    `wrote ${converted.toLocaleString("en-US")} of ${
      rows.toLocaleString("en-US")
    } rows to ${output}`,
    ...refused.map(({ reason, rows, first }) =>
      `left out ${rows.toLocaleString("en-US")}: ${reason} (the first is ${
        placeName(first)
      } of "${first.path}")`
    ),
  ];
}

async function exists(path: string): Promise<boolean> {
  try {
    await Deno.lstat(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
