/**
 * Every setting of a run: the one table that flags, help, files, their schema, the reference and the checks are made
 * from. A new setting is a line here and one in {@linkcode TrainingConfig}.
 *
 * @module
 */

import { FORMAT_CHOICES } from "../../datasets/formats.ts";
import { TRAIN_ON } from "../../datasets/train_on.ts";
import { TRUNCATIONS } from "../../datasets/truncation.ts";
import { DEVICES } from "../../engine/runtime/session.ts";
import { ALL_LINEAR } from "../../models/adapters/lora_config.ts";
import { PRESETS } from "../../models/presets.ts";
import type { SettingTable } from "../../utils/settings/setting.ts";
import type { TrainingConfig } from "./config.ts";
import { FROZEN_DTYPES } from "./frozen_weights.ts";
import { OPTIMIZER_SETTINGS } from "./optimizer_settings.ts";
import { SCHEDULE_SETTINGS, SCHEDULES } from "./schedule.ts";
import { TRACKING_SETTINGS } from "./tracking_settings.ts";

/** Every kind of adapter. */
export const LORA_VARIANTS = ["lora", "rslora", "dora"] as const;

/** A kind of adapter. */
export type LoraVariant = (typeof LORA_VARIANTS)[number];

/** Settings that describe a new adapter; any of them asks for one. */
export const NEW_ADAPTER_SETTINGS = [
  "loraRank",
  "loraAlpha",
  "loraDropout",
  "loraTargetModules",
  "loraModulesToSave",
  "loraVariant",
] as const satisfies readonly (keyof TrainingConfig)[];

const PRESET_NAMES = Object.keys(PRESETS);

/** The definition of every setting. */
export const TRAINING_SETTINGS: SettingTable<TrainingConfig> = {
  dataset: {
    kind: "paths",
    value: "files",
    help:
      "what to train on: files or folders (JSON Lines, JSON, CSV, Parquet, text; .gz, .zst), commas between " +
      "them, each perhaps with a weight: a.jsonl,b.parquet:0.5",
    aliases: ["train_file", "dataset_path"],
  },
  format: {
    kind: "choice",
    choices: FORMAT_CHOICES,
    default: null,
    otherwise: "found out of the first rows of each file",
    value: "form",
    help:
      "the form of the rows; mixed reads each by its own fields, chosen the good answers of preference rows",
    fixed: true,
  },
  model: {
    kind: "place",
    value: "model",
    names: PRESET_NAMES,
    help: `a preset to train from scratch (${PRESET_NAMES.join(", ")}), a model's folder, a run, ` +
      "a checkpoint, a .gguf file, a hub id (owner/name[@revision]) or an alias (qwen3)",
    aliases: ["model_name_or_path", "model_path", "base_model"],
    fixed: true,
  },
  device: {
    kind: "choice",
    choices: ["auto", ...DEVICES],
    default: "auto",
    value: "device",
    help: "where to run",
  },
  threads: {
    kind: "integer",
    min: 1,
    max: 256,
    default: null,
    otherwise: "one per processor",
    help: "CPU threads",
  },
  batchSize: {
    kind: "integer",
    min: 1,
    default: 8,
    value: "rows",
    help: "rows of a micro-batch",
    aliases: ["per_device_train_batch_size", "micro_batch_size"],
  },
  gradientAccumulationSteps: {
    kind: "integer",
    min: 1,
    default: 1,
    help: "micro-batches of an optimizer step",
    aliases: ["gradient_accumulation"],
  },
  learningRate: {
    kind: "number",
    min: 0,
    default: null,
    otherwise: "1e-3 from scratch, 2e-4 for an adapter, else 1e-4",
    help: "learning rate at its highest",
    aliases: ["lr"],
  },
  schedule: {
    kind: "choice",
    choices: SCHEDULES,
    synonyms: { "warmup-stable-decay": "wsd", "constant-with-warmup": "constant" },
    default: "cosine",
    flag: "lr-scheduler",
    value: "name",
    help: "what the learning rate does after its warm-up",
    aliases: ["lr_scheduler_type"],
  },
  warmupSteps: {
    kind: "integer",
    min: 0,
    default: null,
    otherwise: "a twentieth of the run, at most 100",
    value: "steps",
    help: "steps over which the learning rate rises",
  },
  labelSmoothing: {
    kind: "number",
    min: 0,
    max: 1,
    default: 0,
    value: "part",
    help: "part of each target that is shared out over all tokens",
    aliases: ["label_smoothing_factor"],
  },
  neftuneAlpha: {
    kind: "number",
    min: 0,
    default: null,
    help: "strength of noise on embeddings",
    aliases: ["neftune_noise_alpha"],
  },
  emaDecay: {
    kind: "number",
    min: 0,
    max: 1,
    default: null,
    otherwise: "none is kept",
    help: "keep a moving average of the weights, evaluate and save it",
  },
  maxGradNorm: {
    kind: "number",
    min: 0,
    default: 1,
    help: "scale gradients of a larger norm down to it; 0 never does",
  },
  gradientCheckpointing: {
    kind: "boolean",
    default: false,
    help:
      "keep only what each layer reads and compute the rest anew for the gradients: less memory, more time",
    aliases: ["use_gradient_checkpointing"],
  },
  maxSteps: {
    kind: "integer",
    min: 1,
    default: null,
    otherwise: "those of the epochs",
    value: "steps",
    help: "optimizer steps; overrides the epochs",
  },
  epochs: {
    kind: "number",
    min: 0,
    default: 3,
    help: "passes over the data",
    replaces: ["maxSteps"],
    aliases: ["num_epochs", "num_train_epochs"],
  },
  maxLength: {
    kind: "integer",
    min: 2,
    default: null,
    otherwise: "what the model was made for, at most 512",
    value: "tokens",
    help: "most tokens of an example",
    fixed: true,
    aliases: ["max_seq_length", "max_seq_len", "sequence_len", "cutoff_len"],
  },
  trainOn: {
    kind: "choice",
    choices: TRAIN_ON,
    default: "assistant",
    value: "tokens",
    help:
      "what is trained of conversations and completions: all the assistant says, its last turn, or everything",
    fixed: true,
  },
  truncation: {
    kind: "choice",
    choices: TRUNCATIONS,
    default: "auto",
    value: "policy",
    help:
      "what becomes of a longer one: end and start cut that off, split makes several of it, drop leaves it out, " +
      "error refuses it; auto splits texts and cuts off the end of other rows",
    fixed: true,
  },
  packing: {
    kind: "boolean",
    default: false,
    help: "let examples share rows of the longest length, each apart from the others",
    fixed: true,
    aliases: ["sample_packing", "neat_packing"],
  },
  groupByLength: {
    kind: "boolean",
    default: false,
    help: "let rows of about the same length share a micro-batch",
    fixed: true,
  },
  skipInvalidRows: {
    kind: "boolean",
    default: false,
    help: "leave out rows that cannot be used; a data set with such rows is refused otherwise",
    fixed: true,
  },
  dataWorkers: {
    kind: "integer",
    min: 1,
    max: 64,
    default: null,
    otherwise: "2, where there are as many processors",
    help: "threads that turn rows into tokens",
    aliases: ["dataset_num_proc", "preprocessing_num_workers"],
  },
  cache: {
    kind: "boolean",
    off: "do not keep tokens for further runs, nor take those of earlier ones",
    default: true,
    help: "keep tokens for further runs",
  },
  seed: {
    kind: "integer",
    min: 0,
    max: 2 ** 32 - 1,
    default: 0,
    help: "decides the order of rows and fresh weights",
    fixed: true,
  },
  shuffle: {
    kind: "boolean",
    off: "take rows in the order of the file",
    default: true,
    help: "give each epoch an order of its own",
    fixed: true,
  },
  saveSteps: {
    kind: "integer",
    min: 1,
    default: null,
    otherwise: "one at the end",
    value: "steps",
    help: "steps between checkpoints",
  },
  keepCheckpoints: {
    kind: "integer",
    min: 1,
    default: null,
    otherwise: "all",
    help: "keep only this many of the newest",
    aliases: ["save_total_limit"],
  },
  evalDataset: {
    kind: "paths",
    default: null,
    value: "files",
    help: "what to evaluate on, written as what to train on",
    replaces: ["evalSplit"],
    aliases: ["validation_file", "validation_dataset_path"],
  },
  evalSplit: {
    kind: "number",
    min: 0,
    max: 1,
    default: null,
    value: "part",
    help: "part of the data to hold out and evaluate on",
    replaces: ["evalDataset"],
    fixed: true,
    aliases: ["val_set_size", "validation_split"],
  },
  evalSteps: {
    kind: "integer",
    min: 1,
    default: null,
    otherwise: "one at the end",
    value: "steps",
    help: "steps between evaluations",
  },
  earlyStoppingPatience: {
    kind: "integer",
    min: 1,
    default: null,
    otherwise: "never",
    help:
      "stop after this many evaluations without a lower loss, of --eval-steps or else each epoch",
  },
  ...TRACKING_SETTINGS,
  ...OPTIMIZER_SETTINGS,
  ...SCHEDULE_SETTINGS,
  loraRank: {
    kind: "integer",
    min: 1,
    default: null,
    otherwise: "16 with another setting of new adapters",
    help: "train an adapter of this width instead of the model",
    replaces: ["adapter"],
    fixed: true,
    aliases: ["lora_r"],
  },
  loraAlpha: {
    kind: "number",
    min: 0,
    default: null,
    otherwise: "twice the rank",
    help: "numerator of the adapter's scale",
    fixed: true,
  },
  loraDropout: {
    kind: "number",
    min: 0,
    max: 0.99,
    default: 0,
    value: "part",
    help: "part of what the adapter reads that is left out in training",
  },
  loraTargetModules: {
    kind: "selection",
    words: [ALL_LINEAR],
    default: null,
    otherwise: ALL_LINEAR,
    value: "names",
    help: "linear layers that are adapted: names separated by commas, all-linear, or /a pattern/",
    fixed: true,
  },
  loraModulesToSave: {
    kind: "names",
    default: null,
    value: "names",
    help:
      "modules that are trained whole and saved with the adapter, for example embed_tokens,lm_head",
    fixed: true,
  },
  loraVariant: {
    kind: "choice",
    choices: LORA_VARIANTS,
    default: "lora",
    value: "kind",
    help: "the kind of adapter",
    fixed: true,
  },
  adapter: {
    kind: "place",
    default: null,
    value: "folder",
    help: "go on from a saved adapter of the model",
    replaces: NEW_ADAPTER_SETTINGS,
    fixed: true,
  },
  baseDtype: {
    kind: "choice",
    choices: FROZEN_DTYPES,
    default: "f32",
    value: "dtype",
    help: "how the weights that an adapter leaves alone are kept in memory",
  },
};
