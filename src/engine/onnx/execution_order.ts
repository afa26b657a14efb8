/**
 * The order in which ONNX Runtime runs the nodes of a model.
 *
 * @module
 */

import type { OnnxNode } from "./model.ts";

/**
 * Returns `nodes` in the order in which ONNX Runtime's sequential executor runs them: what the last of the nodes that
 * nobody reads needs comes first, and of what a node reads, that which was written last. How long values are needed
 * depends on it.
 */
export function executionOrder(nodes: readonly OnnxNode[]): readonly OnnxNode[] {
  const makers = new Map<string, number>();
  for (const [index, { outputs }] of nodes.entries()) {
    for (const name of outputs) makers.set(name, index);
  }
  const makersOf = (node: OnnxNode): number[] => {
    const found = node.inputs.map((name) => makers.get(name)).filter((i) => i !== undefined);
    return [...new Set(found)].toSorted((a, b) => a - b);
  };
  const read = new Set(nodes.flatMap(makersOf));
  const stack = nodes.flatMap((_, index) => (read.has(index) ? [] : [{ index, entered: false }]));
  const visited = new Set<number>();
  const order: OnnxNode[] = [];
  for (let top = stack.pop(); top !== undefined; top = stack.pop()) {
    const { index, entered } = top;
    const node = nodes[index]!;
    if (entered) {
      order.push(node);
    } else if (!visited.has(index)) {
      visited.add(index);
      stack.push({ index, entered: true });
      for (const maker of makersOf(node)) {
        if (!visited.has(maker)) stack.push({ index: maker, entered: false });
      }
    }
  }
  return order;
}
