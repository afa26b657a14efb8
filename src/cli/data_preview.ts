/**
 * `data preview`: rows as they will be trained on.
 *
 * @module
 */

import type { Command } from "commander";
import { type PreviewRow, previewRows } from "../datasets/preview_rows.ts";
import { problemText } from "../datasets/row_error.ts";
import { fileDescription } from "../datasets/sources/describe_file.ts";
import { UserError } from "../utils/errors.ts";
import { coloured, showsColours } from "./colours.ts";
import { addDataOptions, type DataOptions, openFiles, openTokenizerModel } from "./data_options.ts";
import { interruptible } from "./interrupt.ts";
import { integerOption } from "./option_values.ts";
import { addExamples } from "./program.ts";
import { print } from "./terminal.ts";

interface PreviewOptions extends DataOptions {
  readonly rows?: number;
  readonly row?: number;
  readonly ids?: boolean;
  readonly json?: boolean;
}

const DEFAULT_ROWS = 3;

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
  const tokenizer = name === undefined
    ? undefined
    : (await openTokenizerModel(name, "preview")).tokenizer;
  const files = await openFiles(paths, options);
  const style: Style = { colours: showsColours(), ids: options.ids ?? false };
  if (!json) {
    for (const file of files) {
      print(`${files.length > 1 ? `${file.path}: ` : ""}${fileDescription(file)}`);
    }
    print(legend(style));
  }
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

interface Style {
  readonly colours: boolean;
  readonly ids: boolean;
}

function legend(style: Style): string {
  return `${marked("trained", true, style)}${style.colours ? ", " : ", the rest is "}${
    marked("only read", false, style)
  }`;
}

function describe(row: PreviewRow, style: Style): string[] {
  const { line, row: number, kind, warnings, problem, tokenCount, trainedCount, cutOff } = row;
  const place = number === undefined ? `line ${line}` : `line ${line} (row ${number})`;
  const counts = tokenCount === undefined ? "" : `, ${tokenCount} tokens, ${trainedCount} trained`;
  const heading = `── ${place}, ${kind ?? "cannot be used"}${counts}${
    warnings.map((warning) => `, warning: ${warning}`).join("")
  }`;
  if (problem !== undefined) return [heading, `error: ${problemText(problem)}`];
  const cut = cutOff === undefined ? [] : [`✂ ${cutOff} more tokens, beyond --max-length`];
  return [heading, body(row, style), ...cut];
}

function body({ tokens, segments }: PreviewRow, style: Style): string {
  if (tokens === undefined) {
    return (segments ?? []).map(({ text, trained }) => marked(text, trained, style)).join("");
  }
  if (style.ids) {
    return stretches(
      tokens.map(({ id, text, trained }) => ({ text: `${shownText(text)}‹${id}› `, trained })),
      style,
    );
  }
  return stretches(tokens, style);
}

interface Piece {
  readonly text: string;
  readonly trained: boolean;
}

/** Pieces of one kind are marked together. */
function stretches(pieces: readonly Piece[], style: Style): string {
  let text = "";
  for (let start = 0; start < pieces.length;) {
    const { trained } = pieces[start]!;
    const next = pieces.findIndex((piece, i) => i > start && piece.trained !== trained);
    const end = next === -1 ? pieces.length : next;
    const whole = pieces.slice(start, end).map((piece) => piece.text).join("");
    text += marked(style.ids ? whole.trimEnd() : whole, trained, style);
    if (style.ids && end < pieces.length) text += " ";
    start = end;
  }
  return text;
}

function marked(text: string, trained: boolean, { colours }: Style): string {
  if (colours) return coloured(text, trained ? "trained" : "masked");
  return trained && text !== "" ? `⟦${text}⟧` : text;
}

/** Text beside an id: white space is made visible. */
function shownText(text: string): string {
  return text.replaceAll(" ", "·").replaceAll("\t", "→").replaceAll("\r", "␍").replaceAll(
    "\n",
    "↵\n",
  );
}
