/**
 * What LoRA and DoRA add to a model's linear layers, over the values of a graph.
 *
 * @module
 */

import {
  add,
  detach,
  div,
  gemm,
  linear,
  mul,
  reduceSum,
  reshape,
  scalar,
  sqrt,
  sub,
} from "../../engine/graph/build.ts";
import type { Value } from "../../engine/graph/value.ts";
import type { Project } from "../language_model.ts";
import type { LoraConfig } from "./lora_config.ts";
import type { LoraTarget } from "./targets.ts";
import { loraNames } from "./weights.ts";

/** What {@linkcode adaptedProject} builds on. */
export interface AdaptedProjectOptions {
  /** Settings of the adapter. */
  readonly config: LoraConfig;
  /** The linear layers that are adapted. */
  readonly targets: readonly LoraTarget[];
  /** Returns a weight of the adapter. */
  readonly trained: (name: string) => Value;
  /** Returns a weight of the base model. */
  readonly frozen: (name: string) => Value;
  /** Computes linear layers of the base model. */
  readonly base: Project;
  /** Leaves out a part of what an update reads. @default {nothing} */
  readonly dropout?: ((x: Value) => Value) | undefined;
}

/** Returns the linear layers of a model with an adapter's updates. */
export function adaptedProject(options: AdaptedProjectOptions): Project {
  const { config, trained, base, dropout } = options;
  const targets = new Map(options.targets.map((target) => [target.projection.name, target]));
  return (x, projection) => {
    const target = targets.get(projection.name);
    if (target === undefined) return base(x, projection);
    const names = loraNames(projection.name);
    const seen = dropout === undefined ? x : dropout(x);
    // The scale goes into the narrow product, where it costs least.
    const narrow = mul(linear(seen, trained(names.a)), scalar(target.scale));
    const update = linear(narrow, trained(names.b));
    if (!config.useDora) return add(base(x, projection), update);

    const length = rowLengths(target, options);
    const factor = div(trained(names.magnitude), length);
    const unbiased = { ...projection, biased: false };
    if (dropout === undefined) {
      const turned = mul(add(base(x, unbiased), update), factor);
      return projection.biased ? add(turned, options.frozen(`${projection.name}.bias`)) : turned;
    }
    // y = Wx + (f − 1) · W·drop(x) + f · update, as PEFT has it where the update does not see all of x.
    const change = mul(base(seen, unbiased), sub(factor, scalar(1)));
    return add(base(x, projection), add(change, mul(update, factor)));
  };
}

/**
 * Returns ‖W + scale · BA‖ of each row, [outFeatures], as a constant of the step. BA is never formed:
 * ‖W‖² + 2 · scale · Σ B∘(WAᵀ) + scale² · Σ B∘(B(AAᵀ)), each summed over a row.
 */
function rowLengths(
  { projection, scale }: LoraTarget,
  { trained, frozen }: AdaptedProjectOptions,
): Value {
  const names = loraNames(projection.name);
  const a = detach(trained(names.a));
  const b = detach(trained(names.b));
  const matrix = frozen(`${projection.name}.weight`);
  const squares = reduceSum(mul(matrix, matrix), [projection.transposed ? 0 : 1]);
  const own = reshape(squares, [projection.outFeatures, 1]);
  const crossed = gemm(matrix, a, { transA: projection.transposed, transB: true });
  const mixed = reduceSum(mul(b, crossed), [1]);
  const added = reduceSum(mul(b, gemm(b, gemm(a, a, { transB: true }))), [1]);
  const total = add(own, add(mul(mixed, scalar(2 * scale)), mul(added, scalar(scale ** 2))));
  return reshape(sqrt(total), [projection.outFeatures]);
}
