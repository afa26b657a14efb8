/**
 * Models as text, for people and for snapshots.
 *
 * @module
 */

import type { OnnxAttribute, OnnxModel, OnnxValueInfo } from "./model.ts";

/** Returns one line per input, constant, node and output of `model`. */
export function printModel(model: OnnxModel): string {
  const constants = [...model.initializers].map(([name, { dtype, shape }]) =>
    `constant ${printValue({ name, dtype, shape })}`
  );
  const nodes = model.nodes.map(({ op, domain, inputs, outputs, attributes }) => {
    const parts = Object.entries(attributes).map(([name, value]) => `${name}=${print(value)}`);
    const suffix = parts.length > 0 ? ` {${parts.join(", ")}}` : "";
    const prefix = domain === "" ? "" : `${domain}.`;
    return `${outputs.join(", ")} = ${prefix}${op}(${inputs.join(", ")})${suffix}`;
  });
  return [
    ...model.inputs.map((info) => `input ${printValue(info)}`),
    ...constants,
    ...nodes,
    ...model.outputs.map((info) => `output ${printValue(info)}`),
  ].join("\n");
}

function printValue({ name, dtype, shape }: OnnxValueInfo): string {
  return `${name}: ${dtype}[${shape.join(", ")}]`;
}

function print(value: OnnxAttribute): string {
  return JSON.stringify(Object.values(value)[0]);
}
