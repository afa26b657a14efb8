import assert from "node:assert/strict";
import { initialWeights } from "../../../src/core/training/initialize.ts";
import { createModel } from "../../../src/models/architectures.ts";

/** The standard deviation of each fresh weight, and of those that are all alike their element. */
function freshWeights(config: Readonly<Record<string, unknown>>): Map<string, number> {
  return new Map(
    [...initialWeights(createModel(config), 5)].map(({ name, tensor: { data } }) => {
      const first = data[0]!;
      if (data.every((element) => element === first)) return [name, first];
      return [name, Math.sqrt(data.reduce((sum, x) => sum + x * x, 0) / data.length)];
    }),
  );
}

const near = (actual: number | undefined, expected: number) =>
  assert.ok(Math.abs(actual! / expected - 1) < 0.05, `${actual}, expected ${expected}`);

Deno.test("initialWeights() starts Gemma's norms at zero, since they scale by 1 + weight", () => {
  const weights = freshWeights({
    model_type: "gemma3_text",
    vocab_size: 64,
    hidden_size: 32,
    intermediate_size: 64,
    num_hidden_layers: 1,
    num_attention_heads: 2,
    num_key_value_heads: 1,
    head_dim: 16,
    initializer_range: 0.03,
  });
  near(weights.get("model.layers.0.self_attn.q_proj.weight"), 0.03);
  const norms = [...weights.keys()].filter((name) => name.includes("norm"));
  assert.equal(norms.length, 7);
  for (const name of norms) assert.equal(weights.get(name), 0);
});

Deno.test("initialWeights() starts GPT-2's residual projections smaller, the more layers there are", () => {
  const weights = freshWeights({
    model_type: "gpt2",
    vocab_size: 64,
    n_positions: 32,
    n_embd: 32,
    n_head: 2,
    n_layer: 8,
  });
  near(weights.get("transformer.wpe.weight"), 0.02);
  near(weights.get("transformer.h.3.attn.c_attn.weight"), 0.02);
  near(weights.get("transformer.h.3.attn.c_proj.weight"), 0.005);
  near(weights.get("transformer.h.3.mlp.c_proj.weight"), 0.005);
  assert.equal(weights.get("transformer.h.3.mlp.c_proj.bias"), 0);
  assert.equal(weights.get("transformer.h.3.ln_1.weight"), 1);
  assert.equal(weights.get("transformer.ln_f.bias"), 0);
});
