/**
 * LoRA adapters beside one base model, of which each row of a run may use another.
 *
 * All adapters' narrowing matrices are joined to one, and so are the widening ones; in between, a row's own part is kept
 * and the rest is zero. Rows without an adapter get exact zeros added.
 *
 * @module
 */

import { add, constant, input, linear, matMul, mul } from "../../engine/graph/build.ts";
import type { Value } from "../../engine/graph/value.ts";
import { type Tensor, tensor } from "../../engine/tensor/tensor.ts";
import type { Project } from "../../models/language_model.ts";

/** The name of the input that says which adapter each row uses, float32 [batch, 1, adapters]: one 1, or none. */
export const ADAPTER = "adapter";

/** What an adapter adds to one linear layer. */
export interface AdapterUpdate {
  /** The matrix that narrows, [rank, inFeatures]. */
  readonly a: Tensor<"float32">;
  /** The matrix that widens, its factor in it, [outFeatures, rank]. */
  readonly b: Tensor<"float32">;
}

/** An adapter in memory. */
export interface LoadedAdapter {
  /** What it is called in requests. */
  readonly name: string;
  /** Its updates by the names of linear layers. */
  readonly updates: ReadonlyMap<string, AdapterUpdate>;
}

/** Returns the feed that says which of `count` adapters each row uses. */
export function adapterFeed(adapters: Int32Array, count: number): Tensor<"float32"> {
  const data = new Float32Array(adapters.length * count);
  for (const [row, adapter] of adapters.entries()) {
    if (adapter >= 0) data[row * count + adapter] = 1;
  }
  return tensor("float32", [adapters.length, 1, count], data);
}

/** Returns `base` with the updates of the adapter that each row uses. */
export function adaptedProject(base: Project, adapters: readonly LoadedAdapter[]): Project {
  if (adapters.length === 0) return base;
  const chosen = input(ADAPTER, "float32", ["batch", 1, adapters.length]);
  const spreads = new Map<string, Value>();
  return (x, projection) => {
    const product = base(x, projection);
    const updates = adapters.map(({ updates }) => updates.get(projection.name));
    const ranks = updates.map((update) => update?.a.shape[0] ?? 0);
    const total = ranks.reduce((sum, rank) => sum + rank, 0);
    if (total === 0) return product;
    let own = spreads.get(ranks.join());
    if (own === undefined) {
      own = matMul(chosen, constant(spread(ranks)));
      spreads.set(ranks.join(), own);
    }
    const { inFeatures, outFeatures } = projection;
    const down = new Float32Array(total * inFeatures);
    const up = new Float32Array(total * outFeatures);
    let start = 0;
    for (const [i, update] of updates.entries()) {
      if (update === undefined) continue;
      down.set(update.a.data, start * inFeatures);
      for (let out = 0; out < outFeatures; out++) {
        const row = update.b.data.subarray(out * ranks[i]!, (out + 1) * ranks[i]!);
        up.set(row, out * total + start);
      }
      start += ranks[i]!;
    }
    const narrow = linear(x, constant(tensor("float32", [total, inFeatures], down)));
    const kept = mul(narrow, own);
    return add(product, linear(kept, constant(tensor("float32", [outFeatures, total], up))));
  };
}

/** The matrix [adapters, total of ranks] that gives each adapter ones at its own places. */
function spread(ranks: readonly number[]): Tensor<"float32"> {
  const total = ranks.reduce((sum, rank) => sum + rank, 0);
  const data = new Float32Array(ranks.length * total);
  let start = 0;
  for (const [adapter, rank] of ranks.entries()) {
    data.fill(1, adapter * total + start, adapter * total + start + rank);
    start += rank;
  }
  return tensor("float32", [ranks.length, total], data);
}
