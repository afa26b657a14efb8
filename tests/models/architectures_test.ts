import assert from "node:assert/strict";
import { createModel } from "../../src/models/architectures.ts";
import { countParameters } from "../../src/models/language_model.ts";
import { sharedData } from "../shared_data.ts";

type Config = Readonly<Record<string, unknown>>;

const factors = (count: number) => Array.from({ length: count }, (_, i) => 1 + i / count);

const PHI_3_MINI: Config = {
  model_type: "phi3",
  architectures: ["Phi3ForCausalLM"],
  attention_bias: false,
  attention_dropout: 0,
  auto_map: { AutoConfig: "configuration_phi3.Phi3Config" },
  embd_pdrop: 0,
  hidden_act: "silu",
  hidden_size: 3072,
  intermediate_size: 8192,
  max_position_embeddings: 4096,
  num_attention_heads: 32,
  num_hidden_layers: 32,
  num_key_value_heads: 32,
  original_max_position_embeddings: 4096,
  resid_pdrop: 0,
  rms_norm_eps: 1e-5,
  rope_scaling: null,
  rope_theta: 10_000,
  sliding_window: 2047,
  tie_word_embeddings: false,
  vocab_size: 32_064,
};

const MISTRAL_7B: Config = {
  model_type: "mistral",
  hidden_act: "silu",
  hidden_size: 4096,
  intermediate_size: 14_336,
  max_position_embeddings: 32_768,
  num_attention_heads: 32,
  num_hidden_layers: 32,
  num_key_value_heads: 8,
  rms_norm_eps: 1e-5,
  rope_theta: 10_000,
  sliding_window: 4096,
  tie_word_embeddings: false,
  vocab_size: 32_000,
};

const GPT_2: Config = {
  model_type: "gpt2",
  activation_function: "gelu_new",
  attn_pdrop: 0.1,
  embd_pdrop: 0.1,
  initializer_range: 0.02,
  layer_norm_epsilon: 1e-5,
  n_ctx: 1024,
  n_embd: 768,
  n_head: 12,
  n_layer: 12,
  n_positions: 1024,
  resid_pdrop: 0.1,
  summary_activation: null,
  summary_first_dropout: 0.1,
  summary_proj_to_labels: true,
  summary_type: "cls_index",
  summary_use_proj: true,
  task_specific_params: { "text-generation": { do_sample: true, max_length: 50 } },
  vocab_size: 50_257,
};

const GEMMA_3_1B: Config = {
  model_type: "gemma3_text",
  attention_bias: false,
  attn_logit_softcapping: null,
  cache_implementation: "hybrid",
  final_logit_softcapping: null,
  head_dim: 256,
  hidden_activation: "gelu_pytorch_tanh",
  hidden_size: 1152,
  intermediate_size: 6912,
  max_position_embeddings: 32_768,
  num_attention_heads: 4,
  num_hidden_layers: 26,
  num_key_value_heads: 1,
  query_pre_attn_scalar: 256,
  rms_norm_eps: 1e-6,
  rope_local_base_freq: 10_000,
  rope_scaling: null,
  rope_theta: 1_000_000,
  sliding_window: 512,
  sliding_window_pattern: 6,
  vocab_size: 262_144,
};

/** Configurations as they are published, and how many parameters these models are known to have. */
const PUBLISHED: Readonly<Record<string, readonly [config: Config, parameters: number]>> = {
  "gpt2": [GPT_2, 124_439_808],
  "gpt2-medium": [
    {
      ...GPT_2,
      n_embd: 1024,
      n_head: 16,
      n_layer: 24,
      n_special: 0,
      predict_special_tokens: true,
    },
    354_823_168,
  ],
  "distilgpt2": [
    { ...GPT_2, _num_labels: 1, id2label: { 0: "LABEL_0" }, label2id: { LABEL_0: 0 }, n_layer: 6 },
    81_912_576,
  ],
  "gpt2-xl": [
    { ...GPT_2, output_past: true, n_embd: 1600, n_head: 25, n_layer: 48 },
    1_557_611_200,
  ],
  "Phi-3-mini-4k": [PHI_3_MINI, 3_821_079_552],
  "Phi-3-mini-128k": [{
    ...PHI_3_MINI,
    max_position_embeddings: 131_072,
    rope_scaling: { type: "longrope", short_factor: factors(48), long_factor: factors(48) },
    sliding_window: 262_144,
  }, 3_821_079_552],
  "Phi-4-mini": [{
    ...PHI_3_MINI,
    full_attn_mod: 1,
    interpolate_factor: 1,
    lm_head_bias: false,
    max_position_embeddings: 131_072,
    mlp_bias: false,
    num_attention_heads: 24,
    num_key_value_heads: 8,
    partial_rotary_factor: 0.75,
    rope_scaling: { type: "longrope", short_factor: factors(48), long_factor: factors(48) },
    sliding_window: 262_144,
    tie_word_embeddings: true,
    vocab_size: 200_064,
  }, 3_836_021_760],
  "Mistral-7B-v0.1": [MISTRAL_7B, 7_241_732_096],
  "Mistral-7B-v0.3": [
    { ...MISTRAL_7B, rope_theta: 1_000_000, sliding_window: null, vocab_size: 32_768 },
    7_248_023_552,
  ],
  "gemma-3-1b": [GEMMA_3_1B, 999_885_952],
  "gemma-3-270m": [{
    ...GEMMA_3_1B,
    _sliding_window_pattern: 6,
    hidden_size: 640,
    intermediate_size: 2048,
    layer_types: Array.from(
      { length: 18 },
      (_, layer) => layer % 6 === 5 ? "full_attention" : "sliding_attention",
    ),
    num_hidden_layers: 18,
    use_bidirectional_attention: false,
  }, 268_098_176],
};

for (const [name, [config, parameters]] of Object.entries(PUBLISHED)) {
  Deno.test(`createModel() makes ${name} of its published size`, () => {
    const model = createModel(config);
    assert.equal(countParameters(model), parameters);
    // Whatever trains adapters finds each matrix of the layers under the name of its module.
    const matrices = model.weights.filter(({ name, shape }) =>
      shape.length === 2 && /\.\d+\./.test(name)
    );
    assert.deepEqual(
      model.projections.map(({ name }) => `${name}.weight`).sort(),
      matrices.map(({ name }) => name).sort(),
    );
  });
}

const SHARED: Readonly<Record<string, number>> = {
  "Qwen2.5-0.5B-Instruct": 494_032_768,
  "Qwen3-0.6B": 596_049_920,
  "SmolLM2-135M": 134_515_008,
  "Llama-3.2-1B-Instruct": 1_235_814_400,
};

for (const [name, parameters] of Object.entries(SHARED)) {
  const path = sharedData(`configs/${name}/config.json`);
  Deno.test({
    name: `createModel() makes ${name} of its published size`,
    ignore: path === undefined,
    fn() {
      assert.equal(
        countParameters(createModel(JSON.parse(Deno.readTextFileSync(path!)))),
        parameters,
      );
    },
  });
}

/** Settings that change what is computed, and what is said of them. */
const REFUSED: readonly (readonly [Config, RegExp])[] = [
  [{ ...GEMMA_3_1B, final_logit_softcapping: 30 }, /"final_logit_softcapping" .* only as null/],
  [{ ...GEMMA_3_1B, use_bidirectional_attention: true }, /"use_bidirectional_attention"/],
  [{ ...GEMMA_3_1B, hidden_activation: "gelu" }, /"hidden_activation" .*"gelu_pytorch_tanh"/],
  [{ ...GEMMA_3_1B, layer_types: ["full_attention"] }, /"layer_types" .* each of the 26 layers/],
  [{ ...GEMMA_3_1B, layer_types: ["chunked_attention"] }, /"layer_types" .* "sliding_attention"/],
  [
    { ...GEMMA_3_1B, rope_parameters: { full_attention: { rope_type: "dynamic", factor: 2 } } },
    /"rope_type" of rope_parameters\.full_attention in config\.json .* yarn, longrope/,
  ],
  [{ ...GEMMA_3_1B, sliding_window: null }, /"sliding_window" .* must be stated/],
  [{ ...GPT_2, n_special: 3 }, /"n_special"/],
  [{ ...GPT_2, activation_function: "gelu" }, /"activation_function" .*"gelu_new"/],
  [{ ...GPT_2, add_cross_attention: true }, /"add_cross_attention"/],
  [{ ...GPT_2, n_head: 7 }, /"n_head" .* must divide n_embd, which is 768/],
  [{ ...MISTRAL_7B, partial_rotary_factor: 0.5 }, /"partial_rotary_factor" .* not understood/],
  [
    { ...MISTRAL_7B, rope_parameters: { rope_theta: 1e4, partial_rotary_factor: 0.5 } },
    /"partial_rotary_factor" of rope_parameters in config\.json is supported only as 1/,
  ],
  [{ ...MISTRAL_7B, layer_types: ["full_attention"] }, /"layer_types" .*"sliding_attention"/],
  [{ ...MISTRAL_7B, sliding_window: 0 }, /"sliding_window" .* positive integer/],
  [
    { ...PHI_3_MINI, partial_rotary_factor: 0.01 },
    /"partial_rotary_factor" .* of the 96 of a head/,
  ],
  [
    {
      ...PHI_3_MINI,
      rope_scaling: { type: "longrope", short_factor: factors(8), long_factor: factors(8) },
    },
    /"rope_scaling" .* a short_factor of 48 numbers/,
  ],
  [
    { ...PHI_3_MINI, rope_scaling: { type: "longrope", short_factor: [1, "2"] } },
    /"short_factor" of rope_scaling in config\.json must be a list of positive numbers/,
  ],
  [{ ...PHI_3_MINI, mlp_bias: true }, /"mlp_bias" .* only as false/],
  [
    { ...MISTRAL_7B, model_type: "qwen2", use_sliding_window: false, layer_types: windowed(32) },
    /"layer_types" .* needs use_sliding_window/,
  ],
  [{ model_type: "gemma3" }, /"model_type" .*"gemma3"; supported are gemma3_text, gpt2, llama/],
];

function windowed(count: number): string[] {
  return new Array<string>(count).fill("sliding_attention");
}

Deno.test("createModel() refuses what it does not compute, and names the key", () => {
  for (const [config, message] of REFUSED) {
    assert.throws(() => createModel(config), { name: "UserError", message });
  }
});
