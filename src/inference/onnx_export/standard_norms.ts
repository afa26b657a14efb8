/**
 * Root mean square norms in ONNX's own operators.
 *
 * The engine writes ONNX Runtime's `SimplifiedLayerNormalization`, which no ONNX standard has. ONNX Runtime makes one
 * of these again when it loads a model.
 *
 * @module
 */

import type { OnnxNode } from "../../engine/onnx/model.ts";
import type { NodeWriter } from "./node_writer.ts";

/** The operator that {@linkcode writeNorm} spells out. */
export const NORM_OP = "SimplifiedLayerNormalization";

/** Writes the norm that `node` is; in half precision, squares are computed in float32. */
export function writeNorm(
  writer: NodeWriter,
  { node, half }: { readonly node: OnnxNode; readonly half: boolean },
): void {
  const [x, weight] = node.inputs as [string, string];
  const [output] = node.outputs as [string];
  const epsilon = node.attributes["epsilon"] as { readonly float: number };
  const cast = (value: string, to: number): string =>
    half ? writer.node("Cast", [value], { attributes: { to: { int: to } } }) : value;
  const wide = cast(x, 1);
  const square = writer.node("Pow", [wide, writer.floats(2)]);
  const mean = writer.node("ReduceMean", [square, writer.integers([-1])], {
    attributes: { keepdims: { int: 1 } },
  });
  const root = writer.node("Sqrt", [writer.node("Add", [mean, writer.floats(epsilon.float)])]);
  const normalized = cast(writer.node("Div", [wide, root]), 10);
  writer.node("Mul", [normalized, weight], { output });
}
