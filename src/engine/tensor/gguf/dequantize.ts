/**
 * Blocks of 32 elements with a scale each, and plain floats, as float32: bit for bit what llama.cpp makes of
 * them. Nibbles are stored with element `i` in the lower and element `i + 16` in the upper half of byte `i`.
 *
 * @module
 */

const HALF = 16;

/** Copies float32. */
export function dequantizeF32(bytes: Uint8Array, out: Float32Array): void {
  new Uint8Array(out.buffer, out.byteOffset, out.byteLength).set(bytes);
}

/** Widens half precision. */
export function dequantizeF16(bytes: Uint8Array, out: Float32Array): void {
  out.set(halves(bytes));
}

/** Widens bfloat16. */
export function dequantizeBf16(bytes: Uint8Array, out: Float32Array): void {
  const wide = new Uint32Array(out.buffer, out.byteOffset, out.length);
  for (let i = 0; i < wide.length; i++) wide[i] = (bytes[2 * i]! | bytes[2 * i + 1]! << 8) << 16;
}

/** A half-precision scale and 32 signed bytes. */
export function dequantizeQ8_0(bytes: Uint8Array, out: Float32Array): void {
  const scaleAt = scales(bytes);
  for (let at = 0, o = 0; o < out.length; at += 34, o += 32) {
    const scale = scaleAt(at);
    for (let i = 0; i < 32; i++) out[o + i] = scale * (bytes[at + 2 + i]! << 24 >> 24);
  }
}

/** A scale and 32 nibbles that stand for -8 to 7. */
export function dequantizeQ4_0(bytes: Uint8Array, out: Float32Array): void {
  const scaleAt = scales(bytes);
  for (let at = 0, o = 0; o < out.length; at += 18, o += 32) {
    const scale = scaleAt(at);
    for (let i = 0; i < HALF; i++) {
      const pair = bytes[at + 2 + i]!;
      out[o + i] = scale * ((pair & 15) - 8);
      out[o + HALF + i] = scale * ((pair >> 4) - 8);
    }
  }
}

/** A scale, a minimum and 32 nibbles that stand for 0 to 15. */
export function dequantizeQ4_1(bytes: Uint8Array, out: Float32Array): void {
  const scaleAt = scales(bytes);
  for (let at = 0, o = 0; o < out.length; at += 20, o += 32) {
    const scale = scaleAt(at);
    const minimum = scaleAt(at + 2);
    for (let i = 0; i < HALF; i++) {
      const pair = bytes[at + 4 + i]!;
      out[o + i] = Math.fround(scale * (pair & 15)) + minimum;
      out[o + HALF + i] = Math.fround(scale * (pair >> 4)) + minimum;
    }
  }
}

/** A scale, the fifth bits and 32 nibbles; they stand for -16 to 15. */
export function dequantizeQ5_0(bytes: Uint8Array, out: Float32Array): void {
  const scaleAt = scales(bytes);
  for (let at = 0, o = 0; o < out.length; at += 22, o += 32) {
    const scale = scaleAt(at);
    for (let i = 0; i < 32; i++) out[o + i] = scale * (fiveBits(bytes, at + 2, i) - 16);
  }
}

/** A scale, a minimum, the fifth bits and 32 nibbles; they stand for 0 to 31. */
export function dequantizeQ5_1(bytes: Uint8Array, out: Float32Array): void {
  const scaleAt = scales(bytes);
  for (let at = 0, o = 0; o < out.length; at += 24, o += 32) {
    const scale = scaleAt(at);
    const minimum = scaleAt(at + 2);
    for (let i = 0; i < 32; i++) {
      out[o + i] = Math.fround(scale * fiveBits(bytes, at + 4, i)) + minimum;
    }
  }
}

/** Element `i` of a block whose fifth bits begin at `at`, with the nibbles behind them. */
function fiveBits(bytes: Uint8Array, at: number, i: number): number {
  const pair = bytes[at + 4 + i % HALF]!;
  const nibble = i < HALF ? pair & 15 : pair >> 4;
  return nibble | (bytes[at + (i >> 3)]! >> (i & 7) & 1) << 4;
}

/** Returns a reader of the half-precision number at an offset. */
export function scales(bytes: Uint8Array): (at: number) => number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return (at) => view.getFloat16(at, true);
}

/** The bytes as half-precision numbers, copied where they are not aligned. */
function halves(bytes: Uint8Array): Float16Array {
  const { buffer, byteOffset, byteLength } = bytes.byteOffset % 2 === 0 ? bytes : bytes.slice();
  return new Float16Array(buffer, byteOffset, byteLength / 2);
}
