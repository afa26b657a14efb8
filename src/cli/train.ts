/**
 * `train`: one training run, start to finish.
 *
 * @module
 */

import type { Command } from "commander";
import { evaluateLoss } from "../core/evaluate_loss.ts";
import { train, type TrainEvent } from "../core/train.ts";
import { resolveTracker } from "../monitoring/trackers/settings.ts";
import type { GivenSettings } from "../utils/settings/layers.ts";
import {
  addConfigOptions,
  type ConfigOptions,
  printSettings,
  warnOfSettings,
} from "./config_options.ts";
import { InterruptedError } from "./exit_status.ts";
import { interruptible } from "./interrupt.ts";
import { pathContext } from "./model_options.ts";
import { addPlatformFlags, checkPlatformFlags } from "./platform_flags.ts";
import { addExamples } from "./program.ts";
import { readPrompts } from "./prompt_file.ts";
import { runPlanTable } from "./run_plan_table.ts";
import { addSettingFlags, flagSettings } from "./setting_flags.ts";
import { TRAIN_SETTINGS } from "./settings_sections.ts";
import { homePaths, resolveHome } from "../utils/paths.ts";
import { print, printError } from "./terminal.ts";
import { createProgressDisplay } from "./train_progress.ts";
import { supervise, tell, tellFailure } from "./train_supervised.ts";
import { completeRun, resolveTrainSettings } from "./train_run.ts";

/** What the command line gives besides the settings. */
interface TrainCommandOptions extends ConfigOptions {
  readonly resume?: boolean;
  readonly json?: boolean;
  readonly dryRun?: boolean;
  readonly supervised?: boolean;
  readonly evaluateOnly?: boolean;
  readonly samplePrompts?: string;
}

/** Adds `train` to `program`. */
export function registerTrain(program: Command): void {
  const command = program.command("train")
    .description(
      "Train a model on a data set, from scratch or from a model's folder. Rows are OpenAI messages, " +
        "prompt and completion, text, or token ids with labels.",
    );
  addPlatformFlags(addConfigOptions(addSettingFlags(command, TRAIN_SETTINGS)))
    .option(
      "--sample-prompts <file>",
      "file with texts as of --sample-prompt: one a line, or JSON Lines with prompts",
    )
    .option("--resume", "continue the run in --output from its newest checkpoint")
    .option(
      "--dry-run",
      "only tell what the run would do and what memory and disk it would take; fails if it would not fit",
    )
    .option("--json", "print one JSON object for each thing that happens")
    .option(
      "--supervised",
      "as --json, and take commands on standard input, as the daemon gives them; its end saves and ends the run",
    )
    .option("--evaluate-only", "train nothing: print the loss of --model on --dataset as JSON")
    .action(async (options: TrainCommandOptions) => {
      try {
        await run(options, command);
      } catch (error) {
        if (options.supervised && !(error instanceof InterruptedError)) tellFailure(error);
        throw error;
      }
    });
  addExamples(command, [
    "llm-training train --dataset data.jsonl --model 1m",
    "llm-training train --dataset data.jsonl --model Qwen/Qwen3-0.6B --max-length 256",
    "llm-training train --dataset data.jsonl --model my-model --output runs/mine --save-steps 100",
    "llm-training train --dataset data.jsonl --model my-model --lora-rank 16 --output runs/adapter",
    "llm-training train --dataset data.jsonl --model my-model --lora-rank 16 --dry-run",
    "llm-training train --resume --output runs/mine",
    "llm-training train --dataset data.jsonl --model 5m --tracker tensorboard --sample-prompt 'Hello'",
    "llm-training train --config run.yaml --learning-rate 1e-4 --print-config",
    "llm-training train --dataset train.jsonl --model 5m --eval-dataset held-out.jsonl --eval-steps 50",
  ]);
}

async function run(options: TrainCommandOptions, command: Command): Promise<void> {
  const context = pathContext();
  const { resume = false, json = false, dryRun = false } = options;
  const onWarning = warnOfSettings;
  checkPlatformFlags(command, onWarning);
  const flags = flagSettings(command, { table: TRAIN_SETTINGS, cwd: context.cwd, onWarning });
  const given = await resolveTrainSettings({
    flags: await withPromptFile(flags, options.samplePrompts),
    ...{ config: options.config, resume, context, onWarning },
  });
  if (options.printConfig) return printSettings(given.settings, { table: TRAIN_SETTINGS, json });
  const { config, output } = await completeRun(given, { resume, context, onWarning });
  const { trackerProject: project, trackerRunName: runName } = config;
  const trackers = config.trackers.map((each) =>
    resolveTracker(each, { ...context, project, runName })
  );
  const home = homePaths(resolveHome(context).path);
  const run = {
    ...{ config, output, resume, dryRun, trackers },
    verdicts: { folder: home.verdicts },
    tokenCache: { folder: home.tokens },
  };
  if (options.evaluateOnly) {
    const report = await interruptible((signal) => evaluateLoss({ config, signal }));
    return tell({ kind: "evaluated", ...report });
  }
  if (options.supervised) {
    return await interruptible((signal) =>
      supervise((control) => train({ ...run, ...control }), signal)
    );
  }
  const display = json ? undefined : createProgressDisplay();
  const onEvent = (event: TrainEvent) => {
    if (dryRun && !json && event.kind === "planned") return print(runPlanTable(event.plan));
    return display === undefined ? print(JSON.stringify(event)) : display.show(event);
  };
  await interruptible(async (signal) => {
    const { interrupted, step, best } = await train({
      ...{ ...run, signal, onEvent },
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

/** Adds the prompts of a file to those that flags give. */
async function withPromptFile(
  flags: GivenSettings,
  path: string | undefined,
): Promise<GivenSettings> {
  if (path === undefined) return flags;
  const given = flags["samplePrompts"]?.value;
  const samplePrompts = [...Array.isArray(given) ? given : [], ...await readPrompts(path)];
  const source = { origin: "flag", place: "--sample-prompts" } as const;
  return { ...flags, samplePrompts: { value: samplePrompts, source } };
}
