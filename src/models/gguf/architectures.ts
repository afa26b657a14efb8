/**
 * The architectures that GGUF files and Hugging Face folders have in common, and how each calls a model's weights.
 *
 * @module
 */

/** Every architecture, as `general.architecture` names it. */
export const GGUF_ARCHITECTURES = ["llama", "qwen2", "qwen3", "gemma3", "phi3", "gpt2"] as const;

/** Name of an architecture. */
export type GgufArchitectureName = (typeof GGUF_ARCHITECTURES)[number];

/** How the elements of a weight differ in the two formats; each is undone by its inverse. */
export type WeightTransform =
  /** Not at all. */
  | "none"
  /** The rows of each head of queries are interleaved: llama.cpp rotates neighbours. */
  | "interleaveQueries"
  /** The same for the heads of keys. */
  | "interleaveKeys"
  /** Norms that multiply by one more than their weight are stored with the one. */
  | "addOne"
  /** Matrices stored [in, out] become [out, in]. */
  | "transpose";

/** A module of a model: its weights are `<name>.weight` and `<name>.bias`. */
export interface GgufModule {
  /** Its name in Hugging Face folders; `{i}` is the number of the layer. */
  readonly hub: string;
  /** Its name in GGUF files. */
  readonly gguf: string;
  /** How its matrix differs. @default {"none"} */
  readonly weight?: WeightTransform;
  /** How its bias differs. @default {"none"} */
  readonly bias?: WeightTransform;
}

/** What is particular to an architecture. */
export interface GgufArchitecture {
  /** What `config.json` calls it; the first is what a file is read as. */
  readonly modelTypes: readonly [string, ...string[]];
  /** The class that `transformers` has for it. */
  readonly hubClass: string;
  /** Its modules. */
  readonly modules: readonly GgufModule[];
}

const module = (
  hub: string,
  gguf: string,
  transforms: Pick<GgufModule, "weight" | "bias"> = {},
): GgufModule => ({ hub, gguf, ...transforms });

const OUTER: readonly GgufModule[] = [
  module("model.embed_tokens", "token_embd"),
  module("lm_head", "output"),
];

const ATTENTION: readonly GgufModule[] = [
  module("model.layers.{i}.self_attn.q_proj", "blk.{i}.attn_q"),
  module("model.layers.{i}.self_attn.k_proj", "blk.{i}.attn_k"),
  module("model.layers.{i}.self_attn.v_proj", "blk.{i}.attn_v"),
  module("model.layers.{i}.self_attn.o_proj", "blk.{i}.attn_output"),
];

const GATED: readonly GgufModule[] = [
  module("model.layers.{i}.mlp.gate_proj", "blk.{i}.ffn_gate"),
  module("model.layers.{i}.mlp.up_proj", "blk.{i}.ffn_up"),
  module("model.layers.{i}.mlp.down_proj", "blk.{i}.ffn_down"),
];

const NORMS: readonly GgufModule[] = [
  module("model.norm", "output_norm"),
  module("model.layers.{i}.input_layernorm", "blk.{i}.attn_norm"),
  module("model.layers.{i}.post_attention_layernorm", "blk.{i}.ffn_norm"),
];

const QUERY_KEY_NORMS: readonly GgufModule[] = [
  module("model.layers.{i}.self_attn.q_norm", "blk.{i}.attn_q_norm"),
  module("model.layers.{i}.self_attn.k_norm", "blk.{i}.attn_k_norm"),
];

const transposed = { weight: "transpose" } as const;
const plusOne = { weight: "addOne" } as const;

/** Every architecture. */
export const ARCHITECTURE_TABLE: Readonly<Record<GgufArchitectureName, GgufArchitecture>> = {
  llama: {
    modelTypes: ["llama", "mistral"],
    hubClass: "LlamaForCausalLM",
    modules: [
      ...OUTER,
      module("model.layers.{i}.self_attn.q_proj", "blk.{i}.attn_q", {
        weight: "interleaveQueries",
        bias: "interleaveQueries",
      }),
      module("model.layers.{i}.self_attn.k_proj", "blk.{i}.attn_k", {
        weight: "interleaveKeys",
        bias: "interleaveKeys",
      }),
      ...ATTENTION.slice(2),
      ...GATED,
      ...NORMS,
    ],
  },
  qwen2: {
    modelTypes: ["qwen2"],
    hubClass: "Qwen2ForCausalLM",
    modules: [...OUTER, ...ATTENTION, ...GATED, ...NORMS],
  },
  qwen3: {
    modelTypes: ["qwen3"],
    hubClass: "Qwen3ForCausalLM",
    modules: [...OUTER, ...ATTENTION, ...QUERY_KEY_NORMS, ...GATED, ...NORMS],
  },
  gemma3: {
    modelTypes: ["gemma3_text"],
    hubClass: "Gemma3ForCausalLM",
    modules: [
      ...OUTER,
      ...ATTENTION,
      ...GATED,
      ...[
        ...QUERY_KEY_NORMS,
        module("model.norm", "output_norm"),
        module("model.layers.{i}.input_layernorm", "blk.{i}.attn_norm"),
        module("model.layers.{i}.post_attention_layernorm", "blk.{i}.post_attention_norm"),
        module("model.layers.{i}.pre_feedforward_layernorm", "blk.{i}.ffn_norm"),
        module("model.layers.{i}.post_feedforward_layernorm", "blk.{i}.post_ffw_norm"),
      ].map((norm) => ({ ...norm, ...plusOne })),
    ],
  },
  phi3: {
    modelTypes: ["phi3"],
    hubClass: "Phi3ForCausalLM",
    modules: [
      ...OUTER,
      module("model.layers.{i}.self_attn.qkv_proj", "blk.{i}.attn_qkv"),
      module("model.layers.{i}.self_attn.o_proj", "blk.{i}.attn_output"),
      module("model.layers.{i}.mlp.gate_up_proj", "blk.{i}.ffn_up"),
      module("model.layers.{i}.mlp.down_proj", "blk.{i}.ffn_down"),
      ...NORMS,
    ],
  },
  gpt2: {
    modelTypes: ["gpt2"],
    hubClass: "GPT2LMHeadModel",
    modules: [
      module("transformer.wte", "token_embd"),
      module("transformer.wpe", "position_embd"),
      module("lm_head", "output"),
      module("transformer.h.{i}.ln_1", "blk.{i}.attn_norm"),
      module("transformer.h.{i}.attn.c_attn", "blk.{i}.attn_qkv", transposed),
      module("transformer.h.{i}.attn.c_proj", "blk.{i}.attn_output", transposed),
      module("transformer.h.{i}.ln_2", "blk.{i}.ffn_norm"),
      module("transformer.h.{i}.mlp.c_fc", "blk.{i}.ffn_up", transposed),
      module("transformer.h.{i}.mlp.c_proj", "blk.{i}.ffn_down", transposed),
      module("transformer.ln_f", "output_norm"),
    ],
  },
};

/** Returns the architecture that models of `modelType` are written as, `undefined` if there is none. */
export function architectureOf(modelType: string): GgufArchitectureName | undefined {
  return GGUF_ARCHITECTURES.find((name) => ARCHITECTURE_TABLE[name].modelTypes.includes(modelType));
}
