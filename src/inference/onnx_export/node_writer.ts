/**
 * Writing ONNX nodes by hand, where a graph of the engine has no operator for them.
 *
 * @module
 */

import type { OnnxAttribute, OnnxNode } from "../../engine/onnx/model.ts";
import { type Tensor, tensor } from "../../engine/tensor/tensor.ts";

/** How a node is written. */
export interface NodeOptions {
  /** Name of its output. @default {a fresh one} */
  readonly output?: string;
  /** Operator set. @default {ONNX's own} */
  readonly domain?: string;
  /** Its attributes. @default {none} */
  readonly attributes?: Readonly<Record<string, OnnxAttribute>>;
}

/** Nodes and small constants, in the order in which they are written. */
export interface NodeWriter {
  /** What was written. */
  readonly nodes: readonly OnnxNode[];
  /** The constants, by name. */
  readonly constants: ReadonlyMap<string, Tensor>;
  /** Writes a node of one output and returns its name. */
  node(op: string, inputs: readonly string[], options?: NodeOptions): string;
  /** Writes a node of several outputs and returns their names. */
  nodeOf(count: number, op: string, inputs: readonly string[]): string[];
  /** Appends a node that was written elsewhere. */
  append(node: OnnxNode): void;
  /** Returns the name of a float32 constant: a scalar, or a vector. */
  floats(values: number | readonly number[]): string;
  /** Returns the name of an int64 constant: a scalar, or a vector. */
  integers(values: number | readonly number[]): string;
}

/** Returns a writer whose fresh names begin with `prefix`. */
export function nodeWriter(prefix: string): NodeWriter {
  const nodes: OnnxNode[] = [];
  const constants = new Map<string, Tensor>();
  const known = new Map<string, string>();
  let count = 0;
  const fresh = (): string => `${prefix}.${count++}`;
  const constant = (key: string, make: () => Tensor): string => {
    const name = known.get(key) ?? fresh();
    if (!known.has(key)) constants.set(name, make());
    known.set(key, name);
    return name;
  };
  const shapeOf = (values: number | readonly number[]): number[] =>
    typeof values === "number" ? [] : [values.length];
  return {
    nodes,
    constants,
    node(op, inputs, { output = fresh(), domain = "", attributes = {} } = {}) {
      nodes.push({ op, domain, inputs, outputs: [output], attributes });
      return output;
    },
    nodeOf(outputCount, op, inputs) {
      const outputs = Array.from({ length: outputCount }, fresh);
      nodes.push({ op, domain: "", inputs, outputs, attributes: {} });
      return outputs;
    },
    append: (node) => void nodes.push(node),
    floats: (values) =>
      constant(
        `float ${JSON.stringify(values)}`,
        () => tensor("float32", shapeOf(values), Float32Array.from([values].flat())),
      ),
    integers: (values) =>
      constant(
        `integer ${JSON.stringify(values)}`,
        () => tensor("int64", shapeOf(values), BigInt64Array.from([values].flat(), BigInt)),
      ),
  };
}
