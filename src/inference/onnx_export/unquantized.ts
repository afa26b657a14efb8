/**
 * Weights as floating-point numbers.
 *
 * @module
 */

import type { DeferredTensor } from "../../engine/onnx/model_file.ts";
import { float32ToFloat16 } from "../../engine/tensor/float16.ts";
import type { Tensor } from "../../engine/tensor/tensor.ts";
import { UserError } from "../../utils/errors.ts";
import { transposed } from "./transposed.ts";
import type { SpellingTarget, WeightSpelling } from "./weight_spelling.ts";

/** What a floating-point weight is stored as. */
type FloatDtype = "float32" | "float16";

const LARGEST_FLOAT16 = 65_504;

/** Stores a weight as it is, but for its dtype, and returns its name. */
export function storePlain(
  { name, shape }: Pick<DeferredTensor, "name" | "shape">,
  { dtype, target }: {
    readonly dtype: FloatDtype;
    readonly target: SpellingTarget;
  },
): string {
  target.store({
    weight: name,
    parts: [{ name, dtype, shape }],
    encode: (elements) => [inDtype(elements, { name, dtype })],
  });
  return name;
}

function inDtype(
  elements: Float32Array,
  { name, dtype }: { readonly name: string; readonly dtype: FloatDtype },
): Tensor["data"] {
  if (dtype === "float32") return elements;
  const beyond = elements.find((element) => Math.abs(element) > LARGEST_FLOAT16);
  if (beyond !== undefined) {
    throw new UserError(
      `Cannot write weight "${name}" as f16: ${beyond} in it is beyond its range; choose another type`,
    );
  }
  return float32ToFloat16(elements);
}

/** Returns the spelling of weights that are stored as they are, but for their dtype. */
export function unquantized(dtype: FloatDtype): WeightSpelling {
  return {
    plainDtype: dtype,
    product({ x, matrix, outputsFirst, flat, output }, target) {
      const { name, shape } = matrix;
      if (!outputsFirst) {
        target.writer.node("MatMul", [x, storePlain(matrix, { dtype, target })], { output });
      } else if (flat) {
        const attributes = { transB: { int: 1 } };
        const plain = storePlain(matrix, { dtype, target });
        target.writer.node("Gemm", [x, plain], { output, attributes });
      } else {
        const part = { name: `${name}.T`, dtype, shape: shape.toReversed() };
        target.store({
          weight: name,
          parts: [part],
          encode: (elements) => [inDtype(transposed(elements, shape), { name, dtype })],
        });
        target.writer.node("MatMul", [x, part.name], { output });
      }
    },
    lookup({ ids, matrix, output }, target) {
      target.writer.node("GatherND", [storePlain(matrix, { dtype, target }), ids], { output });
    },
  };
}
