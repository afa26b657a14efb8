/**
 * The settings of the Python platform that this program replaces, and what they are here.
 *
 * @module
 */

import type {
  Translation,
  TranslationRule,
  TranslationTable,
} from "../../utils/settings/translate.ts";
import type { TrainingConfig } from "./config.ts";

/** A setting here, or the folder of a run. */
type Target = keyof TrainingConfig | "output";

const DAEMON = "they are of the daemon, which trains file after file; this is one run";
const MONITOR = "they are of the live monitor; every step is in the run's metrics.jsonl";
const SAMPLES = "samples of --sample-prompt end by themselves";
const WHOLE = "the whole evaluation set is evaluated, that of --eval-dataset or --eval-split";
const MODEL_SAYS = "the model's own config.json says it, and no run can change its model";
const RUNTIME = "ONNX Runtime computes here, on --device";
const PRECISION = "what is trained is f32";
const FILES = "runs are always saved as safetensors with all that resuming takes";
const WORDS = "they only describe";
const GALORE = "only GaLore reads them";
const FORTUNE = "its loss is not used";
const ANY_LENGTH = "rows are taken as they are, however short";

/** It has another name here. */
function is(setting: Target): TranslationRule {
  return (value) =>
    value === null ? nothing("null leaves it open")(value, none) : [
      { setting, value },
    ];
}

function nothing(reason: string): TranslationRule {
  return () => [{ nothing: reason }];
}

/** It does nothing as long as it has one of these values. */
function only(values: readonly unknown[], { reason, refused }: {
  readonly reason: string;
  readonly refused: string;
}): TranslationRule {
  return (value) => values.includes(value) ? [{ nothing: reason }] : [{ refused }];
}

const none = () => undefined;

const profile = only(["none", "plain", "plain_sft", null], {
  reason: "rows are trained as they are",
  refused: "rows are trained as they are; write into them what the profile added, and leave it out",
});

const systemPrompt = only([null, ""], {
  reason: "rows are trained as they are",
  refused: "rows are trained as they are; give them a system message, and leave it out",
});

const baseDtype: TranslationRule = (value) =>
  value === true
    ? [{ setting: "baseDtype", value: "int8", note: "8 bits are the fewest that there are" }]
    : [{ nothing: `${value} is the default` }];

const modelPath: TranslationRule = (value, lookUp) =>
  lookUp("model_path") === undefined ? is("model")(value, lookUp) : [
    { nothing: '"model_path" says which' },
  ];

const modelName: TranslationRule = (value, lookUp) =>
  ["model", "model_path", "base_model"].every((key) => lookUp(key) === undefined)
    ? is("model")(value, lookUp)
    : [{ nothing: WORDS }];

const evalSteps: TranslationRule = (value, lookUp) =>
  lookUp("hyperparams.eval_strategy") === "no"
    ? [{ nothing: '"hyperparams.eval_strategy" is "no"' }]
    : is("evalSteps")(value, lookUp);

const optimizer: TranslationRule = (value) => {
  const name = String(value).toLowerCase();
  if (name === "muon") return [{ setting: "optimizer", value: "muon" }];
  if (/^adamw(_torch(_fused)?|_hf)?$/.test(name)) return [{ setting: "optimizer", value: "adamw" }];
  if (/adamw/.test(name)) {
    return [{ setting: "optimizer", value: "adamw", note: "its moments are f32" }];
  }
  return [{
    refused: 'there is no such optimizer; for little memory take "adafactor" or an adapter',
  }];
};

/** What `transformers` names none; other names are said where trackers are opened. */
const NO_TRACKER: readonly unknown[] = ["none", "all", null];

const trackers: TranslationRule = (value) => {
  const names = [value].flat().filter((name) => !NO_TRACKER.includes(name));
  return names.length === 0
    ? [{ nothing: "a run's own files are always written" }]
    : [{ setting: "trackers", value: names }];
};

const trainingMode: TranslationRule = (value, lookUp) => {
  if (value === "full") return [{ nothing: `${value} is the default` }];
  if (value !== "lora" && value !== "qlora") {
    return [{ refused: 'it must be "full", "lora" or "qlora"' }];
  }
  const rank: Translation = { setting: "loraRank", value: lookUp("lora.r") ?? 16 };
  return value === "lora" ? [rank] : [rank, ...baseDtype(true, lookUp)];
};

/** It counts only where an adapter is trained. */
function ofAdapter(setting: Target): TranslationRule {
  return (value, lookUp) =>
    ["lora", "qlora"].includes(String(lookUp("training_mode"))) ? is(setting)(value, lookUp) : [
      { nothing: '"training_mode" is "full"' },
    ];
}

/** It counts only with Muon. */
function ofMuon(setting: Target): TranslationRule {
  return (value, lookUp) =>
    lookUp("optimizer.type") === "muon" ? is(setting)(value, lookUp) : [
      { nothing: '"optimizer.type" is another' },
    ];
}

/** Every key of its `config.json`, old and new, that is not spelt as here or nearly so. */
export const PYTHON_PLATFORM: TranslationTable = {
  model_name: modelName,
  model_display_name: nothing(WORDS),
  model_path: is("model"),
  base_model: modelPath,
  current_model_dir: nothing("every run has a folder of its own, --output"),
  batch_size: is("batchSize"),
  gradient_accumulation: is("gradientAccumulationSteps"),
  learning_rate: is("learningRate"),
  warmup_steps: is("warmupSteps"),
  epochs: is("epochs"),
  max_length: is("maxLength"),
  eval_steps: is("evalSteps"),
  save_steps: is("saveSteps"),
  load_in_4bit: baseDtype,
  log_steps: nothing(MONITOR),
  num_eval_samples: nothing(WHOLE),
  eval_max_tokens: nothing(SAMPLES),
  eval_timeout_seconds: nothing(SAMPLES),
  poll_interval: nothing(DAEMON),
  snapshot_time: nothing(DAEMON),
  self_correction: nothing(DAEMON),
  auto_generate: nothing(DAEMON),
  auto_run: nothing(DAEMON),
  remote_eval: nothing(DAEMON),
  curriculum: nothing(DAEMON),
  campaign: nothing(DAEMON),
  system_prompt: systemPrompt,
  config_version: nothing(WORDS),
  description: nothing(WORDS),
  "profile.name": profile,
  "profile.options": nothing("rows are trained as they are"),
  "profile.system_prompt_template": systemPrompt,
  "hyperparams.batch_size": is("batchSize"),
  "hyperparams.gradient_accumulation": is("gradientAccumulationSteps"),
  "hyperparams.effective_batch_size": nothing("it follows from the others"),
  "hyperparams.learning_rate": is("learningRate"),
  "hyperparams.warmup_steps": is("warmupSteps"),
  "hyperparams.num_epochs": is("epochs"),
  "hyperparams.epochs": is("epochs"),
  "hyperparams.max_steps": is("maxSteps"),
  "hyperparams.max_length": is("maxLength"),
  "hyperparams.max_new_tokens": nothing(SAMPLES),
  "hyperparams.fp_precision": nothing(PRECISION),
  "hyperparams.bf16": nothing(PRECISION),
  "hyperparams.fp16": nothing(PRECISION),
  "hyperparams.save_steps": is("saveSteps"),
  "hyperparams.save_total_limit": is("keepCheckpoints"),
  "hyperparams.eval_steps": evalSteps,
  "hyperparams.eval_strategy": nothing("--eval-steps says when"),
  "hyperparams.use_gradient_checkpointing": is("gradientCheckpointing"),
  "hyperparams.gradient_checkpointing": is("gradientCheckpointing"),
  "monitoring.status_update_interval": nothing(MONITOR),
  "monitoring.inference_interval": nothing("--sample-prompt and --sample-steps do it"),
  "monitoring.micro_eval_interval": nothing(MONITOR),
  "monitoring.num_eval_samples": nothing(WHOLE),
  "monitoring.num_micro_eval_samples": nothing(WHOLE),
  "monitoring.validation_split": is("evalSplit"),
  "monitoring.validation_max_samples": nothing(WHOLE),
  "monitoring.system_prompt_base": nothing("rows are trained as they are"),
  "monitoring.enable_pattern_tracking": nothing(MONITOR),
  "monitoring.enable_layer_monitor": nothing(MONITOR),
  "monitoring.enable_evolution_tracker": nothing(MONITOR),
  "monitoring.enable_penalty_heatmap": nothing(MONITOR),
  "monitoring.max_output_samples": nothing(MONITOR),
  "monitoring.prompt_snapshot_interval": nothing(MONITOR),
  "monitoring.max_output_tokens": nothing(SAMPLES),
  "monitoring.max_eval_tokens": nothing(SAMPLES),
  "monitoring.preview_backend": nothing(SAMPLES),
  "monitoring.preview_max_tokens": nothing(SAMPLES),
  "monitoring.preview_temperature": nothing(SAMPLES),
  "monitoring.remote_3090_host": nothing(SAMPLES),
  "monitoring.remote_3090_port": nothing(SAMPLES),
  "monitoring.remote_3090_timeout": nothing(SAMPLES),
  "monitoring.remote_3090_model_id": nothing(SAMPLES),
  "locked.base_model": nothing(MODEL_SAYS),
  "locked.model_architecture": nothing(MODEL_SAYS),
  "locked.max_context_length": nothing(MODEL_SAYS),
  "locked.vocab_size": nothing(MODEL_SAYS),
  "locked.model_version": nothing(MODEL_SAYS),
  "locked.created_at": nothing(MODEL_SAYS),
  "data.dataset_path": is("dataset"),
  "data.validation_dataset_path": is("evalDataset"),
  "data.shuffle": is("shuffle"),
  "data.seed": is("seed"),
  "data.min_length": nothing(ANY_LENGTH),
  "data.max_length_override": is("maxLength"),
  "data.augmentation": only([false], {
    reason: ANY_LENGTH,
    refused: "rows are trained as they are",
  }),
  "data.enable_packing": is("packing"),
  "data.packing_strategy": nothing("rows are always packed by best fit"),
  "model.model_path": is("model"),
  "model.tokenizer_path": only([null], {
    reason: "the tokenizer lies in the model's folder",
    refused: "the tokenizer must lie in the model's folder",
  }),
  "model.load_in_8bit": baseDtype,
  "model.load_in_4bit": baseDtype,
  "model.device_map": nothing(RUNTIME),
  "model.torch_dtype": nothing(PRECISION),
  "model.use_cache": nothing(RUNTIME),
  "model.gradient_checkpointing": (value, lookUp) =>
    value === true ? is("gradientCheckpointing")(value, lookUp) : [
      {
        nothing: 'it is of the loader; the trainer\'s is "hyperparams.use_gradient_checkpointing"',
      },
    ],
  "model.prefer_flash_attention": nothing(RUNTIME),
  "model.freeze_vision_towers": nothing("there are no models of images"),
  "model.try_vision_model_first": nothing("there are no models of images"),
  "output.output_dir": is("output"),
  "output.logging_dir": nothing("logs are in the run's folder"),
  "output.resume_from_checkpoint": only([null, false], {
    reason: "--resume says it",
    refused: "give --resume with --output <folder of the run>, and leave it out",
  }),
  "output.overwrite_output_dir": nothing("a run never takes the place of another"),
  "output.save_safetensors": nothing(FILES),
  "output.save_only_model": nothing(FILES),
  "environment.dataloader_num_workers": nothing(RUNTIME),
  "environment.dataloader_pin_memory": nothing(RUNTIME),
  "environment.local_rank": nothing(RUNTIME),
  "environment.world_size": only([1], {
    reason: RUNTIME,
    refused: "a run has one machine and one device",
  }),
  "environment.deepspeed_config": only([null], {
    reason: RUNTIME,
    refused:
      "there is no DeepSpeed; --dry-run tells what memory a run takes and what makes it less",
  }),
  "environment.optimizer_type": optimizer,
  "environment.report_to": trackers,
  "environment.logging_steps": nothing(MONITOR),
  "environment.max_grad_norm": is("maxGradNorm"),
  "environment.nan_detection": nothing("a loss that is not finite always ends a run"),
  training_mode: trainingMode,
  "lora.r": ofAdapter("loraRank"),
  "lora.alpha": ofAdapter("loraAlpha"),
  "lora.dropout": ofAdapter("loraDropout"),
  "lora.target_modules": ofAdapter("loraTargetModules"),
  "lora.bias": only(["none"], {
    reason: "that is the default",
    refused: "adapters train no biases; leave it out",
  }),
  "galore.rank": nothing(GALORE),
  "galore.update_proj_gap": nothing(GALORE),
  "galore.scale": nothing(GALORE),
  "galore.proj_type": nothing(GALORE),
  "optimizer.type": optimizer,
  "optimizer.muon.hidden_lr": ofMuon("muonLearningRate"),
  "optimizer.muon.aux_lr": ofMuon("learningRate"),
  "optimizer.muon.momentum": ofMuon("momentum"),
  "optimizer.adamw.lr": is("learningRate"),
  "optimizer.adamw.betas": (value, lookUp) =>
    Array.isArray(value)
      ? [...is("adamBeta1")(value[0], lookUp), ...is("adamBeta2")(value[1], lookUp)]
      : [{ refused: "it must be an array of two numbers" }],
  "optimizer.adamw.eps": is("adamEpsilon"),
  "optimizer.adamw.weight_decay": is("weightDecay"),
  "fortune_teller.enabled": only([false], {
    reason: FORTUNE,
    refused: "there is no loss that weighs tokens by surprise; leave it out",
  }),
  ...Object.fromEntries(
    [
      "surprise_metric",
      "min_surprise",
      "max_surprise",
      "normalize_batch",
      "temperature",
      "save_history",
      "history_path",
    ].map((key) => [`fortune_teller.${key}`, nothing(FORTUNE)]),
  ),
};
