/**
 * Sums that are normalised, as one node each: what a residual connection adds up goes on, and its norm beside it.
 *
 * @module
 */

import { MICROSOFT_DOMAIN, type OnnxModel, type OnnxNode } from "./model.ts";

const NORM = "SimplifiedLayerNormalization";

/**
 * Returns `model` with each sum of two tensors of the same shape [batch, seqLen, width] and its norm made by one node.
 * Types of what nodes make have to be known.
 */
export function fuseSkipNorms(model: OnnxModel): OnnxModel {
  const { nodes, inputs, valueTypes } = model;
  const shapes = new Map([...inputs, ...named(valueTypes)].map(({ name, shape }) => [name, shape]));
  const sums = new Map<string, OnnxNode>();
  for (const node of nodes) {
    const [left, right] = node.inputs.map((name) => shapes.get(name));
    const isSum = node.op === "Add" && left?.length === 3 && `${left}` === `${right}`;
    if (isSum) sums.set(node.outputs[0]!, node);
  }
  const normOf = new Map<OnnxNode, OnnxNode>();
  for (const node of nodes) {
    const sum = node.op === NORM ? sums.get(node.inputs[0]!) : undefined;
    // Of a sum with several norms one is fused; constants alone are there before the sum is.
    const isScaledByConstant = model.initializers.has(node.inputs[1] ?? "");
    if (sum !== undefined && !normOf.has(sum) && isScaledByConstant) normOf.set(sum, node);
  }
  const fused = new Set(normOf.values());
  return {
    ...model,
    nodes: nodes.flatMap((node) => {
      if (fused.has(node)) return [];
      const norm = normOf.get(node);
      return norm === undefined ? [node] : [fusedNode(node, norm)];
    }),
  };
}

function fusedNode(sum: OnnxNode, norm: OnnxNode): OnnxNode {
  const { epsilon } = norm.attributes;
  return {
    op: "SkipSimplifiedLayerNormalization",
    domain: MICROSOFT_DOMAIN,
    inputs: [...sum.inputs, norm.inputs[1]!],
    // Between them, what training would want of the norm.
    outputs: [norm.outputs[0]!, "", "", sum.outputs[0]!],
    attributes: epsilon === undefined ? {} : { epsilon },
  };
}

function named(types: OnnxModel["valueTypes"]) {
  return [...types ?? []].map(([name, { shape }]) => ({ name, shape }));
}
