/**
 * The inner loop of AdamW as WebAssembly SIMD, four elements at a time. The loop is bound by its divisions and roots: in
 * plain TypeScript, one element at a time, it took 2.6 times as long (15 M parameters, two threads), which was an
 * eighth of the whole training step on a CPU.
 *
 * @module
 */

import type { AdamWFactors } from "./adamw.ts";

/** Elements that the kernel handles at once; array lengths and places are multiples of it. */
export const KERNEL_LANES = 4;

/** Where the kernel works: byte addresses of the first element of each array, and how many elements. */
export interface KernelRange {
  /** Weights; updated. */
  readonly weights: number;
  /** Gradients. */
  readonly gradients: number;
  /** Means of gradients; updated. */
  readonly means: number;
  /** Means of squared gradients; updated. */
  readonly squares: number;
  /** Elements, a multiple of {@linkcode KERNEL_LANES}. */
  readonly count: number;
}

/** Updates a range of elements of a memory. */
export type AdamWKernel = (range: KernelRange, factors: AdamWFactors) => void;

// Numbers of the WebAssembly binary format, https://webassembly.github.io/spec/core/binary/.
const I32 = 0x7f;
const F32 = 0x7d;
const V128 = 0x7b;
const FUNCTION = 0x60;
const BLOCK = [0x02, 0x40];
const LOOP = [0x03, 0x40];
const END = [0x0b];
const I32_ADD = [0x6a];
const I32_SUB = [0x6b];
const I32_EQZ = [0x45];
const LOAD = [0xfd, 0x00, 4, 0];
const STORE = [0xfd, 0x0b, 4, 0];
const SPLAT = [0xfd, 0x13];
const SQRT = [0xfd, 0xe3, 0x01];
const ADD = [0xfd, 0xe4, 0x01];
const SUB = [0xfd, 0xe5, 0x01];
const MUL = [0xfd, 0xe6, 0x01];
const DIV = [0xfd, 0xe7, 0x01];
const VECTOR_BYTES = 16;

/** The kernel's parameters: four addresses, the element count, then the factors. */
const PARAMETERS = ["weights", "gradients", "means", "squares", "count"] as const;
const FACTORS = [
  "gradientScale",
  "keep",
  "stepSize",
  "rootScale",
  "rise1",
  "beta2",
  "rise2",
  "epsilon",
] as const;
const VECTORS = ["gradient", "mean", "square"] as const;

type Name =
  | (typeof PARAMETERS)[number]
  | (typeof FACTORS)[number]
  | (typeof VECTORS)[number];

/** Locals are numbered in this order. */
const LOCALS: readonly Name[] = [...PARAMETERS, ...FACTORS, ...VECTORS];

const local = (name: Name): number => LOCALS.indexOf(name);
const get = (name: Name): number[] => [0x20, local(name)];
const set = (name: Name): number[] => [0x21, local(name)];
const factor = (name: (typeof FACTORS)[number]): number[] => [...get(name), ...SPLAT];
const element = (name: (typeof PARAMETERS)[number]): number[] => [...get(name), ...LOAD];
const integer = (value: number): number[] => [0x41, ...leb128(value)];
const branch = (depth: number): number[] => [0x0c, depth];
const branchIf = (depth: number): number[] => [0x0d, depth];

/** What is done with each four elements; the formulas are those of {@linkcode AdamWFactors}. */
const BODY: readonly number[] = [
  // gradient = gradients · gradientScale
  ...[...element("gradients"), ...factor("gradientScale"), ...MUL, ...set("gradient")],
  // mean = means + (gradient − means) · (1 − beta1)
  ...[...element("means"), ...get("gradient"), ...element("means"), ...SUB],
  ...[...factor("rise1"), ...MUL, ...ADD, ...set("mean")],
  // square = squares · beta2 + gradient² · (1 − beta2)
  ...[...element("squares"), ...factor("beta2"), ...MUL],
  ...[...get("gradient"), ...get("gradient"), ...MUL, ...factor("rise2"), ...MUL, ...ADD],
  ...set("square"),
  ...[...get("means"), ...get("mean"), ...STORE],
  ...[...get("squares"), ...get("square"), ...STORE],
  // weights = weights · keep − stepSize · mean / (√square · rootScale + epsilon)
  ...get("weights"),
  ...[...element("weights"), ...factor("keep"), ...MUL],
  ...[...factor("stepSize"), ...get("mean"), ...MUL],
  ...[...get("square"), ...SQRT, ...factor("rootScale"), ...MUL, ...factor("epsilon"), ...ADD],
  ...[...DIV, ...SUB, ...STORE],
];

const step = (name: "weights" | "gradients" | "means" | "squares"): number[] => [
  ...[...get(name), ...integer(VECTOR_BYTES), ...I32_ADD, ...set(name)],
];

const CODE: readonly number[] = [
  ...[...BLOCK, ...LOOP],
  ...[...get("count"), ...I32_EQZ, ...branchIf(1)],
  ...BODY,
  ...[...step("weights"), ...step("gradients"), ...step("means"), ...step("squares")],
  ...[...get("count"), ...integer(KERNEL_LANES), ...I32_SUB, ...set("count")],
  ...branch(0),
  ...[...END, ...END],
];

/** Returns the bytes of the module: one function over an imported shared memory. */
function moduleBytes(): Uint8Array<ArrayBuffer> {
  const types = [...PARAMETERS.map(() => I32), ...FACTORS.map(() => F32)];
  const body = [1, VECTORS.length, V128, ...CODE, ...END];
  const shared = 0x03;
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
    ...section(1, [1, FUNCTION, ...vector(types), 0]),
    ...section(2, [1, ...name("env"), ...name("memory"), 0x02, shared, 0, ...leb128(2 ** 16)]),
    ...section(3, [1, 0]),
    ...section(7, [1, ...name("update"), 0x00, 0]),
    ...section(10, [1, ...vector(body)]),
  ]);
}

function section(id: number, content: readonly number[]): number[] {
  return [id, ...vector(content)];
}

function vector(content: readonly number[]): number[] {
  return [...leb128(content.length), ...content];
}

function name(text: string): number[] {
  return vector([...new TextEncoder().encode(text)]);
}

/** Encodes a small natural number so that it reads the same signed and unsigned. */
function leb128(value: number): number[] {
  const bytes: number[] = [];
  while (value >= 0x40) {
    bytes.push((value & 0x7f) | 0x80);
    value >>>= 7;
  }
  return [...bytes, value];
}

/** Compiles the kernel for arrays that lie in `memory`, which is shared. */
export function compileAdamWKernel(memory: WebAssembly.Memory): AdamWKernel {
  const module = new WebAssembly.Module(moduleBytes());
  const { exports } = new WebAssembly.Instance(module, { env: { memory } });
  const update = exports["update"] as (...values: number[]) => void;
  return ({ weights, gradients, means, squares, count }, factors) => {
    const { gradientScale, keep, stepSize, rootScale, beta1, beta2, epsilon } = factors;
    update(
      ...[weights, gradients, means, squares, count],
      ...[gradientScale, keep, stepSize, rootScale, 1 - beta1, beta2, 1 - beta2, epsilon],
    );
  };
}
