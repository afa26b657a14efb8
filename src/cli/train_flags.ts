/**
 * The flags of `train` that are settings of a run.
 *
 * @module
 */

import { type Command, Option } from "commander";
import type { TrainingConfig } from "../core/training/config.ts";
import { SCHEDULES } from "../core/training/schedule.ts";
import { DEVICE_WISHES } from "../engine/runtime/devices.ts";
import { integerOption, numberOption } from "./option_values.ts";

/** The settings as flags give them: only those that were given. */
export type TrainingFlags = {
  readonly [K in keyof TrainingConfig]?: NonNullable<TrainingConfig[K]>;
};

/** commander's names of flags whose settings are called otherwise. */
const SETTING_OF_FLAG: Readonly<Record<string, keyof TrainingConfig>> = {
  lrScheduler: "schedule",
};

/** Adds the flags to `command`; none has a default, so that a resumed run keeps what it had. */
export function addTrainingFlags(command: Command): Command {
  const count = integerOption({ min: 1 });
  const steps = integerOption({ min: 0 });
  const positive = numberOption({ min: 0 });
  const unit = numberOption({ min: 0, max: 1 });
  return command
    .option("--dataset <file>", "JSON Lines file to train on (required unless --resume)")
    .option(
      "--model <model>",
      "a preset to train from scratch (demo, 1m, 5m, 15m, 30m), a model's folder, a run, a checkpoint, a .gguf file, a hub id (owner/name[@revision]) or an alias (qwen3)",
    )
    .addOption(
      new Option("--device <device>", "where to run (default: auto)").choices(DEVICE_WISHES),
    )
    .option("--threads <number>", "CPU threads (default: one per processor)", count)
    .option("--batch-size <rows>", "rows of a micro-batch (default: 8)", count)
    .option(
      "--gradient-accumulation-steps <number>",
      "micro-batches of an optimizer step (default: 1)",
      count,
    )
    .option(
      "--learning-rate <number>",
      "learning rate at its highest (default: 1e-3 from scratch, else 1e-4)",
      positive,
    )
    .addOption(
      new Option(
        "--lr-scheduler <name>",
        "what the learning rate does after its warm-up (default: cosine)",
      ).choices(SCHEDULES),
    )
    .option(
      "--warmup-steps <steps>",
      "steps over which the learning rate rises (default: a twentieth of the run, at most 100)",
      steps,
    )
    .option(
      "--weight-decay <number>",
      "decay of weights that are matrices (default: 0.01)",
      positive,
    )
    .option("--adam-beta1 <number>", "decay of the mean of gradients (default: 0.9)", unit)
    .option("--adam-beta2 <number>", "decay of the mean of their squares (default: 0.999)", unit)
    .option("--adam-epsilon <number>", "added to the root of that (default: 1e-8)", positive)
    .option(
      "--max-grad-norm <number>",
      "scale gradients of a larger norm down to it; 0 never does (default: 1)",
      positive,
    )
    .option("--max-steps <steps>", "optimizer steps; overrides --epochs", count)
    .option("--epochs <number>", "passes over the data (default: 3)", positive)
    .option(
      "--max-length <tokens>",
      "most tokens of an example (default: what the model was made for, at most 512)",
      integerOption({ min: 2 }),
    )
    .option(
      "--seed <number>",
      "decides the order of rows and fresh weights (default: 0)",
      integerOption({ min: 0, max: 2 ** 32 - 1 }),
    )
    .option("--no-shuffle", "take rows in the order of the file")
    .option("--save-steps <steps>", "steps between checkpoints (default: one at the end)", count)
    .option(
      "--keep-checkpoints <number>",
      "keep only this many of the newest (default: all)",
      count,
    )
    .option("--eval-dataset <file>", "JSON Lines file to evaluate on")
    .option("--eval-steps <steps>", "steps between evaluations (default: one at the end)", count)
    .option("--sample-prompt <text>", "text that the model continues now and then, to be looked at")
    .option("--sample-steps <steps>", "steps between samples (default: one at the end)", count);
}

/** Returns the settings that the command line gives. */
export function trainingFlags(command: Command): TrainingFlags {
  const flags: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(command.opts())) {
    const given = command.getOptionValueSource(key) === "cli";
    if (given && !RUN_FLAGS.has(key)) flags[SETTING_OF_FLAG[key] ?? key] = value;
  }
  return flags as TrainingFlags;
}

/** Flags that are not settings of a run. */
const RUN_FLAGS: ReadonlySet<string> = new Set(["output", "resume", "json", "home"]);
