/**
 * Weights that are read and never changed, in the form in which they are kept in memory.
 *
 * @module
 */

import { add, constant, input, linearCrossEntropy, transpose } from "../../engine/graph/build.ts";
import {
  frozenGather,
  frozenLinear,
  frozenLinearCrossEntropy,
  type FrozenMatrix,
} from "../../engine/graph/frozen.ts";
import { slicedCrossEntropy } from "../../engine/graph/sliced_cross_entropy.ts";
import type { Value } from "../../engine/graph/value.ts";
import { float32ToFloat16 } from "../../engine/tensor/float16.ts";
import { quantizeRows } from "../../engine/tensor/quantize.ts";
import { type Dtype, type Tensor, tensor } from "../../engine/tensor/tensor.ts";
import {
  type LanguageModel,
  plainProject,
  plainRows,
  type Projection,
  type WeightSpec,
} from "../../models/language_model.ts";
import type { Trainee, WeightValues } from "./trainee.ts";

/** Every form in which frozen weights are kept. */
export const FROZEN_DTYPES = ["f32", "f16", "int8"] as const;

/** The form in which frozen matrices are kept; vectors, which are small, are always float32. */
export type FrozenDtype = (typeof FROZEN_DTYPES)[number];

/** How frozen weights are kept, and for what. */
export interface FrozenStorage {
  /** The form of matrices. */
  readonly dtype: FrozenDtype;
  /** Whether they are for a GPU, which reads integers only without sign. */
  readonly gpu: boolean;
}

/** Returns the dtype of a matrix's elements, and whether its rows have scales. */
function formOf(
  { dtype, gpu }: FrozenStorage,
): { readonly dtype: Dtype; readonly scaled: boolean } {
  switch (dtype) {
    case "f32":
      return { dtype: "float32", scaled: false };
    case "f16":
      return { dtype: "float16", scaled: false };
    case "int8":
      return { dtype: gpu ? "uint8" : "int8", scaled: true };
  }
}

const scalesOf = (name: string): string => `${name}.scales`;

/** Matrices are kept with a row for each output feature, whichever way the model stores them. */
function transposedNames({ projections }: LanguageModel): ReadonlySet<string> {
  const transposed = projections.filter((projection) => projection.transposed);
  return new Set(transposed.map(({ name }) => `${name}.weight`));
}

/** Returns what graphs are fed of a frozen weight, by the names of their inputs. */
export function storeFrozen(
  { name, tensor: weight }: { readonly name: string; readonly tensor: Tensor<"float32"> },
  { model, storage }: { readonly model: LanguageModel; readonly storage: FrozenStorage },
): Record<string, Tensor> {
  if (weight.shape.length !== 2 || storage.dtype === "f32") return { [name]: weight };
  const transposed = transposedNames(model).has(name);
  if (storage.dtype === "f16") {
    const matrix = transposed ? turned(weight) : weight;
    const data = float32ToFloat16(matrix.data);
    return { [name]: { dtype: "float16", shape: matrix.shape, data } };
  }
  const dtype = storage.gpu ? "uint8" : "int8";
  const { weight: integers, scales } = quantizeRows(weight, { dtype, transposed });
  return { [name]: integers, [scalesOf(name)]: scales };
}

function turned({ shape, data }: Tensor<"float32">): Tensor<"float32"> {
  const [rows, columns] = shape as [number, number];
  const result = new Float32Array(data.length);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      result[column * rows + row] = data[row * columns + column]!;
    }
  }
  return tensor("float32", [columns, rows], result);
}

/** Returns the values of a trainee's frozen weights in one graph; each is an input, once, if it is used. */
export function frozenValues(
  { model, frozen }: Pick<Trainee, "model" | "frozen">,
  storage: FrozenStorage,
): Pick<WeightValues, "frozen" | "frozenLayers"> {
  const specOf = new Map(frozen.map((spec) => [spec.name, spec]));
  const plain = memoized((name) => input(name, "float32", specOf.get(name)!.shape));
  if (storage.dtype === "f32") {
    return {
      frozen: plain,
      frozenLayers: {
        project: plainProject(plain),
        embedRows: plainRows(plain),
        crossEntropy: (hidden, { name, targets }) =>
          storage.gpu
            ? linearCrossEntropy(hidden, { weight: plain(name), targets })
            : slicedCrossEntropy(hidden, { matrix: { weight: plain(name) }, targets }),
      },
    };
  }

  const transposed = transposedNames(model);
  const { dtype, scaled } = formOf(storage);
  const isMatrix = (name: string): boolean => specOf.get(name)!.shape.length === 2;
  const matrix = memoized((name): FrozenMatrix => {
    const shape = storedShape(specOf.get(name)!, transposed);
    return {
      weight: input(name, dtype, shape),
      scales: scaled ? input(scalesOf(name), "float32", [shape[0]!]) : undefined,
    };
  });
  const widened = memoized((name): Value => {
    const rows = frozenGather(
      matrix(name),
      allRows(storedShape(specOf.get(name)!, transposed)[0]!),
    );
    return transposed.has(name) ? transpose(rows, [1, 0]) : rows;
  });
  return {
    frozen: (name) => isMatrix(name) ? widened(name) : plain(name),
    frozenLayers: {
      project: (x: Value, { name, biased }: Projection): Value => {
        const product = frozenLinear(x, matrix(`${name}.weight`));
        return biased ? add(product, plain(`${name}.bias`)) : product;
      },
      embedRows: (name, ids) => frozenGather(matrix(name), ids),
      crossEntropy: (hidden, { name, targets }) =>
        storage.gpu
          ? frozenLinearCrossEntropy(hidden, { ...matrix(name), targets })
          : slicedCrossEntropy(hidden, { matrix: matrix(name), targets }),
    },
  };
}

function storedShape(
  { name, shape }: WeightSpec,
  transposed: ReadonlySet<string>,
): readonly number[] {
  return transposed.has(name) ? shape.toReversed() : shape;
}

function allRows(count: number): Value {
  const ids = BigInt64Array.from({ length: count }, (_, i) => BigInt(i));
  return constant(tensor("int64", [count, 1], ids));
}

function memoized<T>(make: (name: string) => T): (name: string) => T {
  const known = new Map<string, T>();
  return (name) => {
    if (!known.has(name)) known.set(name, make(name));
    return known.get(name)!;
  };
}
