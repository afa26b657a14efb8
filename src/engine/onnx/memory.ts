/**
 * How much memory a run of a model takes, from the sizes of what its nodes make and how long each is read.
 *
 * @module
 */

import { DTYPE_BYTES, elementCount } from "../tensor/tensor.ts";
import { executionOrder } from "./execution_order.ts";
import type { OnnxModel, OnnxNode, OnnxValueType } from "./model.ts";

/** A tensor of a model. */
export interface SizedTensor {
  /** Name of the value. */
  readonly name: string;
  /** Its size. */
  readonly bytes: number;
}

/** What a run of a model takes. */
export interface RunMemory {
  /** Most that what nodes make takes at once, outputs not counted. */
  readonly activations: number;
  /** What a run is given. */
  readonly feeds: number;
  /** What a run returns. */
  readonly outputs: number;
  /** Constants of the model. */
  readonly constants: number;
  /** The largest tensor of all. */
  readonly largest: SizedTensor;
}

/** Operators whose result is their first input's memory under another shape. */
const ALIASES: ReadonlySet<string> = new Set(["Reshape", "Identity", "Squeeze", "Unsqueeze"]);

/** Operators that may write their result over an input of the same size that nothing reads any more. */
const IN_PLACE: ReadonlySet<string> = new Set([
  "Add",
  "Sub",
  "Mul",
  "Div",
  "Max",
  "Min",
  "Neg",
  "Exp",
  "Log",
  "Sqrt",
  "Reciprocal",
  "Sigmoid",
  "Tanh",
  "Softmax",
  "ScatterElements",
  "ScatterND",
]);

/**
 * Returns what a run of `model` takes when its nodes run one after the other, as ONNX Runtime's sequential executor
 * has them: what a node makes is there from then on until it was read for the last time.
 *
 * @throws {TypeError} If the model was not exported from a graph, or has extents that are known only at a run.
 */
export function runMemory(model: OnnxModel): RunMemory {
  const sizes = valueSizes(model);
  const outputs = new Set(model.outputs.map(({ name }) => name));
  const given = new Set([
    ...model.inputs.map(({ name }) => name),
    ...model.initializers.keys(),
  ]);
  const nodes = executionOrder(model.nodes);
  const roots = memoryRoots(nodes, { given, outputs });
  const lastRead = lastReads(nodes, roots);

  const live = new Map<string, number>();
  let now = 0;
  let activations = 0;
  const release = (root: string) => {
    now -= live.get(root) ?? 0;
    live.delete(root);
  };
  for (const [at, node] of nodes.entries()) {
    const ending = new Set(
      node.inputs.map((name) => roots.get(name) ?? name).filter((root) =>
        lastRead.get(root) === at
      ),
    );
    for (const name of node.outputs) {
      if (roots.get(name) !== name || outputs.has(name)) continue;
      const bytes = sizes.get(name)!;
      const taken = IN_PLACE.has(node.op)
        ? [...ending].find((root) => live.get(root) === bytes)
        : undefined;
      if (taken !== undefined) release(taken);
      live.set(name, bytes);
      now += bytes;
      if (!lastRead.has(name)) ending.add(name);
    }
    activations = Math.max(activations, now);
    for (const root of ending) release(root);
  }

  const total = (names: Iterable<string>) => [...names].reduce((sum, n) => sum + sizes.get(n)!, 0);
  const largest = [...sizes].reduce((a, b) => (b[1] > a[1] ? b : a), ["", 0]);
  return {
    activations,
    feeds: total(model.inputs.map(({ name }) => name)),
    outputs: total(outputs),
    constants: total(model.initializers.keys()),
    largest: { name: largest[0], bytes: largest[1] },
  };
}

/** Returns the bytes of each value. */
function valueSizes({ nodes, inputs, initializers, valueTypes }: OnnxModel): Map<string, number> {
  const sizes = new Map<string, number>();
  for (const info of inputs) sizes.set(info.name, valueBytes(info));
  for (const [name, { data }] of initializers) sizes.set(name, data.byteLength);
  for (const name of nodes.flatMap(({ outputs }) => outputs)) {
    const type = valueTypes?.get(name);
    if (type === undefined) {
      throw new TypeError(`Cannot plan memory: the model does not say what "${name}" is`);
    }
    sizes.set(name, valueBytes(type));
  }
  return sizes;
}

/**
 * Returns the bytes of a tensor of a type.
 *
 * @throws {TypeError} If an extent is known only at a run.
 */
export function valueBytes({ dtype, shape }: OnnxValueType): number {
  const extents = shape.map((extent) => {
    if (typeof extent === "number") return extent;
    throw new TypeError(`Cannot plan memory: extent "${extent}" is known only at a run`);
  });
  return elementCount(extents) * DTYPE_BYTES[dtype];
}

/** Returns for each value the one whose memory it lies in: itself, or what it is another shape of. */
function memoryRoots(
  nodes: readonly OnnxNode[],
  { given, outputs }: {
    readonly given: ReadonlySet<string>;
    readonly outputs: ReadonlySet<string>;
  },
): Map<string, string> {
  const roots = new Map([...given].map((name) => [name, name]));
  for (const node of nodes) {
    const source = ALIASES.has(node.op) ? roots.get(node.inputs[0]!) : undefined;
    for (const name of node.outputs) {
      roots.set(name, source === undefined || outputs.has(name) ? name : source);
    }
  }
  return roots;
}

/** Returns the place of the node that reads each memory last. */
function lastReads(
  nodes: readonly OnnxNode[],
  roots: ReadonlyMap<string, string>,
): Map<string, number> {
  const last = new Map<string, number>();
  for (const [at, { inputs }] of nodes.entries()) {
    for (const name of inputs) if (name !== "") last.set(roots.get(name)!, at);
  }
  return last;
}
