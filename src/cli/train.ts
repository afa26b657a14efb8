/**
 * `train`: one training run, start to finish.
 *
 * @module
 */

import type { Command } from "commander";
import { basename, join, resolve } from "node:path";
import { train, type TrainEvent } from "../core/train.ts";
import { TRAINING_DEFAULTS, type TrainingConfig } from "../core/training/config.ts";
import { readRunConfig } from "../core/training/run_folder.ts";
import { isCommit } from "../models/hub/reference.ts";
import { PRESETS } from "../models/presets.ts";
import { resolveModel } from "../models/stored/resolve_model.ts";
import { UserError } from "../utils/errors.ts";
import { homePaths, type PathContext, resolveHome } from "../utils/paths.ts";
import { interruptible } from "./interrupt.ts";
import { downloadShown, findAdapter, pathContext } from "./model_options.ts";
import { addExamples } from "./program.ts";
import { print, printError } from "./terminal.ts";
import { runPlanTable } from "./run_plan_table.ts";
import {
  addTrainingFlags,
  resolveAdapterFlags,
  type TrainingFlags,
  trainingFlags,
} from "./train_flags.ts";
import { createProgressDisplay } from "./train_progress.ts";

/** What the command line gives besides the settings. */
interface TrainCommandOptions {
  readonly output?: string;
  readonly resume?: boolean;
  readonly json?: boolean;
  readonly dryRun?: boolean;
}

/** Adds `train` to `program`. */
export function registerTrain(program: Command): void {
  const command = program.command("train")
    .description(
      "Train a model on a data set, from scratch or from a model's folder. Rows are OpenAI messages, " +
        "prompt and completion, text, or token ids with labels.",
    );
  addTrainingFlags(command)
    .option("--output <folder>", "folder of the run (default: a new one in the home's runs)")
    .option("--resume", "continue the run in --output from its newest checkpoint")
    .option(
      "--dry-run",
      "only tell what the run would do and what memory and disk it would take; fails if it would not fit",
    )
    .option("--json", "print one JSON object for each thing that happens")
    .action((options: TrainCommandOptions) => run(options, trainingFlags(command)));
  addExamples(command, [
    "llm-training train --dataset data.jsonl --model 1m",
    "llm-training train --dataset data.jsonl --model Qwen/Qwen3-0.6B --max-length 256",
    "llm-training train --dataset data.jsonl --model my-model --output runs/mine --save-steps 100",
    "llm-training train --dataset data.jsonl --model my-model --lora-rank 16 --output runs/adapter",
    "llm-training train --dataset data.jsonl --model my-model --lora-rank 16 --dry-run",
    "llm-training train --resume --output runs/mine",
    "llm-training train --dataset train.jsonl --model 5m --eval-dataset held-out.jsonl --eval-steps 50",
  ]);
}

async function run(options: TrainCommandOptions, flags: TrainingFlags): Promise<void> {
  const context = pathContext();
  const { resume = false, json = false, dryRun = false } = options;
  const { config, output } = resume
    ? await resumedRun(options, { flags, context })
    : await newRun(options, { flags, context });
  const display = json ? undefined : createProgressDisplay();
  const onEvent = (event: TrainEvent) => {
    if (dryRun && !json && event.kind === "planned") return print(runPlanTable(event.plan));
    return display === undefined ? print(JSON.stringify(event)) : display.show(event);
  };
  await interruptible(async (signal) => {
    const { interrupted, step, best } = await train({
      ...{ config, output, resume, dryRun, signal, onEvent },
      verdicts: { folder: homePaths(resolveHome(context).path).verdicts },
      tokenCache: { folder: homePaths(resolveHome(context).path).tokens },
    });
    if (json || dryRun) return;
    printError(
      interrupted
        ? `stopped after step ${step}; go on with: llm-training train --resume --output ${output}`
        : `finished after step ${step}; talk with it: llm-training chat --model ${
          best?.path ?? output
        }`,
    );
  });
}

/** Settings that decide what is trained, and cannot change within a run. */
const ADAPTER_SETTINGS: readonly (keyof TrainingConfig)[] = [
  "adapter",
  "loraRank",
  "loraAlpha",
  "loraTargetModules",
  "loraModulesToSave",
  "loraVariant",
];

/** The settings and the folder of a run. */
interface ResolvedRun {
  readonly config: TrainingConfig;
  readonly output: string;
}

interface RunInput {
  readonly flags: TrainingFlags;
  readonly context: PathContext;
}

async function newRun(
  options: TrainCommandOptions,
  { flags, context }: RunInput,
): Promise<ResolvedRun> {
  const { dataset, model } = flags;
  if (dataset === undefined) {
    throw new UserError("Cannot train without data: give --dataset <file>, a JSON Lines file");
  }
  if (model === undefined) {
    const names = Object.keys(PRESETS).join(", ");
    throw new UserError(
      `Cannot train without a model: give --model <folder>, a model on the hub (owner/name), or a preset (${names})`,
    );
  }
  const given = await withPaths(resolveAdapterFlags(flags), context);
  const config = { ...TRAINING_DEFAULTS, dataset, model, ...given };
  const output = options.output === undefined
    ? join(
      homePaths(resolveHome(context).path).runs,
      runName(config, { typed: model, now: new Date() }),
    )
    : resolve(context.cwd, options.output);
  return { config, output };
}

async function resumedRun(
  options: TrainCommandOptions,
  { flags, context }: RunInput,
): Promise<ResolvedRun> {
  if (options.output === undefined) {
    throw new UserError("Cannot resume: give --output <folder>, the folder of the run");
  }
  const output = resolve(context.cwd, options.output);
  const before = await readRunConfig(output);
  if (before !== undefined) {
    // The run saved the steps that its epochs come to; other epochs come to others.
    const maxSteps = flags.epochs === undefined ? before.maxSteps : null;
    const given = await withPaths(flags, context);
    if (given.model !== undefined && given.model !== before.model) {
      throw new UserError(
        `Cannot resume "${output}" with --model "${given.model}": it trains "${before.model}"; ` +
          "leave --model out, or start a new run with another --output",
      );
    }
    const changed = ADAPTER_SETTINGS.find((key) =>
      given[key] !== undefined && JSON.stringify(given[key]) !== JSON.stringify(before[key])
    );
    if (changed !== undefined) {
      throw new UserError(
        `Cannot resume "${output}" with another "${changed}": the run began with ${
          JSON.stringify(before[changed])
        }; start a new run with another --output`,
      );
    }
    return { config: { ...before, maxSteps, ...given }, output };
  }
  if (flags.dataset === undefined || flags.model === undefined) {
    throw new UserError(`Cannot resume: "${output}" holds no run; look at --output`);
  }
  return await newRun(options, { flags, context });
}

/** Makes the paths that are given absolute and finds the model. */
async function withPaths(flags: TrainingFlags, context: PathContext): Promise<TrainingFlags> {
  const { model, dataset, evalDataset, adapter } = flags;
  return {
    ...flags,
    ...(adapter && { adapter: await findAdapter(adapter, { context }) }),
    ...(model && { model: await findBase(model, context) }),
    ...(dataset && { dataset: resolve(context.cwd, dataset) }),
    ...(evalDataset && { evalDataset: resolve(context.cwd, evalDataset) }),
  };
}

/** Returns the name of a preset, or the folder of the model that `name` stands for. */
async function findBase(name: string, context: PathContext): Promise<string> {
  const options = { context, presetsFirst: true, download: downloadShown };
  const found = await resolveModel(name, options);
  return found.kind === "preset" ? found.id : found.path;
}

/** Returns a name that sorts by time and says what was trained. */
function runName(
  { model, dataset }: TrainingConfig,
  { typed, now }: { readonly typed: string; readonly now: Date },
): string {
  const time = now.toISOString().replaceAll(/[-:]/g, "").slice(0, 15);
  const data = basename(dataset).replace(/\.[^.]*$/, "");
  const folder = basename(model);
  // in the hub's cache, folders are named by their commits
  return `${time}-${isCommit(folder) ? basename(typed) : folder}-${data}`;
}
