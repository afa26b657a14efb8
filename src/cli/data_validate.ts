/**
 * `data validate`: every mistake of a data set.
 *
 * @module
 */

import { type Command, Option } from "commander";
import { fileDescription } from "../datasets/sources/describe_file.ts";
import type { DataFile } from "../datasets/sources/data_file.ts";
import type { FileReport } from "../datasets/validation/file_report.ts";
import type { Finding } from "../datasets/validation/finding.ts";
import {
  LEVEL_SUMMARIES,
  VALIDATION_LEVELS,
  type ValidationLevel,
} from "../datasets/validation/levels.ts";
import { validateDataset, type ValidationReport } from "../datasets/validation/validate_dataset.ts";
import { evaluationHash, verdictsOf, writeVerdict } from "../datasets/validation/verdict.ts";
import { messageOf, UserError } from "../utils/errors.ts";
import { formatCount } from "../utils/format.ts";
import { homePaths, resolveHome } from "../utils/paths.ts";
import { addDataOptions, type DataOptions, openDataModel, openFiles } from "./data_options.ts";
import { interruptible } from "./interrupt.ts";
import { pathContext } from "./model_options.ts";
import { integerOption } from "./option_values.ts";
import { addExamples } from "./program.ts";
import { print, printError } from "./terminal.ts";

interface ValidateOptions extends DataOptions {
  readonly level: ValidationLevel;
  readonly evalDataset?: string;
  readonly maxFindings: number;
  readonly json?: boolean;
}

/** Findings that are shown of each kind, unless others are asked for. */
const SHOWN = 10;

/** Adds `data validate` to `data`. */
export function registerDataValidate(data: Command): void {
  const command = data.command("validate <files...>")
    .description(
      "Check every row of files or folders and report all mistakes with their lines; ends with status 1 if there are any.",
    )
    .addOption(
      new Option("--level <level>", "how closely to look (see below)")
        .choices(VALIDATION_LEVELS).default("standard"),
    )
    .option("--eval-dataset <file>", "the evaluation set, whose rows must not be among those");
  addDataOptions(command)
    .option(
      "--max-findings <number>",
      "how many errors of each file to list in JSON, and as many warnings",
      integerOption({ min: 1 }),
      100_000,
    )
    .option("--json", "print the report as one JSON object")
    .addHelpText("after", levelHelp())
    .action((paths: readonly string[], options: ValidateOptions) =>
      interruptible((signal) => validate(paths, { ...options, signal }))
    );
  addExamples(command, [
    "llm-training data validate data.jsonl",
    "llm-training data validate data.jsonl --level deep --eval-dataset held-out.jsonl",
    "llm-training data validate data.jsonl --model models/tiny --max-length 512 --json",
  ]);
}

function levelHelp(): string {
  const width = Math.max(...VALIDATION_LEVELS.map((level) => level.length)) + 2;
  const lines = VALIDATION_LEVELS.map((level) =>
    `  ${level.padEnd(width)}${LEVEL_SUMMARIES[level]}`
  );
  return `\nLevels:\n${lines.join("\n")}`;
}

async function validate(
  paths: readonly string[],
  options: ValidateOptions & { readonly signal: AbortSignal },
): Promise<void> {
  const { level, evalDataset, maxFindings, json = false, signal, maxLength, trainOn } = options;
  const found = options.model === undefined ? undefined : await openDataModel(options.model);
  const model = found && { ...found, maxLength: maxLength ?? found.maxPositions, trainOn };
  const files = await openFiles(paths, options);
  const evaluation = evalDataset === undefined ? [] : await openFiles([evalDataset], { signal });
  const report = await validateDataset(files, {
    ...{ level, model, maxLength, evaluation, maxFindings, signal },
  });
  await keepVerdicts(report, options.format ?? null);
  if (json) print(JSON.stringify(reportJson(report), null, 2));
  else describe(files, report).forEach(print);
  if (report.valid) return;
  const names = paths.map((path) => `"${path}"`).join(", ");
  const { rows, usableRows, errorCount } = report;
  throw new UserError(
    usableRows < rows
      ? `Cannot train on ${names}: ${rows - usableRows} of its ${rows} rows cannot be used`
      : `Cannot accept ${names}: it has ${errorCount} error${errorCount === 1 ? "" : "s"}`,
  );
}

/** The report as JSON: what was found of each file is in the lists already. */
function reportJson(
  { files, errors, warnings, rows, evaluation, ...rest }: ValidationReport,
): unknown {
  const formats = new Set(files.map(({ format }) => format));
  const [only] = files;
  return {
    ...{ rows, errors, warnings },
    ...rest,
    format: formats.size === 1 ? only?.format : "mixed",
    ...files.length === 1 ? { sha256: only?.sha256 } : {},
    files: files.map(fileJson),
    ...evaluation.length > 0 ? { evaluation: evaluation.map(fileJson) } : {},
  };
}

function fileJson({ path, format, sha256, rows, unusableRows }: FileReport): unknown {
  return { path, format, sha256, rows, unusableRows };
}

/** Verdicts save time, so that a home that cannot be written is no reason to fail. */
async function keepVerdicts(report: ValidationReport, format: string | null): Promise<void> {
  const folder = homePaths(resolveHome(pathContext()).path).verdicts;
  try {
    const now = new Date();
    const evaluation = evaluationHash(report.evaluation.flatMap(({ sha256 }) => sha256 ?? []));
    for (const compared of new Set([null, evaluation])) {
      for (const verdict of verdictsOf(report, { format, evaluation: compared, now })) {
        await writeVerdict(folder, verdict);
      }
    }
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    printError(`warning: the verdict is not kept: ${messageOf(error)}`);
  }
}

function describe(files: readonly DataFile[], report: ValidationReport): string[] {
  const { rows, usableRows, kinds, lengths } = report;
  const ofKinds = Object.entries(kinds).filter(([, count]) => count > 0)
    .map(([kind, count]) => `${count} ${kind}`).join(", ");
  const lines = [
    ...files.map((file) => fileDescription(file)),
    `${rows} rows, ${usableRows} can be used${usableRows > 0 ? ` (${ofKinds})` : ""}`,
  ];
  if (lengths !== undefined) {
    const { tokens, trainedTokens, min, median, p95, max, maxLength, longerRows, droppedRows } =
      lengths;
    lines.push(
      `${formatCount(tokens)} tokens, ${formatCount(trainedTokens)} of them trained`,
      `tokens of a row: ${min} at least, ${median} in the middle, ${p95} for 95 %, ${max} at most`,
      `rows longer than ${maxLength} tokens: ${longerRows}; left with nothing to train: ${droppedRows}`,
    );
  }
  return [
    ...lines,
    ...listed("error", report.errors, report),
    ...listed("warning", report.warnings, report),
  ];
}

/** The first findings of each kind, and how many more there are. */
function listed(
  severity: "error" | "warning",
  findings: readonly Finding[],
  { counts }: ValidationReport,
): string[] {
  const byCode = Map.groupBy(findings, ({ code }) => code);
  return [...byCode].flatMap(([code, ofCode]) => {
    const lines = ofCode.slice(0, SHOWN).map((finding) => `${severity}: ${findingLine(finding)}`);
    const more = (counts[code] ?? 0) - lines.length;
    return more > 0 ? [...lines, `… and ${more} more of ${code}`] : lines;
  });
}

function findingLine({ line, row, code, message, fix, source }: Finding): string {
  const place = row === undefined ? `line ${line}` : `line ${line} (row ${row})`;
  const where = [...line > 0 ? [place] : [], ...source === undefined ? [] : [`"${source}"`]];
  return `${where.join(" of ")}${where.length > 0 ? ": " : ""}${message}; ${fix} [${code}]`;
}
