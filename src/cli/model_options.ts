/**
 * The options that say which model to run, and where.
 *
 * @module
 */

import { type Command, Option } from "commander";
import { DEVICE_WISHES, type DeviceWish } from "../engine/runtime/devices.ts";
import { WEIGHT_WISHES, type WeightWish } from "../inference/generation/weight_types.ts";
import { isAdapterFolder, openAdapter } from "../models/adapters/folder.ts";
import { downloadModel } from "../models/hub/download_model.ts";
import { formatReference } from "../models/hub/reference.ts";
import {
  type HubDownload,
  resolveModel,
  type ResolveOptions,
} from "../models/stored/resolve_model.ts";
import { baseOf } from "../models/stored/stored_model.ts";
import { UserError } from "../utils/errors.ts";
import type { PathContext } from "../utils/paths.ts";
import { createDownloadDisplay } from "./download_progress.ts";
import { integerOption } from "./option_values.ts";

/** What the options give. */
export interface ModelOptions {
  /** A folder, a run or a name. */
  readonly model: string;
  /** Where to run. */
  readonly device: DeviceWish;
  /** An adapter for it: a folder, or the run that trained it. */
  readonly adapter?: string;
  /** CPU threads. */
  readonly threads?: number;
  /** The form in which weights are held. */
  readonly weights: WeightWish;
}

/** A model on disk. */
export interface ModelPlace {
  /** Its folder, or its `.gguf` file. */
  readonly folder: string;
  /** Folder of the adapter that was named; `folder` is then the model that it was made for. */
  readonly adapter?: string;
  /** What to call it. */
  readonly id: string;
}

/** Options of {@linkcode findModelOrRun}. */
export type FindModelOptions = Pick<ResolveOptions, "context" | "part">;

/**
 * Finds the model and the adapter that the options name.
 *
 * @throws {UserError} If one of them cannot be found, or there would be two adapters.
 */
export async function findModelAndAdapter(
  { model, adapter }: Pick<ModelOptions, "model" | "adapter">,
  options: FindModelOptions,
): Promise<ModelPlace> {
  const place = await findModelOrRun(model, options);
  if (adapter === undefined) return place;
  if (place.adapter !== undefined) {
    throw new UserError(`Cannot use --adapter with "${model}": it is an adapter itself`);
  }
  return { ...place, adapter: await findAdapter(adapter, options) };
}

/** What `--model` takes, in the words of every command's help. */
export const MODEL_HELP =
  "a model's or adapter's folder, a run, a checkpoint, a .gguf file, a hub id (owner/name[@revision]) or an alias (qwen3)";

/** Adds `--model`, `--adapter`, `--device`, `--threads` and `--weights` to `command`. */
export function addModelOptions(command: Command): Command {
  return command
    .requiredOption(
      "--model <model>",
      MODEL_HELP,
    )
    .option("--adapter <adapter>", "an adapter for --model: its folder, or the run that trained it")
    .addOption(
      new Option("--device <device>", "where to run").choices(DEVICE_WISHES).default("auto"),
    )
    .option(
      "--threads <number>",
      "CPU threads (default: by the machine)",
      integerOption({ min: 1 }),
    )
    .addOption(
      new Option("--weights <form>", "how weights are held: smaller ones are faster and less exact")
        .choices(WEIGHT_WISHES).default("f32"),
    );
}

/** Returns what file names on the command line are relative to. */
export function pathContext(): PathContext {
  return { env: Deno.env.toObject(), cwd: Deno.cwd() };
}

/**
 * Finds the model that `--model` names, and downloads it if it is on the hub and not in the cache.
 *
 * @throws {UserError} If there is none, or if it is a preset, which has no weights.
 */
export async function findModelOrRun(
  name: string,
  options: FindModelOptions,
): Promise<ModelPlace> {
  const found = await resolveModel(name, { ...options, download: downloadShown });
  if (found.kind === "preset") {
    throw new UserError(
      `Cannot use preset "${name}": it has no weights yet; train it with: ` +
        `llm-training train --dataset data.jsonl --model ${name}`,
    );
  }
  const { path, id } = found;
  if (!isAdapterFolder(path)) return { folder: path, id };
  return { folder: await findBase(path, options), adapter: path, id };
}

/**
 * Finds the folder of the adapter that `--adapter` names: of a run, its newest whole checkpoint.
 *
 * @throws {UserError} If there is none, or it is a whole model.
 */
export async function findAdapter(name: string, options: FindModelOptions): Promise<string> {
  const found = await resolveModel(name, { ...options, download: downloadShown });
  if (found.kind !== "preset" && isAdapterFolder(found.path)) return found.path;
  throw new UserError(
    `Cannot use "${name}" as an adapter: it is a whole model; give it as --model`,
  );
}

/** Finds the model that the adapter in `folder` was made for. */
async function findBase(folder: string, options: FindModelOptions): Promise<string> {
  using adapter = await openAdapter(folder);
  return await baseOf(adapter, async (name) => (await findModelOrRun(name, options)).folder);
}

/** Downloads a model from the hub, shows how it goes on standard error, and returns its folder. */
export async function downloadShown(wanted: HubDownload): Promise<string> {
  const { reference, settings, part } = wanted;
  const name = formatReference(reference);
  using display = createDownloadDisplay();
  display.line(
    `downloading "${name}" from ${settings.endpoint}, as it is neither a folder nor in the cache`,
  );
  return (await downloadModel(reference, { settings, part, onEvent: display.show })).folder;
}
