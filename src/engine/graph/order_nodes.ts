/**
 * The order in which nodes are written, by which ONNX Runtime decides in which order it runs them.
 *
 * @module
 */

import type { OnnxNode } from "../onnx/model.ts";

/** Operators that give what they read another form, and compute nothing. */
const FORMS: ReadonlySet<string> = new Set([
  "Cast",
  "DequantizeLinear",
  "Expand",
  "Reshape",
  "Slice",
  "Transpose",
]);

/**
 * Returns `nodes` with those first that only give inputs of the graph another form.
 *
 * ONNX Runtime goes back from the outputs, and of what a node reads takes that first which is written last. A matrix
 * that is widened from a smaller dtype, written just before the product that reads it, would be made before everything
 * else the product depends on, and all such matrices be there at once. Written first it is made last, for its product.
 */
export function orderNodes(nodes: readonly OnnxNode[]): OnnxNode[] {
  const computed = new Set(nodes.flatMap(({ outputs }) => outputs));
  const [first, rest]: [OnnxNode[], OnnxNode[]] = [[], []];
  for (const node of nodes) {
    if (FORMS.has(node.op) && !node.inputs.some((name) => computed.has(name))) {
      first.push(node);
      for (const name of node.outputs) computed.delete(name);
    } else {
      rest.push(node);
    }
  }
  return [...first, ...rest];
}
