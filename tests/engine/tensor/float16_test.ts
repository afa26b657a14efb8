import assert from "node:assert/strict";
import {
  bfloat16ToFloat32,
  float16ToFloat32,
  float32ToBfloat16,
  float32ToFloat16,
} from "../../../src/engine/tensor/float16.ts";

const ALL_BITS = Uint16Array.from({ length: 65536 }, (_, bits) => bits);

/** The value of 16 bits with `exponentBits`, from the definition in IEEE 754. */
function definedValue(bits: number, exponentBits: number): number {
  const fractionBits = 15 - exponentBits;
  const bias = 2 ** (exponentBits - 1) - 1;
  const sign = bits >= 0x8000 ? -1 : 1;
  const exponent = (bits & 0x7fff) >> fractionBits;
  const fraction = (bits & (2 ** fractionBits - 1)) / 2 ** fractionBits;
  if (exponent === 2 ** exponentBits - 1) return fraction === 0 ? sign * Infinity : NaN;
  if (exponent === 0) return sign * fraction * 2 ** (1 - bias);
  return sign * (1 + fraction) * 2 ** (exponent - bias);
}

const FORMATS = [
  { name: "float16", exponentBits: 5, widen: float16ToFloat32, round: float32ToFloat16 },
  { name: "bfloat16", exponentBits: 8, widen: bfloat16ToFloat32, round: float32ToBfloat16 },
] as const;

for (const { name, exponentBits, widen, round } of FORMATS) {
  Deno.test(`${name}: all 65,536 values widen to what IEEE 754 defines and round back`, () => {
    const values = widen(ALL_BITS);
    const back = round(values);
    for (const bits of ALL_BITS) {
      const value = definedValue(bits, exponentBits);
      assert.ok(Object.is(values[bits], value), `${bits}: ${values[bits]} is not ${value}`);
      if (Number.isNaN(value)) assert.ok(Number.isNaN(widen(back)[bits]), `${bits}`);
      else assert.equal(back[bits], bits);
    }
  });

  Deno.test(`${name}: rounding goes to the nearest, and from half-way to the even one`, () => {
    const largest = (2 ** exponentBits - 1) * 2 ** (15 - exponentBits) - 1;
    for (let bits = 0; bits < largest; bits++) {
      const low = definedValue(bits, exponentBits);
      const high = definedValue(bits + 1, exponentBits);
      const middle = Math.fround((low + high) / 2);
      const near = Float32Array.of(
        middle,
        -middle,
        middle * (1 - 2 ** -20),
        middle * (1 + 2 ** -20),
      );
      const even = bits % 2 === 0 ? bits : bits + 1;
      if (near[3] === middle) continue; // among float32's smallest numbers, too coarse for this test
      assert.deepEqual([...round(near)], [even, even + 0x8000, bits, bits + 1], `${bits}`);
    }
  });

  Deno.test(`${name}: what is too large becomes infinite, and a view is read from its start`, () => {
    const view = Float32Array.of(1, 3.4e38, -3.4e38, NaN).subarray(1);
    assert.deepEqual([...widen(round(view))], [Infinity, -Infinity, NaN]);
    assert.deepEqual([...widen(round(Float32Array.of(0, 1, 2)).subarray(1))], [1, 2]);
  });
}
