/**
 * Blocks of 256 elements whose scales are quantised too ("K quants"), as float32: bit for bit what llama.cpp
 * makes of them.
 *
 * @module
 */

import { scales } from "./dequantize.ts";

const BLOCK = 256;

/** Scale and minimum of each of 8 groups, 6 bits each in 12 bytes; nibbles. */
export function dequantizeQ4K(bytes: Uint8Array, out: Float32Array): void {
  const scaleAt = scales(bytes);
  for (let at = 0, o = 0; o < out.length; at += 144, o += BLOCK) {
    for (let group = 0; group < 8; group++) {
      const [scale, minimum] = groupScales(bytes, at + 4, group);
      const d = Math.fround(scaleAt(at) * scale);
      const m = Math.fround(scaleAt(at + 2) * minimum);
      const shift = (group & 1) * 4;
      for (let i = 0; i < 32; i++) {
        const q = bytes[at + 16 + (group >> 1) * 32 + i]! >> shift & 15;
        out[o + group * 32 + i] = Math.fround(d * q) - m;
      }
    }
  }
}

/** As Q4_K, with a fifth bit of each element in 32 bytes before the nibbles. */
export function dequantizeQ5K(bytes: Uint8Array, out: Float32Array): void {
  const scaleAt = scales(bytes);
  for (let at = 0, o = 0; o < out.length; at += 176, o += BLOCK) {
    for (let group = 0; group < 8; group++) {
      const [scale, minimum] = groupScales(bytes, at + 4, group);
      const d = Math.fround(scaleAt(at) * scale);
      const m = Math.fround(scaleAt(at + 2) * minimum);
      const shift = (group & 1) * 4;
      for (let i = 0; i < 32; i++) {
        const low = bytes[at + 48 + (group >> 1) * 32 + i]! >> shift & 15;
        const high = bytes[at + 16 + i]! >> group & 1;
        out[o + group * 32 + i] = Math.fround(d * (low | high << 4)) - m;
      }
    }
  }
}

/** Four lower and two upper bits of each element, a signed scale for every 16, one scale for all. */
export function dequantizeQ6K(bytes: Uint8Array, out: Float32Array): void {
  const scaleAt = scales(bytes);
  for (let at = 0, o = 0; o < out.length; at += 210, o += BLOCK) {
    const d = scaleAt(at + 208);
    for (let i = 0; i < BLOCK; i++) {
      // each half of the block has 64 bytes of lower bits and 32 of upper ones
      const half = i >> 7;
      const inHalf = i & 127;
      const low = bytes[at + half * 64 + (inHalf & 63)]! >> (inHalf >> 6) * 4 & 15;
      const high = bytes[at + 128 + half * 32 + (inHalf & 31)]! >> (inHalf >> 5) * 2 & 3;
      const scale = Math.fround(d * (bytes[at + 192 + (i >> 4)]! << 24 >> 24));
      out[o + i] = scale * ((low | high << 4) - 32);
    }
  }
}

/** Returns the 6-bit scale and minimum of a group: those of the last four are scattered over 12 bytes. */
function groupScales(bytes: Uint8Array, at: number, group: number): readonly [number, number] {
  if (group < 4) return [bytes[at + group]! & 63, bytes[at + 4 + group]! & 63];
  const both = bytes[at + 4 + group]!;
  return [
    both & 15 | (bytes[at + group - 4]! >> 6) << 4,
    both >> 4 | (bytes[at + group]! >> 6) << 4,
  ];
}
