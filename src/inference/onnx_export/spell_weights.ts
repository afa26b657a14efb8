/**
 * Rewrites the nodes of a model that read weights into those of a type of weights.
 *
 * @module
 */

import type { OnnxModel, OnnxNode } from "../../engine/onnx/model.ts";
import type { LanguageModel } from "../../models/language_model.ts";
import { BLOCK_WEIGHTS } from "./block_weights.ts";
import { INTEGER_WEIGHTS } from "./integer_weights.ts";
import { type NodeWriter, nodeWriter } from "./node_writer.ts";
import { NORM_OP } from "./standard_norms.ts";
import { storePlain, unquantized } from "./unquantized.ts";
import type {
  SpellingTarget,
  StoredWeight,
  WeightMatrix,
  WeightSpelling,
} from "./weight_spelling.ts";
import type { OnnxType } from "./weight_types.ts";

/** The spelling of each type. */
const WEIGHT_SPELLINGS: Readonly<Record<OnnxType, WeightSpelling>> = {
  f32: unquantized("float32"),
  f16: unquantized("float16"),
  q8_0: INTEGER_WEIGHTS,
  q4_0: BLOCK_WEIGHTS,
};

/** Operators whose rows come out of one size. */
const NORM_OPS: ReadonlySet<string> = new Set([NORM_OP, "LayerNormalization"]);

/** Nodes that read stored weights. */
export interface SpelledWeights {
  /** The nodes. */
  readonly writer: NodeWriter;
  /** What is stored, in the order of the model's weights. */
  readonly stored: readonly StoredWeight[];
}

/** Returns the nodes of `core`, whose weights are inputs, as nodes that read weights of `type`. */
export function spellWeights(
  core: OnnxModel,
  { model, type }: { readonly model: LanguageModel; readonly type: OnnxType },
): SpelledWeights {
  const spelling = WEIGHT_SPELLINGS[type];
  const specs = new Map(model.weights.map((spec) => [spec.name, spec]));
  const gathered = new Set(
    core.nodes.flatMap(({ op, inputs: [data] }) => op === "GatherND" ? [data!] : []),
  );
  const stored = new Map<string, StoredWeight>();
  const writer = nodeWriter("weight");
  const target: SpellingTarget = {
    writer,
    store: (it) => void stored.set(`${it.weight} ${it.parts.map(({ name }) => name)}`, it),
  };
  const matrixOf = (name: string | undefined): WeightMatrix | undefined => {
    const shape = name === undefined ? undefined : specs.get(name)?.shape;
    if (name === undefined || shape?.length !== 2) return undefined;
    return {
      name,
      shape: shape as readonly [number, number],
      gathered: gathered.has(name),
      isOutput: name === model.outputWeight,
    };
  };

  /** Matrices that the engine transposes before it multiplies; the nodes are written only if others read them. */
  const transposes = new Map<string, { readonly matrix: WeightMatrix; readonly node: OnnxNode }>();
  const written = new Set<string>();
  const writePlain = (node: OnnxNode): void => {
    for (const name of node.inputs) {
      const spec = specs.get(name);
      if (spec !== undefined) storePlain(spec, { dtype: spelling.plainDtype, target });
      const transpose = transposes.get(name);
      if (transpose === undefined || written.has(name)) continue;
      written.add(name);
      writePlain(transpose.node);
    }
    writer.append(node);
  };

  const normed = new Set<string>();
  for (const node of core.nodes) {
    const { op, inputs: [first, second] } = node;
    const output = node.outputs[0]!;
    const matrix = matrixOf(second);
    const transposed = second === undefined ? undefined : transposes.get(second);
    const factor = transposed?.matrix ?? matrix;
    const product = { x: first!, normed: normed.has(first!), output };
    if (NORM_OPS.has(op) || (op === "Reshape" && normed.has(first!))) normed.add(output);
    if (op === "Transpose" && matrixOf(first) !== undefined) {
      transposes.set(output, { matrix: matrixOf(first)!, node });
    } else if (op === "MatMul" && factor !== undefined) {
      const outputsFirst = transposed !== undefined;
      spelling.product({ ...product, matrix: factor, outputsFirst, flat: false }, target);
    } else if (op === "Gemm" && matrix !== undefined && isPlainGemm(node)) {
      spelling.product({ ...product, matrix, outputsFirst: true, flat: true }, target);
    } else if (op === "GatherND" && matrixOf(first) !== undefined) {
      spelling.lookup({ ids: second!, matrix: matrixOf(first)!, output }, target);
    } else {
      writePlain(node);
    }
  }
  const order = new Map(model.weights.map(({ name }, index) => [name, index]));
  return {
    writer,
    stored: [...stored.values()].toSorted((a, b) => order.get(a.weight)! - order.get(b.weight)!),
  };
}

/** Whether a node is x · weightᵀ. */
function isPlainGemm({ inputs, attributes }: OnnxNode): boolean {
  const flag = (name: string): boolean => {
    const attribute = attributes[name];
    return attribute !== undefined && "int" in attribute && attribute.int === 1;
  };
  return inputs.length === 2 && !flag("transA") && flag("transB");
}
