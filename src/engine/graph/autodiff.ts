/**
 * Reverse-mode differentiation: from a scalar loss, the graph of its gradients.
 *
 * @module
 */

import { elementCount } from "../tensor/tensor.ts";
import { add, constant, scalar } from "./build.ts";
import { inputGradients, isDifferentiable } from "./gradients.ts";
import { zeros } from "../tensor/tensor.ts";
import { staticShape, topologicalOrder, type Value } from "./value.ts";

/**
 * Returns the gradient of `loss` with respect to each value of `wrt`, zeros where `loss` does not depend on it.
 *
 * @throws {TypeError} If `loss` is not a scalar.
 */
export function grad(loss: Value, wrt: readonly Value[]): Value[] {
  if (elementCount(staticShape(loss.shape)) !== 1) {
    throw new TypeError(
      `Cannot differentiate a loss of shape [${loss.shape}]: it must be a scalar`,
    );
  }
  return vjp(loss, { upstream: onesLike(loss), wrt });
}

/** Options of {@linkcode vjp}. */
export interface VjpOptions {
  /** The gradient of some loss with respect to the output, of the output's shape. */
  readonly upstream: Value;
  /** The values whose gradients are wanted. */
  readonly wrt: readonly Value[];
}

/**
 * Returns the vector-Jacobian product: what the gradient `upstream` of `output` is with respect to each value of `wrt`,
 * zeros where `output` does not depend on it.
 */
export function vjp(output: Value, { upstream: given, wrt }: VjpOptions): Value[] {
  const order = topologicalOrder([output]);
  const onPath = valuesOnPath(order, wrt);
  const gradients = new Map<Value, Value>([[output, given]]);
  for (const value of order.toReversed()) {
    const upstream = gradients.get(value);
    if (upstream === undefined || !onPath.has(value)) continue;
    for (const [index, gradient] of inputGradients(value, upstream).entries()) {
      const input = value.inputs[index]!;
      if (gradient === null || !onPath.has(input)) continue;
      const sum = gradients.get(input);
      gradients.set(input, sum === undefined ? gradient : add(sum, gradient));
    }
  }
  return wrt.map((value) =>
    gradients.get(value) ?? constant(zeros(value.dtype, staticShape(value.shape)))
  );
}

/** The values of `order` through which a gradient reaches `wrt`. */
function valuesOnPath(order: readonly Value[], wrt: readonly Value[]): Set<Value> {
  const onPath = new Set<Value>(wrt);
  for (const value of order) {
    if (isDifferentiable(value.op) && value.inputs.some((input) => onPath.has(input))) {
      onPath.add(value);
    }
  }
  return onPath;
}

function onesLike(loss: Value): Value {
  if (loss.shape.length === 0) return scalar(1);
  const shape = staticShape(loss.shape);
  return constant({ dtype: "float32", shape, data: new Float32Array(elementCount(shape)).fill(1) });
}
