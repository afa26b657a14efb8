/**
 * Newton and Schulz's iteration as a graph: brings the singular values of matrices near 1 by products alone.
 *
 * @module
 */

import {
  add,
  div,
  input,
  matMul,
  max,
  mul,
  reduceSum,
  scalar,
  sqrt,
  transpose,
} from "../../../engine/graph/build.ts";
import { exportGraph } from "../../../engine/graph/export.ts";
import type { Value } from "../../../engine/graph/value.ts";
import { encodeModel } from "../../../engine/onnx/model.ts";
import { openSession } from "../../../engine/runtime/open_session.ts";
import type { Device, Session } from "../../../engine/runtime/session.ts";
import { type Tensor, tensor } from "../../../engine/tensor/tensor.ts";

/** Coefficients of X, X·Xᵀ·X and (X·Xᵀ)²·X, chosen by Jordan for a steep slope at 0. */
const COEFFICIENTS = [3.4445, -4.775, 2.0315] as const;
const STEPS = 5;
const EPSILON = 1e-7;

/** Describes the orthogonalised matrices of `x` [count, rows, columns]. */
export function newtonSchulz(x: Value): Value {
  const [, rows, columns] = x.shape as readonly number[];
  const tall = rows! > columns!;
  const flip = (value: Value): Value => transpose(value, [0, 2, 1]);
  const [a, b, c] = COEFFICIENTS.map(scalar) as [Value, Value, Value];
  const norm = sqrt(reduceSum(mul(x, x), [1, 2]));
  let wide = div(tall ? flip(x) : x, max(norm, scalar(EPSILON)));
  for (let step = 0; step < STEPS; step++) {
    const gram = matMul(wide, flip(wide));
    const factor = add(mul(gram, b), mul(matMul(gram, gram), c));
    wide = add(mul(wide, a), matMul(factor, wide));
  }
  return tall ? flip(wide) : wide;
}

/** Orthogonalises matrices in host memory, one after the other. */
export class Orthogonalizer implements AsyncDisposable {
  readonly #device: Device;
  readonly #threads: number;
  readonly #shapes = new Map<
    string,
    { readonly session: Session; readonly result: Tensor<"float32"> }
  >();

  /** Prepares for a device with host memory; graphs are compiled when they are first needed. */
  constructor({ device, threads }: { readonly device: Device; readonly threads: number }) {
    this.#device = device;
    this.#threads = threads;
  }

  /** Puts the orthogonalised matrix, times `factor`, in the place of `matrix`. */
  async run(
    matrix: Float32Array,
    { shape, factor }: { readonly shape: readonly number[]; readonly factor: number },
  ): Promise<void> {
    const { session, result } = await this.#open(shape, factor);
    await session.run({ x: tensor("float32", [1, ...shape], matrix) }, { into: { y: result } });
    matrix.set(result.data);
  }

  async #open(shape: readonly number[], factor: number) {
    const key = `${shape} ${factor}`;
    let opened = this.#shapes.get(key);
    if (opened === undefined) {
      const full = [1, ...shape];
      const y = mul(newtonSchulz(input("x", "float32", full)), scalar(factor));
      const session = await openSession(encodeModel(exportGraph({ y })), {
        device: this.#device,
        threads: this.#threads,
      });
      const size = full.reduce((product, extent) => product * extent, 1);
      opened = { session, result: tensor("float32", full, new Float32Array(size)) };
      this.#shapes.set(key, opened);
    }
    return opened;
  }

  /** Frees the compiled graphs. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const { session } of this.#shapes.values()) await session[Symbol.asyncDispose]();
    this.#shapes.clear();
  }
}
