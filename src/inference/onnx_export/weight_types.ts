/**
 * The types in which an ONNX folder stores weights, and the names that transformers.js has for them.
 *
 * @module
 */

/** Every type of weights. */
export const ONNX_TYPES = ["f32", "f16", "q8_0", "q4_0"] as const;

/** A type of weights. */
export type OnnxType = (typeof ONNX_TYPES)[number];

/** How transformers.js calls a type. */
export interface OnnxVariant {
  /** The value of its option `dtype`. */
  readonly dtype: string;
  /** Name of the file in the folder `onnx`. */
  readonly file: string;
  /** Element type of keys and values. */
  readonly cacheDtype: "float32" | "float16";
}

/** The variant of each type. */
export const ONNX_VARIANTS: Readonly<Record<OnnxType, OnnxVariant>> = {
  f32: { dtype: "fp32", file: "model.onnx", cacheDtype: "float32" },
  f16: { dtype: "fp16", file: "model_fp16.onnx", cacheDtype: "float16" },
  q8_0: { dtype: "q8", file: "model_quantized.onnx", cacheDtype: "float32" },
  q4_0: { dtype: "q4", file: "model_q4.onnx", cacheDtype: "float32" },
};
