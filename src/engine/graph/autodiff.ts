/**
 * Reverse-mode differentiation: from a scalar loss, the graph of its gradients.
 *
 * @module
 */

import { elementCount } from "../tensor/tensor.ts";
import { add, after, apply, constant, reshape, scalar, zeroValue } from "./build.ts";
import { inputGradients, isDifferentiable } from "./gradients.ts";
import { type Op, type OpAttributes, staticShape, topologicalOrder, type Value } from "./value.ts";

/** Options of {@linkcode grad}. */
export interface GradOptions {
  /**
   * Values between which everything is computed a second time for the gradients instead of being kept, each made from
   * the one before it: the hidden states between the layers of a model (Chen et al., 2016). @default {none}
   */
  readonly checkpoints?: readonly Value[];
  /**
   * Whether what products read is made a second time for their gradients where that takes one cheap operator and only
   * what is kept anyway: products of two values element by element, and norms. @default {false}
   */
  readonly remake?: boolean;
}

/**
 * Returns the gradient of `loss` with respect to each value of `wrt`, zeros where `loss` does not depend on it.
 *
 * @throws {TypeError} If `loss` is not a scalar.
 */
export function grad(
  loss: Value,
  wrt: readonly Value[],
  options: GradOptions = {},
): Value[] {
  if (elementCount(staticShape(loss.shape)) !== 1) {
    throw new TypeError(
      `Cannot differentiate a loss of shape [${loss.shape}]: it must be a scalar`,
    );
  }
  return vjp(loss, { ...options, upstream: onesLike(loss), wrt });
}

/** Options of {@linkcode vjp}. */
export interface VjpOptions extends GradOptions {
  /** The gradient of some loss with respect to the output, of the output's shape. */
  readonly upstream: Value;
  /** The values whose gradients are wanted. */
  readonly wrt: readonly Value[];
}

/**
 * Returns the vector-Jacobian product: what the gradient `upstream` of `output` is with respect to each value of `wrt`,
 * zeros where `output` does not depend on it.
 */
export function vjp(
  output: Value,
  { upstream: given, wrt, checkpoints = [], remake = false }: VjpOptions,
): Value[] {
  const order = topologicalOrder([output]);
  const onPath = valuesOnPath(order, wrt);
  const gradients = new Map<Value, Value>([[output, given]]);
  const again = new Map<Value, Value>();
  for (const value of order.toReversed()) {
    const upstream = gradients.get(value);
    if (upstream === undefined || !onPath.has(value)) continue;
    const from = checkpoints[checkpoints.indexOf(value) - 1];
    if (from !== undefined) repeat(value, { from, upstream, again });
    const made = again.get(value) ?? (remake ? withRemadeInputs(value, onPath) : value);
    for (const [index, gradient] of inputGradients(made, upstream).entries()) {
      const input = value.inputs[index]!;
      if (gradient === null || !onPath.has(input)) continue;
      const sum = gradients.get(input);
      gradients.set(input, sum === undefined ? gradient : add(sum, gradient));
    }
  }
  return wrt.map((value) =>
    gradients.get(value) ?? zeroValue(value.dtype, staticShape(value.shape))
  );
}

/** Describes once more, into `again`, all that lies between `from` and `to`, to be computed once `upstream` is there. */
function repeat(
  to: Value,
  { from, upstream, again }: {
    readonly from: Value;
    readonly upstream: Value;
    readonly again: Map<Value, Value>;
  },
): void {
  const start = after(from, upstream);
  const copies = new Map<Value, Value>([[from, start]]);
  for (const value of valuesBetween(from, to)) {
    const inputs = value.inputs.map((input) => copies.get(input) ?? input);
    if (inputs.every((input, i) => input === value.inputs[i])) continue;
    const copy = apply(value.op as Op, inputs, value.attributes as OpAttributes[Op]);
    copies.set(value, copy);
    again.set(value, copy);
  }
}

/** Products of matrices: what they read is large, and their gradients read it and not what they make. */
const PRODUCTS: ReadonlySet<Op> = new Set(["MatMul", "Gemm", "FrozenGemm"]);

/** Returns a product of the same, but of inputs that are made again. */
function withRemadeInputs(value: Value, onPath: ReadonlySet<Value>): Value {
  if (!PRODUCTS.has(value.op)) return value;
  const inputs = value.inputs.map((input) => remade(input, onPath));
  if (inputs.every((input, i) => input === value.inputs[i])) return value;
  return apply(value.op as Op, inputs, value.attributes as OpAttributes[Op]);
}

/** Returns `value` made again, if its gradient keeps what that takes; else itself. */
function remade(value: Value, onPath: ReadonlySet<Value>): Value {
  const { op, inputs, shape } = value;
  if (op === "Reshape") return reshape(remade(inputs[0]!, onPath), shape);
  const keepsInputs = op === "Mul"
    ? inputs.every((input) => onPath.has(input) && `${input.shape}` === `${shape}`)
    : op === "RmsNorm" && onPath.has(inputs[0]!);
  if (!keepsInputs) return value;
  return apply(op, inputs, { ...value.attributes as OpAttributes["RmsNorm"], again: true });
}

/** Returns what `to` is made of without what `from` is, each after those it reads. */
function valuesBetween(from: Value, to: Value): Value[] {
  const behind = new Set(topologicalOrder([from]));
  return topologicalOrder([to]).filter((value) => !behind.has(value));
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
