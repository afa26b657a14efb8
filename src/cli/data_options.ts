/**
 * What the commands on data sets have in common: how files and models are named.
 *
 * @module
 */

import { type Command, Option } from "commander";
import { FORMAT_CHOICES, type FormatChoice } from "../datasets/formats.ts";
import type { DataFile } from "../datasets/sources/data_file.ts";
import { describeSources } from "../datasets/sources/describe_sources.ts";
import { parseSources } from "../datasets/sources/source_list.ts";
import { TRAIN_ON, type TrainOn } from "../datasets/train_on.ts";
import { createModel } from "../models/architectures.ts";
import { readModelConfig } from "../models/hub/folder.ts";
import { loadTokenizer } from "../models/tokenizer/load_tokenizer.ts";
import type { Tokenizer } from "../models/tokenizer/tokenizer.ts";
import { UserError } from "../utils/errors.ts";
import { findModelOrRun, type ModelPlace, pathContext } from "./model_options.ts";
import { integerOption } from "./option_values.ts";

/** What the options give. */
export interface DataOptions {
  /** A model, to read rows as it does. */
  readonly model?: string;
  /** The form of the rows. */
  readonly format?: FormatChoice;
  /** Most tokens of a row. */
  readonly maxLength?: number;
  /** Which tokens of conversations are trained. */
  readonly trainOn?: TrainOn;
}

/** A model as far as data is read with it. */
export interface DataModel {
  /** Reads texts. */
  readonly tokenizer: Tokenizer | undefined;
  /** Number of token ids. */
  readonly vocabSize: number;
  /** Most tokens that it takes. */
  readonly maxPositions: number;
}

/** Adds `--format`, `--model`, `--max-length` and `--train-on` to `command`. */
export function addDataOptions(command: Command): Command {
  return command
    .addOption(
      new Option("--format <form>", "the form of the rows (default: found out)")
        .choices(FORMAT_CHOICES),
    )
    .option("--model <model>", "a model, as train takes it, to read rows as it will")
    .option(
      "--max-length <tokens>",
      "most tokens of a row (default: what the model takes)",
      integerOption({ min: 2 }),
    )
    .addOption(
      new Option("--train-on <tokens>", "what is trained (default: assistant)").choices(TRAIN_ON),
    );
}

/**
 * Looks at the beginning of files and folders, each perhaps several separated by commas.
 *
 * @throws {UserError} If one cannot be read.
 */
export async function openFiles(
  paths: readonly string[],
  { format, signal }: Pick<DataOptions, "format"> & { readonly signal?: AbortSignal | undefined },
): Promise<readonly DataFile[]> {
  const sources = (await Promise.all(paths.map((path) => parseSources(path)))).flat();
  return await describeSources(sources, { format, signal });
}

/**
 * Opens what `--model` names.
 *
 * @throws {UserError} If there is no such model.
 */
export async function openDataModel(name: string): Promise<DataModel> {
  const place = await findModelOrRun(name, { context: pathContext(), part: "tokenizer" });
  const { vocabSize, maxPositions } = createModel(await readModelConfig(place.folder));
  return { tokenizer: await tokenizerOf(place), vocabSize, maxPositions };
}

/**
 * Opens what `--model` names, which must have a tokenizer.
 *
 * @throws {UserError} If it has none.
 */
export async function openTokenizerModel(
  name: string,
  action: string,
): Promise<DataModel & { readonly tokenizer: Tokenizer }> {
  const model = await openDataModel(name);
  const { tokenizer } = model;
  if (tokenizer !== undefined) return { ...model, tokenizer };
  throw new UserError(`Cannot ${action} with model "${name}": it has no tokenizer.json`);
}

async function tokenizerOf({ folder, adapter }: ModelPlace): Promise<Tokenizer | undefined> {
  const own = adapter === undefined ? undefined : await loadTokenizer(adapter);
  return own ?? await loadTokenizer(folder);
}
