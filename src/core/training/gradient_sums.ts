/**
 * Gradients that are summed over the graphs and micro-batches of a step.
 *
 * @module
 */

import { elementCount, type Tensor, tensor } from "../../engine/tensor/tensor.ts";

/** Gradients by the names of their weights. */
export type Gradients = Readonly<Record<string, Tensor<"float32">>>;

/** Sums gradients in place: what comes first to a weight is written where its sum lies, the rest is added to it. */
export class GradientSums {
  readonly #sums: Gradients;
  readonly #begun = new Set<string>();
  /** Where gradients go before they are added. */
  #scratch = new Float32Array(0);

  /** Sums into the tensors `sums`. */
  constructor(sums: Gradients) {
    this.#sums = sums;
  }

  /** Adds the gradients of the weights `names`, which `write` computes into the tensors that it is given. */
  async add<T>(names: readonly string[], write: (into: Gradients) => Promise<T>): Promise<T> {
    const further = names.filter((name) => this.#begun.has(name));
    const scratch = this.#scratchOf(further);
    const into = Object.fromEntries(
      names.map((name) => [name, scratch[name] ?? this.#sums[name]!]),
    );
    const result = await write(into);
    for (const name of further) addTo(this.#sums[name]!.data, scratch[name]!.data);
    for (const name of names) this.#begun.add(name);
    return result;
  }

  /** Makes every sum one of this step, zeros where nothing was added. */
  complete(): void {
    for (const [name, { data }] of Object.entries(this.#sums)) {
      if (!this.#begun.has(name)) data.fill(0);
    }
  }

  /** Forgets the sums. */
  clear(): void {
    this.#begun.clear();
  }

  #scratchOf(names: readonly string[]): Gradients {
    const sizes = names.map((name) => elementCount(this.#sums[name]!.shape));
    const total = sizes.reduce((sum, size) => sum + size, 0);
    if (total > this.#scratch.length) this.#scratch = new Float32Array(total);
    let offset = 0;
    return Object.fromEntries(names.map((name, i) => {
      const data = this.#scratch.subarray(offset, offset += sizes[i]!);
      return [name, tensor("float32", this.#sums[name]!.shape, data)];
    }));
  }
}

function addTo(sum: Float32Array, addend: Float32Array): void {
  for (let i = 0; i < sum.length; i++) sum[i]! += addend[i]!;
}
