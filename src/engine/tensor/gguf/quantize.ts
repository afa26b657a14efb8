/**
 * The types that GGUF files are written in: float32 rounded to them, bit for bit as llama.cpp's reference does.
 *
 * @module
 */

import { float32ToFloat16 } from "../float16.ts";

/** The types that can be written. */
export const WRITABLE_GGML_TYPES = ["F32", "F16", "Q8_0", "Q4_0"] as const;

/** A type that can be written. */
export type WritableGgmlType = (typeof WRITABLE_GGML_TYPES)[number];

/** Returns the bytes of `values`, whole blocks of them, in a type. */
export type Quantize = (values: Float32Array) => Uint8Array;

/** How each type is written. */
export const QUANTIZE: Readonly<Record<WritableGgmlType, Quantize>> = {
  F32: (values) => new Uint8Array(values.buffer, values.byteOffset, values.byteLength),
  F16: (values) => new Uint8Array(float32ToFloat16(values).buffer),
  Q8_0: quantizeQ8_0,
  Q4_0: quantizeQ4_0,
};

/** The largest magnitude becomes 127; halves are rounded away from zero. */
function quantizeQ8_0(values: Float32Array): Uint8Array {
  const bytes = new Uint8Array(values.length / 32 * 34);
  const view = new DataView(bytes.buffer);
  for (let at = 0, v = 0; v < values.length; at += 34, v += 32) {
    let largest = 0;
    for (let i = 0; i < 32; i++) largest = Math.max(largest, Math.abs(values[v + i]!));
    const scale = Math.fround(largest / 127);
    const inverse = scale === 0 ? 0 : Math.fround(1 / scale);
    view.setFloat16(at, scale, true);
    for (let i = 0; i < 32; i++) {
      const scaled = Math.fround(values[v + i]! * inverse);
      const rounded = Math.floor(Math.abs(scaled) + 0.5);
      bytes[at + 2 + i] = scaled < 0 ? -rounded : rounded;
    }
  }
  return bytes;
}

/** The element of the largest magnitude becomes -8, whatever its sign. */
function quantizeQ4_0(values: Float32Array): Uint8Array {
  const bytes = new Uint8Array(values.length / 32 * 18);
  const view = new DataView(bytes.buffer);
  for (let at = 0, v = 0; v < values.length; at += 18, v += 32) {
    let extreme = 0;
    for (let i = 0; i < 32; i++) {
      if (Math.abs(values[v + i]!) > Math.abs(extreme)) extreme = values[v + i]!;
    }
    const scale = extreme / -8;
    const inverse = scale === 0 ? 0 : Math.fround(1 / scale);
    view.setFloat16(at, scale, true);
    const nibble = (value: number): number =>
      Math.min(15, Math.trunc(Math.fround(Math.fround(value * inverse) + 8.5)));
    for (let i = 0; i < 16; i++) {
      bytes[at + 2 + i] = nibble(values[v + i]!) | nibble(values[v + 16 + i]!) << 4;
    }
  }
  return bytes;
}
