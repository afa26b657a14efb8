/**
 * The flags of `train` that are settings of a run.
 *
 * @module
 */

import { type Command, InvalidArgumentError, Option } from "commander";
import { LORA_VARIANTS, type TrainingConfig } from "../core/training/config.ts";
import { FROZEN_DTYPES } from "../core/training/frozen_weights.ts";
import { TRUNCATIONS } from "../datasets/truncation.ts";
import { type Schedule, SCHEDULES } from "../core/training/schedule.ts";
import { TRAIN_ON } from "../datasets/train_on.ts";
import { DEVICE_WISHES } from "../engine/runtime/devices.ts";
import { ALL_LINEAR, LORA_DEFAULTS, type ModuleSelection } from "../models/adapters/lora_config.ts";
import { UserError } from "../utils/errors.ts";
import { integerOption, numberOption } from "./option_values.ts";
import { addOptimizerFlags } from "./optimizer_flags.ts";

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
  const training = command
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
      ).choices([...SCHEDULES, ...Object.keys(SCHEDULE_ALIASES)]),
    )
    .option(
      "--warmup-steps <steps>",
      "steps over which the learning rate rises (default: a twentieth of the run, at most 100)",
      steps,
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
    .option(
      "--gradient-checkpointing",
      "keep only what each layer reads and compute the rest anew for the gradients: less memory, more time",
    )
    .option("--max-steps <steps>", "optimizer steps; overrides --epochs", count)
    .option("--epochs <number>", "passes over the data (default: 3)", positive)
    .option(
      "--max-length <tokens>",
      "most tokens of an example (default: what the model was made for, at most 512)",
      integerOption({ min: 2 }),
    )
    .addOption(
      new Option(
        "--train-on <tokens>",
        "what is trained of conversations and completions: all the assistant says, its last turn, or everything (default: assistant)",
      ).choices(TRAIN_ON),
    )
    .addOption(
      new Option(
        "--truncation <policy>",
        "what becomes of a longer one: auto splits texts and cuts off the end of other rows (default: auto)",
      ).choices(TRUNCATIONS),
    )
    .option(
      "--packing",
      "let examples share rows of --max-length tokens, each apart from the others",
    )
    .option("--group-by-length", "let rows of about the same length share a micro-batch")
    .option(
      "--skip-invalid-rows",
      "leave out rows that cannot be used; a data set with such rows is refused otherwise",
    )
    .option(
      "--data-workers <number>",
      "threads that turn rows into tokens (default: 2, where there are as many processors)",
      integerOption({ min: 1, max: 64 }),
    )
    .option("--no-cache", "do not keep tokens for further runs, nor take those of earlier ones")
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
  return addAdapterFlags(addOptimizerFlags(training));
}

/** Adds the flags of adapters; any of those that describe a new one asks for one. */
function addAdapterFlags(command: Command): Command {
  return command
    .option(
      "--lora-rank <number>",
      "train an adapter of this width instead of the model (default with another --lora flag: 16)",
      integerOption({ min: 1 }),
    )
    .option(
      "--lora-alpha <number>",
      "numerator of the adapter's scale (default: twice the rank)",
      numberOption({ min: 0 }),
    )
    .option(
      "--lora-dropout <part>",
      "part of what the adapter reads that is left out in training (default: 0)",
      numberOption({ min: 0, max: 0.99 }),
    )
    .option(
      "--lora-target-modules <names>",
      "linear layers that are adapted: names separated by commas, all-linear, or /a pattern/ (default: all-linear)",
      moduleSelection,
    )
    .option(
      "--lora-modules-to-save <names>",
      "modules that are trained whole and saved with the adapter, for example embed_tokens,lm_head",
      nameList,
    )
    .addOption(
      new Option("--lora-variant <kind>", "the kind of adapter (default: lora)")
        .choices(LORA_VARIANTS),
    )
    .option("--adapter <folder>", "go on from a saved adapter of --model")
    .addOption(
      new Option(
        "--base-dtype <dtype>",
        "how the weights that an adapter leaves alone are kept in memory (default: f32)",
      ).choices(FROZEN_DTYPES),
    );
}

/** Flags that describe a new adapter. */
const NEW_ADAPTER: readonly (keyof TrainingFlags)[] = [
  "loraRank",
  "loraAlpha",
  "loraDropout",
  "loraTargetModules",
  "loraModulesToSave",
  "loraVariant",
];

/**
 * Completes the settings of an adapter that were given.
 *
 * @throws {UserError} If they contradict each other.
 */
export function resolveAdapterFlags(flags: TrainingFlags): TrainingFlags {
  const given = NEW_ADAPTER.filter((key) => flags[key] !== undefined);
  if (flags.adapter !== undefined) {
    if (given.length === 0) return flags;
    throw new UserError(
      `Cannot combine --adapter with ${
        given.map(flagOf).join(", ")
      }: the saved adapter has these settings already`,
    );
  }
  if (given.length > 0) return { loraRank: LORA_DEFAULTS.rank, ...flags };
  if (flags.baseDtype !== undefined && flags.baseDtype !== "f32") {
    throw new UserError(
      `Cannot keep the model as ${flags.baseDtype} while all of it is trained: add --lora-rank to train an adapter`,
    );
  }
  return flags;
}

function flagOf(setting: string): string {
  return `--${setting.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

function nameList(value: string): readonly string[] {
  const names = value.split(",").map((name) => name.trim()).filter((name) => name !== "");
  if (names.length > 0) return names;
  throw new InvalidArgumentError("It must be names separated by commas.");
}

function moduleSelection(value: string): ModuleSelection {
  const pattern = /^\/(.+)\/$/.exec(value)?.[1];
  return value === ALL_LINEAR ? value : pattern ?? nameList(value);
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
const RUN_FLAGS: ReadonlySet<string> = new Set(["output", "resume", "json", "dryRun", "home"]);
