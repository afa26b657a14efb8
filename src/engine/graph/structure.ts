/**
 * Tells graphs apart by how they are made, whatever their inputs are called.
 *
 * @module
 */

import type { Tensor } from "../tensor/tensor.ts";
import { topologicalOrder, type Value } from "./value.ts";

/** Constants with more elements are told apart by identity, not by content. */
const MAX_COMPARED_ELEMENTS = 64;

/** How a graph is made. */
export interface GraphStructure {
  /** Graphs with equal descriptions compute the same of their inputs, taken in order. */
  readonly description: string;
  /** Names of the inputs, in the order in which the description has them. */
  readonly inputs: readonly string[];
}

/** Describes graphs; their descriptions may be compared with each other. */
export type DescribeStructure = (output: Value) => GraphStructure;

/** Returns a function that describes graphs. */
export function createStructures(): DescribeStructure {
  const tensors = new Map<Tensor, number>();
  return (output) => {
    const places = new Map<Value, number>();
    const inputs: string[] = [];
    const lines = topologicalOrder([output]).map((value, place) => {
      places.set(value, place);
      if (value.op === "Input") {
        inputs.push(value.attributes.name);
        return `Input ${value.dtype} [${value.shape}]`;
      }
      if (value.op === "Constant") return describeConstant(value.attributes.tensor, tensors);
      const read = value.inputs.map((input) => places.get(input));
      return `${value.op} ${read} ${JSON.stringify(value.attributes)}`;
    });
    return { description: lines.join("\n"), inputs };
  };
}

function describeConstant(tensor: Tensor, tensors: Map<Tensor, number>): string {
  const { dtype, shape, data } = tensor;
  if (data.length <= MAX_COMPARED_ELEMENTS) return `Constant ${dtype} [${shape}] ${data.join()}`;
  const number = tensors.get(tensor) ?? tensors.size;
  tensors.set(tensor, number);
  return `Constant #${number}`;
}
