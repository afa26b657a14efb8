/**
 * The element types of GGUF files: their numbers, the size of their blocks, and how blocks become float32.
 * https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
 *
 * @module
 */

import {
  dequantizeBf16,
  dequantizeF16,
  dequantizeF32,
  dequantizeQ4_0,
  dequantizeQ4_1,
  dequantizeQ5_0,
  dequantizeQ5_1,
  dequantizeQ8_0,
} from "./dequantize.ts";
import { dequantizeQ4K, dequantizeQ5K, dequantizeQ6K } from "./dequantize_k.ts";

/** Turns the bytes of whole blocks into float32. */
export type Dequantize = (bytes: Uint8Array, out: Float32Array) => void;

/** What is known of one element type. */
export interface GgmlTypeInfo {
  /** Its number in files. */
  readonly id: number;
  /** Elements of a block; a row is a whole number of blocks. */
  readonly blockSize: number;
  /** Bytes of a block. */
  readonly blockBytes: number;
  /** How blocks become float32; null where that is not supported. */
  readonly dequantize: Dequantize | null;
}

const type = (
  id: number,
  [blockSize, blockBytes]: readonly [number, number],
  dequantize: Dequantize | null = null,
): GgmlTypeInfo => ({ id, blockSize, blockBytes, dequantize });

/** Every element type that files may have. */
export const GGML_TYPES = {
  F32: type(0, [1, 4], dequantizeF32),
  F16: type(1, [1, 2], dequantizeF16),
  Q4_0: type(2, [32, 18], dequantizeQ4_0),
  Q4_1: type(3, [32, 20], dequantizeQ4_1),
  Q5_0: type(6, [32, 22], dequantizeQ5_0),
  Q5_1: type(7, [32, 24], dequantizeQ5_1),
  Q8_0: type(8, [32, 34], dequantizeQ8_0),
  Q8_1: type(9, [32, 40]),
  Q2_K: type(10, [256, 84]),
  Q3_K: type(11, [256, 110]),
  Q4_K: type(12, [256, 144], dequantizeQ4K),
  Q5_K: type(13, [256, 176], dequantizeQ5K),
  Q6_K: type(14, [256, 210], dequantizeQ6K),
  Q8_K: type(15, [256, 292]),
  IQ2_XXS: type(16, [256, 66]),
  IQ2_XS: type(17, [256, 74]),
  IQ3_XXS: type(18, [256, 98]),
  IQ1_S: type(19, [256, 50]),
  IQ4_NL: type(20, [32, 18]),
  IQ3_S: type(21, [256, 110]),
  IQ2_S: type(22, [256, 82]),
  IQ4_XS: type(23, [256, 136]),
  I8: type(24, [1, 1]),
  I16: type(25, [1, 2]),
  I32: type(26, [1, 4]),
  I64: type(27, [1, 8]),
  F64: type(28, [1, 8]),
  IQ1_M: type(29, [256, 56]),
  BF16: type(30, [1, 2], dequantizeBf16),
  TQ1_0: type(34, [256, 54]),
  TQ2_0: type(35, [256, 66]),
  MXFP4: type(39, [32, 17]),
} as const satisfies Readonly<Record<string, GgmlTypeInfo>>;

/** Name of an element type. */
export type GgmlType = keyof typeof GGML_TYPES;

/** Names of the types that can be read as float32. */
export const READABLE_GGML_TYPES: readonly GgmlType[] = (Object.keys(GGML_TYPES) as GgmlType[])
  .filter((name) => GGML_TYPES[name].dequantize !== null);

/** Returns the type with the number `id`, `undefined` if there is none. */
export function ggmlTypeOf(id: number): GgmlType | undefined {
  return (Object.keys(GGML_TYPES) as GgmlType[]).find((name) => GGML_TYPES[name].id === id);
}

/** Returns how many bytes `count` elements take. */
export function ggmlBytes(name: GgmlType, count: number): number {
  const { blockSize, blockBytes } = GGML_TYPES[name];
  return count / blockSize * blockBytes;
}
