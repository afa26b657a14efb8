/**
 * How fast a device multiplies matrices.
 *
 * @module
 */

import { encodeModel, type OnnxNode } from "../onnx/model.ts";
import { type Tensor, tensor } from "../tensor/tensor.ts";
import { openSession } from "./open_session.ts";
import type { Device } from "./session.ts";

/** Options of {@linkcode measureGigaflops}. */
export interface MeasureOptions {
  /** CPU threads. @default {the machine's logical processors, at most 8} */
  readonly threads?: number;
}

/** Products in one run, so that giving the matrix in counts little. */
const PRODUCTS = 8;
const SMALLEST = 256;
const LARGEST = 4096;
/** A run as long as this says how fast the device is. */
const LONG_ENOUGH_MS = 60;
const REPETITIONS = 3;

/**
 * Measures f32 matrix products on `device`, in 10⁹ floating-point operations per second: ever larger ones, until
 * a run takes long enough.
 *
 * @throws {Error} If the device computes a wrong result.
 */
export async function measureGigaflops(
  device: Device,
  options: MeasureOptions = {},
): Promise<number> {
  for (let size = SMALLEST;; size *= 2) {
    const durationMs = await timeProducts(size, { device, ...options });
    if (durationMs >= LONG_ENOUGH_MS || size === LARGEST) {
      return PRODUCTS * 2 * size ** 3 / durationMs / 1e6;
    }
  }
}

/** Returns the time of the best of a few runs, in milliseconds. */
async function timeProducts(
  size: number,
  options: MeasureOptions & { readonly device: Device },
): Promise<number> {
  await using session = await openSession(productChain(size), options);
  const feeds = { x: filled(size, 1) };
  let best = Infinity;
  let spent = 0;
  // The first run is not counted: it allocates memory and compiles shaders
  for (let run = 0; run <= REPETITIONS && spent < REPETITIONS * LONG_ENOUGH_MS; run++) {
    const start = performance.now();
    const { sum } = await session.run(feeds);
    const durationMs = performance.now() - start;
    checkSum(sum as Tensor<"float32">, { size, device: options.device });
    if (run === 0) continue;
    best = Math.min(best, durationMs);
    spent += durationMs;
  }
  return best;
}

function checkSum(
  { data }: Tensor<"float32">,
  { size, device }: { readonly size: number; readonly device: Device },
): void {
  const relativeError = Math.abs(data[0]! / size ** 2 - 1);
  if (!(relativeError < 1e-3)) {
    throw new Error(`Cannot rely on ${device}: a sum of ${size ** 2} came out as ${data[0]}`);
  }
}

/** x times a matrix that leaves a matrix of ones as it is, several times, and the sum of the result. */
function productChain(size: number): Uint8Array {
  const nodes: OnnxNode[] = [];
  let value = "x";
  for (let i = 0; i < PRODUCTS; i++) {
    nodes.push({
      op: "MatMul",
      domain: "",
      inputs: [value, "w"],
      outputs: [`product${i}`],
      attributes: {},
    });
    value = `product${i}`;
  }
  nodes.push({
    op: "ReduceSum",
    domain: "",
    inputs: [value],
    outputs: ["sum"],
    attributes: { keepdims: { int: 0 } },
  });
  return encodeModel({
    nodes,
    inputs: [{ name: "x", dtype: "float32", shape: [size, size] }],
    outputs: [{ name: "sum", dtype: "float32", shape: [] }],
    initializers: new Map([["w", filled(size, 1 / size)]]),
  });
}

function filled(size: number, value: number): Tensor<"float32"> {
  return tensor("float32", [size, size], new Float32Array(size * size).fill(value));
}
