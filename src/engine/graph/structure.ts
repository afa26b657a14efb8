/**
 * Tells graphs apart by how they are made, whatever their inputs are called.
 *
 * @module
 */

import type { Tensor, TensorData } from "../tensor/tensor.ts";
import { topologicalOrder, type Value } from "./value.ts";

/** Constants with more elements are numbered instead of being written out. */
const MAX_WRITTEN_ELEMENTS = 64;

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
  const numberOf = createNumbering();
  return (output) => {
    const places = new Map<Value, number>();
    const inputs: string[] = [];
    const lines = topologicalOrder([output]).map((value, place) => {
      places.set(value, place);
      if (value.op === "Input") {
        inputs.push(value.attributes.name);
        return `Input ${value.dtype} [${value.shape}]`;
      }
      if (value.op === "Constant") return describeConstant(value.attributes.tensor, numberOf);
      const read = value.inputs.map((input) => places.get(input));
      return `${value.op} ${read} ${JSON.stringify(value.attributes)}`;
    });
    return { description: lines.join("\n"), inputs };
  };
}

function describeConstant(tensor: Tensor, numberOf: (tensor: Tensor) => number): string {
  const { dtype, shape, data } = tensor;
  const content = data.length <= MAX_WRITTEN_ELEMENTS ? data.join() : `#${numberOf(tensor)}`;
  return `Constant ${dtype} [${shape}] ${content}`;
}

/** Returns a function that numbers tensors: those of equal elements alike. */
function createNumbering(): (tensor: Tensor) => number {
  const numbers = new Map<Tensor, number>();
  return (tensor) => {
    let number = numbers.get(tensor);
    if (number === undefined) {
      const equal = [...numbers].find(([other]) => haveEqualElements(tensor.data, other.data));
      number = equal?.[1] ?? numbers.size;
      numbers.set(tensor, number);
    }
    return number;
  };
}

function haveEqualElements(a: TensorData, b: TensorData): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
