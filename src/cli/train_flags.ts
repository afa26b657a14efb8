/**
 * The flags of `train` that are settings of a run.
 *
 * @module
 */

import { type Command, Option } from "commander";
import type { TrainingConfig } from "../core/training/config.ts";
import { ADAFACTOR_VARIANTS } from "../core/training/optimizers/adafactor.ts";
import { MUON_ADJUSTMENTS } from "../core/training/optimizers/muon.ts";
import { OPTIMIZERS } from "../core/training/optimizers/optimizer.ts";
import { DECAY_TYPES, type Schedule, SCHEDULES } from "../core/training/schedule.ts";
import { DEVICE_WISHES } from "../engine/runtime/devices.ts";
import { integerOption, numberOption } from "./option_values.ts";

/** The settings as flags give them: only those that were given. */
export type TrainingFlags = {
  readonly [K in keyof TrainingConfig]?: NonNullable<TrainingConfig[K]>;
};

/** commander's names of flags whose settings are called otherwise. */
const SETTING_OF_FLAG: Readonly<Record<string, keyof TrainingConfig>> = {
  lrScheduler: "schedule",
  lrMinRate: "minLrRate",
};

/** What a schedule is called elsewhere. */
const SCHEDULE_ALIASES: Readonly<Record<string, Schedule>> = {
  "warmup-stable-decay": "wsd",
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
      "a preset to train from scratch (demo, 1m, 5m, 15m, 30m), a model's folder, a run or a checkpoint",
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
      ).choices([...SCHEDULES, ...Object.keys(SCHEDULE_ALIASES)]),
    )
    .option(
      "--lr-min-rate <part>",
      "least learning rate, as a part of the highest (default: 0.1 of schedules with-min-lr, else 0)",
      unit,
    )
    .option(
      "--lr-decay-steps <steps>",
      "steps of the decay of wsd (default: a fifth of the run)",
      steps,
    )
    .addOption(
      new Option("--lr-decay-type <type>", "how wsd decays (default: linear)")
        .choices(DECAY_TYPES),
    )
    .option(
      "--lr-cycles <number>",
      "waves of a cosine (default: 0.5, with restarts 1)",
      positive,
    )
    .option("--lr-power <number>", "exponent of polynomial (default: 1)", positive)
    .option(
      "--lr-timescale <steps>",
      "steps after which inverse-sqrt is at its highest (default: --warmup-steps)",
      count,
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
    .addOption(
      new Option("--optimizer <name>", "what updates the weights (default: adamw)")
        .choices(OPTIMIZERS),
    )
    .option("--adam-beta1 <number>", "decay of the mean of gradients (default: 0.9)", unit)
    .option(
      "--adam-beta2 <number>",
      "decay of the mean of their squares (default: 0.999; lion: of gradients, 0.99)",
      unit,
    )
    .option("--adam-epsilon <number>", "added to the root of that (default: 1e-8)", positive)
    .option("--momentum <number>", "momentum of sgd and muon (default: 0.9, muon 0.95)", unit)
    .option("--nesterov", "let momentum look a step ahead (default: with muon)")
    .option("--no-nesterov", "do not let it")
    .addOption(
      new Option("--adafactor-variant <name>", "whose Adafactor (default: transformers)")
        .choices(ADAFACTOR_VARIANTS),
    )
    .option(
      "--adafactor-scale-parameter",
      "make steps of adafactor relative to the size of each weight",
    )
    .option(
      "--adafactor-beta1 <number>",
      "decay of the mean of changes of adafactor (default: no mean is kept)",
      unit,
    )
    .option(
      "--muon-learning-rate <number>",
      "learning rate of hidden matrices with muon (default: 10/3 of --learning-rate)",
      positive,
    )
    .addOption(
      new Option(
        "--muon-adjustment <name>",
        "how that follows from the shape of a matrix (default: original)",
      ).choices(MUON_ADJUSTMENTS),
    )
    .option(
      "--label-smoothing <part>",
      "part of each target that is shared out over all tokens (default: 0)",
      unit,
    )
    .option("--neftune-alpha <number>", "strength of noise on embeddings (default: none)", positive)
    .option(
      "--ema-decay <number>",
      "keep a moving average of the weights, evaluate and save it (default: none is kept)",
      unit,
    )
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
    .option("--eval-split <part>", "part of the data to hold out and evaluate on", unit)
    .option("--eval-steps <steps>", "steps between evaluations (default: one at the end)", count)
    .option(
      "--early-stopping-patience <number>",
      "stop after this many evaluations without a lower loss, of --eval-steps or else each epoch",
      count,
    )
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
  const alias = SCHEDULE_ALIASES[String(flags["schedule"])];
  if (alias !== undefined) flags["schedule"] = alias;
  return flags as TrainingFlags;
}

/** Flags that are not settings of a run. */
const RUN_FLAGS: ReadonlySet<string> = new Set(["output", "resume", "json", "home"]);
