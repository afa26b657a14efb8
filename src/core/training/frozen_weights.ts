/**
 * Weights that are read and never changed, in the form in which they are kept in memory.
 *
 * @module
 */

import { cast, input } from "../../engine/graph/build.ts";
import type { Value } from "../../engine/graph/value.ts";
import { float32ToFloat16 } from "../../engine/tensor/float16.ts";
import type { Tensor } from "../../engine/tensor/tensor.ts";
import type { WeightSpec } from "../../models/language_model.ts";
import type { WeightValues } from "./trainee.ts";

/** Every form in which frozen weights are kept. */
export const FROZEN_DTYPES = ["f32", "f16"] as const;

/** The form in which frozen matrices are kept; vectors, which are small, are always float32. */
export type FrozenDtype = (typeof FROZEN_DTYPES)[number];

/** What a form of frozen matrices amounts to. */
interface FrozenForm {
  /** Returns what graphs are fed for a matrix, by the names of their inputs. */
  readonly store: (name: string, matrix: Tensor<"float32">) => Record<string, Tensor>;
  /** Returns a matrix as float32. */
  readonly value: (spec: WeightSpec) => Value;
}

const plain: FrozenForm = {
  store: (name, matrix) => ({ [name]: matrix }),
  value: ({ name, shape }) => input(name, "float32", shape),
};

const FORMS: Readonly<Record<FrozenDtype, FrozenForm>> = {
  f32: plain,
  f16: {
    store: (name, { shape, data }) => ({
      [name]: { dtype: "float16", shape, data: float32ToFloat16(data) },
    }),
    value: ({ name, shape }) => cast(input(name, "float16", shape), "float32"),
  },
};

function formOf(shape: readonly number[], dtype: FrozenDtype): FrozenForm {
  return shape.length > 1 ? FORMS[dtype] : plain;
}

/** Returns what graphs are fed for a frozen weight. */
export function storeFrozen(
  name: string,
  { weight, dtype }: { readonly weight: Tensor<"float32">; readonly dtype: FrozenDtype },
): Record<string, Tensor> {
  return formOf(weight.shape, dtype).store(name, weight);
}

/** Returns the values of frozen weights in one graph; each is an input, once, if it is used. */
export function frozenValues(
  specs: readonly WeightSpec[],
  dtype: FrozenDtype,
): Pick<WeightValues, "frozen"> {
  const specOf = new Map(specs.map((spec) => [spec.name, spec]));
  const values = new Map<string, Value>();
  return {
    frozen: (name) => {
      const known = values.get(name);
      if (known !== undefined) return known;
      const spec = specOf.get(name)!;
      const value = formOf(spec.shape, dtype).value(spec);
      values.set(name, value);
      return value;
    },
  };
}
