/**
 * `data preview`: rows as they will be trained on.
 *
 * @module
 */

import type { Command } from "commander";
import { previewPacking } from "../datasets/preview_packing.ts";
import { type PreviewRow, previewRows } from "../datasets/preview_rows.ts";
import { problemText } from "../datasets/row_error.ts";
import type { DataFile } from "../datasets/sources/data_file.ts";
import { fileDescription } from "../datasets/sources/describe_file.ts";
import { UserError } from "../utils/errors.ts";
import { showsColours } from "./colours.ts";
import { addDataOptions, type DataOptions, openFiles, openTokenizerModel } from "./data_options.ts";
import { interruptible } from "./interrupt.ts";
import { integerOption } from "./option_values.ts";
import { addExamples } from "./program.ts";
import { print } from "./terminal.ts";
import { legend, styled, type TokenStyle } from "./token_style.ts";

interface PreviewOptions extends DataOptions {
  readonly rows?: number;
  readonly row?: number;
  readonly ids?: boolean;
  readonly packing?: boolean;
  readonly json?: boolean;
}

const DEFAULT_ROWS = 3;

/** What `train` takes where nothing else is said. */
const DEFAULT_MAX_LENGTH = 512;

/** Adds `data preview` to `data`. */
export function registerDataPreview(data: Command): void {
  const command = data.command("preview <files...>")
    .description(
      "Show rows as they will be trained on: what is trained in green, where there are no colours between ⟦ and ⟧.",
    );
  addDataOptions(command)
    .option(
      "--rows <count>",
      `how many rows to show (default: ${DEFAULT_ROWS})`,
      integerOption({ min: 1 }),
    )
    .option("--row <number>", "show this row only, counted from 1", integerOption({ min: 1 }))
    .option("--ids", "show the id of each token")
    .option("--packing", "show sequences as packing fills them")
    .option("--json", "print one JSON object for each row")
    .action((paths: readonly string[], options: PreviewOptions) =>
      interruptible((signal) => preview(paths, { ...options, signal }))
    );
  addExamples(command, [
    "llm-training data preview data.jsonl",
    "llm-training data preview data.jsonl --model Qwen/Qwen3-0.6B --rows 10",
    "llm-training data preview data.parquet --model Qwen/Qwen3-0.6B --row 17 --ids",
  ]);
}

async function preview(
  paths: readonly string[],
  options: PreviewOptions & { readonly signal: AbortSignal },
): Promise<void> {
  const { model: name, maxLength, trainOn, row: only, json = false, signal } = options;
  const { rows = only === undefined ? DEFAULT_ROWS : 1 } = options;
  const files = await openFiles(paths, options);
  const style: TokenStyle = { colours: showsColours(), ids: options.ids ?? false };
  if (!json) {
    for (const file of files) {
      print(`${files.length > 1 ? `${file.path}: ` : ""}${fileDescription(file)}`);
    }
    print(legend(style));
  }
  if (options.packing) return await showPacking(files, { ...options, style });
  const tokenizer = name === undefined
    ? undefined
    : (await openTokenizerModel(name, "preview")).tokenizer;
  let seen = 0;
  let shown = 0;
  for await (const row of previewRows(files, { tokenizer, maxLength, trainOn, signal })) {
    seen++;
    if (only !== undefined && seen < only) continue;
    if (json) print(JSON.stringify(files.length > 1 ? row : withoutPath(row)));
    else describe(row, style).forEach(print);
    if (++shown === rows) break;
  }
  if (shown === 0) {
    throw new UserError(
      `Cannot show row ${only} of ${
        paths.map((path) => `"${path}"`).join(", ")
      }: there are ${seen}`,
    );
  }
}

function withoutPath({ path: _, ...row }: PreviewRow): Omit<PreviewRow, "path"> {
  return row;
}

/** Rows that are packed to show how. */
const PACKED_ROWS = 1000;

async function showPacking(
  files: readonly DataFile[],
  options: PreviewOptions & { readonly style: TokenStyle; readonly signal: AbortSignal },
): Promise<void> {
  const { model: name, maxLength, trainOn, rows = DEFAULT_ROWS, json = false, signal } = options;
  if (name === undefined) {
    throw new UserError("Cannot show how rows are packed without a model: add --model");
  }
  const { tokenizer, maxPositions } = await openTokenizerModel(name, "preview");
  const sequences = await previewPacking(files, {
    tokenizer,
    maxLength: maxLength ?? Math.min(maxPositions, DEFAULT_MAX_LENGTH),
    ...{ trainOn, maxRows: PACKED_ROWS, signal },
  });
  if (json) return sequences.slice(0, rows).forEach((each) => print(JSON.stringify(each)));
  for (const [i, sequence] of sequences.slice(0, rows).entries()) {
    const { examples, tokenCount, trainedCount, filled } = sequence;
    print(
      `── sequence ${
        i + 1
      }, ${examples.length} examples, ${tokenCount} tokens, ${trainedCount} trained, ${
        (100 * filled).toFixed(1)
      } % full`,
    );
    for (const { line, tokens } of examples) {
      print(`line ${line}: ${styled(tokens, options.style)}`);
    }
  }
  const filled = sequences.reduce((sum, each) => sum + each.filled, 0) / (sequences.length || 1);
  print(
    `${sequences.length} sequences of the first ${PACKED_ROWS} rows at most, ${
      (100 * filled).toFixed(1)
    } % full`,
  );
}

function describe(row: PreviewRow, style: TokenStyle): string[] {
  const { line, row: number, kind, warnings, problem, tokenCount, trainedCount, cutOff } = row;
  const place = number === undefined ? `line ${line}` : `line ${line} (row ${number})`;
  const counts = tokenCount === undefined ? "" : `, ${tokenCount} tokens, ${trainedCount} trained`;
  const state = problem === undefined ? kind : "cannot be used";
  const odd = warnings.map((warning) => `, warning: ${warning}`).join("");
  const heading = `── ${place}, ${state}${counts}${odd}`;
  if (problem !== undefined) return [heading, `error: ${problemText(problem)}`];
  const cut = cutOff === undefined ? [] : [`✂ ${cutOff} more tokens, beyond --max-length`];
  return [heading, styled(row.tokens ?? row.segments ?? [], style), ...cut];
}
