/**
 * `model merge`: a model with an adapter's updates in its weights.
 *
 * @module
 */

import { type Command, Option } from "commander";
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { mergeAdapterFolder, MERGED_DTYPES, type MergedDtype } from "../core/merge_adapter.ts";
import { chooseDevice, DEVICE_WISHES, type DeviceWish } from "../engine/runtime/devices.ts";
import { CONFIG_FILE } from "../models/hub/files.ts";
import { UserError } from "../utils/errors.ts";
import { findAdapter, findModelOrRun, MODEL_HELP, pathContext } from "./model_options.ts";
import { addExamples } from "./program.ts";
import { print, printError } from "./terminal.ts";

interface MergeCommandOptions {
  readonly model?: string;
  readonly adapter: string;
  readonly output: string;
  readonly dtype: MergedDtype;
  readonly device: DeviceWish;
  readonly force?: boolean;
  readonly json?: boolean;
}

/** Adds `merge` to `model`. */
export function registerModelMerge(model: Command): void {
  const command = model.command("merge")
    .description(
      "Save a model with an adapter's updates in its weights, once its logits have been found equal to those of " +
        "model and adapter.",
    )
    .option("--model <model>", `${MODEL_HELP} (default: the model that the adapter names)`)
    .requiredOption("--adapter <adapter>", "an adapter's folder, or the run that trained it")
    .requiredOption("--output <folder>", "folder of the merged model")
    .addOption(
      new Option("--dtype <dtype>", "how its weights are stored").choices(MERGED_DTYPES)
        .default("f32"),
    )
    .addOption(
      new Option("--device <device>", "where logits are compared").choices(DEVICE_WISHES)
        .default("auto"),
    )
    .option("--force", "replace the model that --output holds")
    .option("--json", "print the result as JSON")
    .action(run);
  addExamples(command, [
    "llm-training model merge --adapter runs/adapter --output models/merged",
    "llm-training model merge --model smollm2 --adapter my-adapter --output merged --dtype bf16",
  ]);
}

async function run(options: MergeCommandOptions): Promise<void> {
  const context = pathContext();
  const output = resolve(context.cwd, options.output);
  if (existsSync(join(output, CONFIG_FILE)) && !options.force) {
    throw new UserError(
      `Cannot merge into "${output}": it holds a model; add --force to replace it`,
    );
  }
  const adapter = await findAdapter(options.adapter, { context });
  const { folder } = await findModelOrRun(options.model ?? adapter, { context });
  const { device } = await chooseDevice(options.device);
  const { path, difference } = await mergeAdapterFolder({
    model: folder,
    adapter,
    output,
    dtype: options.dtype,
    device,
  });
  if (options.json) print(JSON.stringify({ path, difference, dtype: options.dtype }));
  else {
    printError(
      `logits agree with those of model and adapter to ${
        difference.toExponential(1)
      } of the largest`,
    );
    print(path);
  }
}
