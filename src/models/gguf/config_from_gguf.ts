/**
 * The `config.json` that a GGUF file amounts to.
 *
 * @module
 */

import type { GgufFile } from "../../engine/tensor/gguf/gguf_file.ts";
import type { JsonObject } from "../../utils/json.ts";
import {
  ARCHITECTURE_TABLE,
  GGUF_ARCHITECTURES,
  type GgufArchitectureName,
} from "./architectures.ts";
import { GgufKeys } from "./keys.ts";
import { ropeScaling } from "./rope_from_gguf.ts";

/** A model that a GGUF file holds. */
export interface GgufModelConfig {
  /** Its architecture. */
  readonly architecture: GgufArchitectureName;
  /** Its `config.json`. */
  readonly config: JsonObject;
  /** Heads of queries. */
  readonly numHeads: number;
  /** Heads of keys. */
  readonly numKeyValueHeads: number;
}

/** What all architectures have in common. */
interface Common {
  readonly keys: GgufKeys;
  readonly file: GgufFile;
  /** Returns the key of the architecture. */
  readonly key: (name: string) => string;
  readonly hiddenSize: number;
  readonly numLayers: number;
  readonly numHeads: number;
  readonly numKeyValueHeads: number;
  readonly headDim: number;
}

/** The keys of `config.json` that only some architectures have. */
const PARTICULARS: Readonly<Record<GgufArchitectureName, (common: Common) => JsonObject>> = {
  llama: (common) => ({
    ...decoder(common),
    head_dim: common.headDim,
    attention_bias: common.file.tensors.has("blk.0.attn_q.bias"),
    mlp_bias: common.file.tensors.has("blk.0.ffn_gate.bias"),
  }),
  qwen2: (common) => {
    plainHeadDim(common);
    return { ...decoder(common), use_sliding_window: false };
  },
  qwen3: (common) => ({
    ...decoder(common),
    head_dim: common.headDim,
    attention_bias: common.file.tensors.has("blk.0.attn_q.bias"),
  }),
  gemma3,
  phi3,
  gpt2,
};

/** Returns the model that `file` holds. */
export async function configFromGguf(file: GgufFile): Promise<GgufModelConfig> {
  const keys = new GgufKeys(file.metadata, file.path);
  const architecture = readArchitecture(keys);
  if (keys.integer("split.count", 1) > 1) {
    keys.fail(
      "split.count",
      "says that it is one of several; join them with llama-gguf-split --merge",
    );
  }
  const common = readCommon(file, { keys, architecture });
  const { modelTypes: [modelType], hubClass } = ARCHITECTURE_TABLE[architecture];
  const id = (name: string): number | undefined => {
    const value = keys.integer(`tokenizer.ggml.${name}_token_id`, undefined);
    return value === undefined || value >= vocabSize(common) ? undefined : value;
  };
  const config = {
    architectures: [hubClass],
    model_type: modelType,
    torch_dtype: "float32",
    vocab_size: vocabSize(common),
    tie_word_embeddings: !file.tensors.has("output.weight"),
    bos_token_id: id("bos"),
    eos_token_id: id("eos"),
    pad_token_id: id("padding"),
    ...PARTICULARS[architecture](common),
    ...await ropeScaling(file, {
      keys,
      architecture,
      base: {
        theta: keys.number(common.key("rope.freq_base"), 10_000),
        rotaryDim: keys.integer(common.key("rope.dimension_count"), common.headDim),
      },
    }),
  };
  return {
    architecture,
    config: JSON.parse(JSON.stringify(config)),
    numHeads: common.numHeads,
    numKeyValueHeads: common.numKeyValueHeads,
  };
}

function readArchitecture(keys: GgufKeys): GgufArchitectureName {
  const key = "general.architecture";
  const name = keys.text(key, undefined);
  if (name === undefined) keys.fail(key, "is missing");
  const found = GGUF_ARCHITECTURES.find((known) => known === name);
  return found ??
    keys.fail(key, `is "${name}"; supported are ${GGUF_ARCHITECTURES.join(", ")}`);
}

function readCommon(
  file: GgufFile,
  { keys, architecture }: {
    readonly keys: GgufKeys;
    readonly architecture: GgufArchitectureName;
  },
): Common {
  const key = (name: string): string => `${architecture}.${name}`;
  const experts = key("expert_count");
  if (keys.integer(experts, 0) > 0) keys.fail(experts, "says that it is a mixture of experts");
  const hiddenSize = keys.size(key("embedding_length"));
  const numHeads = keys.size(key("attention.head_count"));
  const headDim = keys.integer(
    key("attention.key_length"),
    architecture === "llama"
      ? keys.integer(key("rope.dimension_count"), hiddenSize / numHeads)
      : hiddenSize / numHeads,
  );
  if (keys.integer(key("attention.value_length"), headDim) !== headDim) {
    keys.fail(key("attention.value_length"), `must be that of keys, ${headDim}`);
  }
  return {
    keys,
    file,
    key,
    hiddenSize,
    numHeads,
    headDim,
    numLayers: keys.size(key("block_count")),
    numKeyValueHeads: keys.integer(key("attention.head_count_kv"), numHeads),
  };
}

function vocabSize({ file, keys }: Common): number {
  const embeddings = file.tensors.get("token_embd.weight");
  return embeddings?.shape[0] ?? keys.fail("general.architecture", "needs token_embd.weight");
}

/** The keys that all decoders spell alike. */
function decoder(common: Common): JsonObject {
  const { keys, key } = common;
  return {
    hidden_act: "silu",
    hidden_size: common.hiddenSize,
    intermediate_size: keys.size(key("feed_forward_length")),
    num_hidden_layers: common.numLayers,
    num_attention_heads: common.numHeads,
    num_key_value_heads: common.numKeyValueHeads,
    max_position_embeddings: keys.size(key("context_length")),
    rms_norm_eps: keys.number(key("attention.layer_norm_rms_epsilon"), 1e-6),
    rope_theta: keys.number(key("rope.freq_base"), 10_000),
  };
}

/** Demands that heads are as wide as they are where `config.json` cannot say it. */
function plainHeadDim({ keys, key, headDim, hiddenSize, numHeads }: Common): void {
  if (headDim === hiddenSize / numHeads) return;
  keys.fail(key("attention.key_length"), `must be ${hiddenSize / numHeads}`);
}

/** Every sixth layer of Gemma 3 sees all tokens, unless a list says which do. */
function gemma3(common: Common): JsonObject {
  const { keys, key, headDim, numLayers, hiddenSize, numHeads } = common;
  const { hidden_act: _, ...shared } = decoder(common);
  const window = keys.integer(key("attention.sliding_window"), 0);
  const pattern = layerPattern(common);
  const isSliding = (layer: number): boolean => window > 0 && pattern[layer]!;
  return {
    ...shared,
    head_dim: headDim,
    hidden_activation: "gelu_pytorch_tanh",
    // llama.cpp knows the one model that scales otherwise by its number of layers
    query_pre_attn_scalar: numLayers === 62 ? hiddenSize / numHeads : headDim,
    rope_theta: keys.number(key("rope.freq_base"), 1_000_000),
    rope_local_base_freq: keys.number(key("rope.freq_base_swa"), 10_000),
    sliding_window: window > 0 ? window : null,
    layer_types: Array.from(
      { length: numLayers },
      (_, layer) => isSliding(layer) ? "sliding_attention" : "full_attention",
    ),
    attention_bias: false,
    attn_logit_softcapping: null,
    final_logit_softcapping: keys.number(key("final_logit_softcapping"), null),
  };
}

/** Returns whether each layer slides. */
function layerPattern({ file, keys, key, numLayers }: Common): readonly boolean[] {
  const name = key("attention.sliding_window_pattern");
  const entry = file.metadata.get(name);
  if (entry?.type === "array") {
    if (entry.value.length < numLayers) keys.fail(name, `must have ${numLayers} items`);
    return entry.value.map(Boolean);
  }
  const period = keys.integer(name, 6);
  return Array.from({ length: numLayers }, (_, layer) => (layer + 1) % period !== 0);
}

function phi3(common: Common): JsonObject {
  const { keys, key, headDim } = common;
  plainHeadDim(common);
  const rotary = keys.integer(key("rope.dimension_count"), headDim);
  const window = keys.integer(key("attention.sliding_window"), 0);
  const context = keys.size(key("context_length"));
  return {
    ...decoder(common),
    partial_rotary_factor: rotary / headDim,
    original_max_position_embeddings: keys.integer(
      key("rope.scaling.original_context_length"),
      context,
    ),
    sliding_window: window > 0 ? window : null,
  };
}

function gpt2(common: Common): JsonObject {
  const { keys, key } = common;
  const context = keys.size(key("context_length"));
  return {
    activation_function: "gelu_new",
    n_positions: context,
    n_ctx: context,
    n_embd: common.hiddenSize,
    n_layer: common.numLayers,
    n_head: common.numHeads,
    n_inner: keys.integer(key("feed_forward_length"), null),
    layer_norm_epsilon: keys.number(key("attention.layer_norm_epsilon"), 1e-5),
  };
}
