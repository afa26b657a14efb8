import assert from "node:assert/strict";
import { PYTHON_PLATFORM } from "../../../src/core/training/python_platform.ts";
import { TRAIN_SETTINGS } from "../../../src/cli/settings_sections.ts";
import { decodeSettings } from "../../../src/utils/settings/decode_settings.ts";
import { valuesOf } from "../../../src/utils/settings/layers.ts";
import { parseSettings } from "../../../src/utils/settings/settings_file.ts";
import { translateSettings } from "../../../src/utils/settings/translate.ts";

/** The file of the platform as it stood before it was given up. */
const CONFIG = {
  model_name: "qwen3_0.6b",
  model_path: "/base/models/Qwen3-0.6B",
  base_model: "/base/models/Qwen3-0.6B",
  current_model_dir: "/base/current_model",
  batch_size: 1,
  gradient_accumulation: 1,
  learning_rate: 4e-4,
  warmup_steps: 100,
  epochs: 1,
  load_in_4bit: false,
  max_length: 2048,
  log_steps: 200,
  eval_steps: 500,
  num_eval_samples: 2,
  save_steps: 1000,
  eval_max_tokens: 4096,
  eval_timeout_seconds: 120,
  poll_interval: 30,
  snapshot_time: "03:00",
  self_correction: { enabled: true, auto_queue: true, max_examples: 200 },
  auto_generate: { enabled: true, count: 100, priority: "normal", host: "localhost", port: 8080 },
  remote_eval: { enabled: true, port: 8765, eval_interval_steps: 5000 },
  curriculum: { enabled: true, target_accuracy: 0.75, current_skill: "syllo" },
  profile: { name: "none" },
  hyperparams: {
    fp_precision: "bf16",
    max_length: 2048,
    batch_size: 1,
    gradient_accumulation: 16,
    learning_rate: 4e-4,
    use_gradient_checkpointing: true,
  },
  locked: {
    base_model: "Qwen/Qwen3-0.6B",
    model_architecture: "Qwen3ForCausalLM",
    max_context_length: 4096,
    vocab_size: 151936,
  },
};

interface Reading {
  readonly values: Readonly<Record<string, unknown>>;
  readonly renamed: readonly string[];
  readonly ignored: readonly string[];
  readonly warnings: readonly string[];
}

function read(config: object): Reading {
  const renamed: string[] = [];
  const ignored: string[] = [];
  const warnings: string[] = [];
  const { entries } = parseSettings(JSON.stringify(config), "config.json");
  const own = translateSettings(entries, {
    table: PYTHON_PLATFORM,
    report: {
      onRename: ({ key, setting }) => renamed.push(`${key} ${setting}`),
      onNothing: ({ key }) => ignored.push(key),
      onWarning: (message) => warnings.push(message),
    },
  });
  const options = { table: TRAIN_SETTINGS, origin: "config" as const, path: "/base/config.json" };
  return { values: valuesOf(decodeSettings(own, options)), renamed, ignored, warnings };
}

Deno.test("the platform's config.json is read, and each of its keys accounted for", () => {
  const { values, renamed, ignored, warnings } = read(CONFIG);
  assert.deepEqual(values, {
    model: "/base/models/Qwen3-0.6B",
    batchSize: 1,
    gradientAccumulationSteps: 1,
    learningRate: 4e-4,
    warmupSteps: 100,
    epochs: 1,
    maxLength: 2048,
    evalSteps: 500,
    saveSteps: 1000,
    gradientCheckpointing: true,
  });
  const told = [...renamed.map((each) => each.split(" ")[0]!), ...ignored];
  const accounted = (key: string) =>
    key === "epochs" || told.some((each) => each === key || each.startsWith(`${key}.`));
  for (const [key, value] of Object.entries(CONFIG)) {
    assert.ok(accounted(key), key);
    if (!["profile", "hyperparams", "locked"].includes(key)) continue;
    for (const inner of Object.keys(value)) assert.ok(accounted(`${key}.${inner}`), inner);
  }
  assert.ok(renamed.includes("gradient_accumulation gradientAccumulationSteps"));
  assert.equal(warnings.length, 1);
});

Deno.test("of two keys that contradict each other the one at the top is taken, and it is said", () => {
  const { values, warnings } = read({
    gradient_accumulation: 1,
    hyperparams: { gradient_accumulation: 16 },
  });
  assert.equal(values["gradientAccumulationSteps"], 1);
  assert.match(
    warnings.join(),
    /config\.json:1:\d+: "hyperparams\.gradient_accumulation" says 16, but "gradient_accumulation" 1, which is taken/,
  );
  assert.deepEqual(read({ batch_size: 2, hyperparams: { batch_size: 2 } }).warnings, []);
  assert.equal(read({ epochs: 1, hyperparams: { num_epochs: 2 } }).values["epochs"], 1);
});

Deno.test("profile none trains rows as they are, and a profile that changes them is refused", () => {
  assert.deepEqual(read({ profile: { name: "none" } }).values, {});
  for (const name of ["emoji_think", "regime3"]) {
    assert.throws(() => read({ profile: { name } }), /"profile\.name" .*write into them/);
  }
  const refused = { monitoring: {}, profile: { system_prompt_template: "Today is {date}." } };
  assert.throws(
    () => read(refused),
    /"profile\.system_prompt_template" .*give them a system message/,
  );
});

Deno.test("the platform's nested files are read: data, model, output, environment, LoRA", () => {
  const { values } = read({
    training_mode: "lora",
    lora: { r: 8, alpha: 32, dropout: 0.05, target_modules: ["q_proj"], bias: "none" },
    data: { dataset_path: "data/a.jsonl", shuffle: false, seed: 42, max_length_override: null },
    model: { model_path: "models/b", load_in_4bit: false, tokenizer_path: null },
    output: { output_dir: "/runs/c", resume_from_checkpoint: null, save_safetensors: true },
    environment: { optimizer_type: "adamw_torch_fused", max_grad_norm: 0.5, logging_steps: 10 },
    hyperparams: { num_epochs: 2, save_total_limit: 3, eval_strategy: "no", eval_steps: 50 },
    monitoring: { validation_split: 0.05, status_update_interval: 2 },
  });
  assert.deepEqual(values, {
    loraRank: 8,
    loraAlpha: 32,
    loraDropout: 0.05,
    loraTargetModules: ["q_proj"],
    dataset: "/base/data/a.jsonl",
    shuffle: false,
    seed: 42,
    model: "models/b",
    output: "/runs/c",
    optimizer: "adamw",
    maxGradNorm: 0.5,
    epochs: 2,
    keepCheckpoints: 3,
    evalSplit: 0.05,
  });
});

Deno.test("LoRA, Muon and 4 bits count as they did: only in their mode", () => {
  const lora = { r: 8, alpha: 32 };
  assert.deepEqual(read({ training_mode: "full", lora }).values, {});
  const qlora = read({ training_mode: "qlora", lora });
  assert.deepEqual(qlora.values, { loraRank: 8, loraAlpha: 32, baseDtype: "int8" });
  assert.match(qlora.warnings.join(), /8 bits are the fewest/);
  const muon = { hidden_lr: 0.02, aux_lr: 3e-4, momentum: 0.95 };
  assert.deepEqual(read({ optimizer: { type: "muon", muon } }).values, {
    optimizer: "muon",
    muonLearningRate: 0.02,
    learningRate: 3e-4,
    momentum: 0.95,
  });
  assert.deepEqual(read({ optimizer: { type: "adamw_8bit", muon } }).values, {
    optimizer: "adamw",
  });
});

const REFUSED: readonly [config: object, message: RegExp][] = [
  [{ optimizer: { type: "galore_8bit" } }, /"optimizer\.type" .*no such optimizer/],
  [{ model: { tokenizer_path: "/t" } }, /"model\.tokenizer_path" .*in the model's folder/],
  [{ output: { resume_from_checkpoint: "/c" } }, /give --resume/],
  [{ fortune_teller: { enabled: true } }, /"fortune_teller\.enabled"/],
  [{ training_mode: "dpo" }, /"training_mode" .*"full", "lora" or "qlora"/],
  [
    { hyperparams: { batch_sise: 1 } },
    /"hyperparams\.batch_sise" is not known; did you mean "hyperparams\.batch_size"/,
  ],
  [{ hyperparams: { batch_size: "1" } }, /must be a whole number/],
];

Deno.test("what cannot be done is refused with the key, its line and the way out", () => {
  for (const [config, message] of REFUSED) {
    assert.throws(() => read(config), { name: "UserError", message }, JSON.stringify(config));
  }
});

Deno.test("settings of this program that are called like groups of the platform are left alone", () => {
  const { values, renamed, ignored } = read({ model: "1m", optimizer: "muon" });
  assert.deepEqual([values, renamed, ignored], [{ model: "1m", optimizer: "muon" }, [], []]);
});

Deno.test("read() takes packing and trackers over from the platform's groups", () => {
  const { values, ignored } = read({
    data: { enable_packing: true, packing_strategy: "bfd" },
    environment: { report_to: ["tensorboard", "none"] },
  });
  assert.equal(values.packing, true);
  assert.deepEqual(values.trackers, ["tensorboard"]);
  assert.deepEqual(ignored, ["data.packing_strategy"]);
  assert.deepEqual(read({ environment: { report_to: "none" } }).ignored, ["environment.report_to"]);
});
