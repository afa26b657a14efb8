/**
 * What the rules of export write with.
 *
 * @module
 */

import type { OnnxAttribute, OnnxValueType } from "../onnx/model.ts";
import type { Dtype, Tensor } from "../tensor/tensor.ts";
import type { Op, Value, ValueOf } from "./value.ts";

/** The families of devices for which one operator is spelled differently. */
export const EXPORT_TARGETS = ["cpu", "gpu"] as const;

/** A family of devices. */
export type ExportTarget = (typeof EXPORT_TARGETS)[number];

/** Writes nodes and constants, and knows what each value is called. */
export interface Writer {
  /** What the model will run on. */
  readonly target: ExportTarget;
  /** Returns the name of a value that was written before. */
  nameOf(value: Value): string;
  /** Writes a node and returns the name of its output, which is `name` if given. */
  node(op: string, inputs: readonly string[], options?: NodeOptions): string;
  /** Writes an int64 vector and returns its name. */
  integers(values: readonly number[]): string;
  /** Writes a tensor and returns its name. */
  tensor(tensor: Tensor): string;
}

/** Options of {@linkcode Writer.node}. */
export interface NodeOptions {
  /** The node's attributes. @default {none} */
  readonly attributes?: Readonly<Record<string, OnnxAttribute>>;
  /** The operator set that has the node. @default {ONNX's own} */
  readonly domain?: string;
  /** What it makes. @default {what follows from its inputs, or what the value that is being written is} */
  readonly type?: OnnxValueType;
  /** What follows the name of its first output in those of its further outputs. @default {it has none} */
  readonly alsoMakes?: readonly string[];
}

/** Writes a value and returns its name. */
export type ExportRule<O extends Op> = (value: ValueOf<O>, writer: Writer) => string;

/** ONNX's numbers of dtypes. */
export const ONNX_DTYPE_CODES: Readonly<Record<Dtype, number>> = {
  float32: 1,
  uint8: 2,
  int8: 3,
  int32: 6,
  int64: 7,
  bool: 9,
  float16: 10,
  float64: 11,
  bfloat16: 16,
};
