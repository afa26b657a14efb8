/**
 * From a graph to an ONNX model.
 *
 * @module
 */

import {
  MICROSOFT_DOMAIN,
  type OnnxModel,
  type OnnxNode,
  type OnnxValueInfo,
  type OnnxValueType,
} from "../onnx/model.ts";
import { elementCount, type Tensor } from "../tensor/tensor.ts";
import { exportFrozenGather, exportFrozenGemm } from "./export_frozen.ts";
import {
  exportBlockQuantizedLinear,
  exportCachedAttention,
  exportCacheOf,
  exportRowQuantizedLinear,
  exportSliceAt,
} from "./export_inference.ts";
import {
  type ExportRule,
  type ExportTarget,
  ONNX_DTYPE_CODES,
  type Writer,
} from "./export_writer.ts";
import { auxiliaryType, type KnownInputs } from "./auxiliary_type.ts";
import { orderNodes } from "./order_nodes.ts";
import { simplify } from "./simplify.ts";
import {
  type Dim,
  type Op,
  staticShape,
  topologicalOrder,
  type Value,
  type ValueOf,
} from "./value.ts";

export { EXPORT_TARGETS, type ExportTarget } from "./export_writer.ts";

/** Options of {@linkcode exportGraph}. */
export interface ExportOptions {
  /** What the model will run on. @default {"cpu"} */
  readonly target?: ExportTarget;
}

/** Constants of at least this many equal elements are written as their shape and value. */
const MIN_FILLED_ELEMENTS = 1024;

/** Tensors of at most this many elements are written once, however often they are used. */
const MAX_SHARED_ELEMENTS = 16;

/** An operator that ONNX has under the same name. */
const same = (value: ValueOf<Op>, writer: Writer): string =>
  writer.node(value.op, value.inputs.map((input) => writer.nameOf(input)));

const reduction = (
  value: ValueOf<"ReduceSum"> | ValueOf<"ReduceMean"> | ValueOf<"ReduceMax">,
  writer: Writer,
): string =>
  writer.node(value.op, [
    writer.nameOf(value.inputs[0]!),
    writer.integers(value.attributes.axes),
  ], { attributes: { keepdims: { int: 1 } } });

/** How each operator is written in ONNX. */
const exportRules: { readonly [O in Op]: ExportRule<O> } = {
  Input: ({ attributes: { name } }) => name,
  Constant: ({ attributes: { tensor } }, writer) => {
    const [first] = tensor.data;
    if (tensor.data.length < MIN_FILLED_ELEMENTS || !isFilled(tensor)) return writer.tensor(tensor);
    const data = tensor.data.slice(0, 1);
    data[0] = first!;
    return writer.node("Expand", [
      writer.tensor({ dtype: tensor.dtype, shape: [1], data }),
      writer.integers(tensor.shape),
    ]);
  },
  Add: same,
  Sub: same,
  // ONNX Runtime takes nodes that are written alike for one, and would keep what it makes.
  Mul: ({ inputs, attributes: { again } }, writer) => {
    const names = inputs.map((input) => writer.nameOf(input));
    return writer.node("Mul", again ? names.toReversed() : names);
  },
  Div: same,
  Max: same,
  Min: same,
  Equal: same,
  Neg: same,
  Exp: same,
  Log: same,
  Sqrt: same,
  Reciprocal: same,
  Sigmoid: same,
  Tanh: same,
  Cast: ({ inputs: [x], attributes: { to } }, writer) =>
    writer.node("Cast", [writer.nameOf(x!)], {
      attributes: { to: { int: ONNX_DTYPE_CODES[to] } },
    }),
  Detach: ({ inputs: [x] }, writer) => writer.nameOf(x!),
  // ONNX has no order but that of its data, so an element of each of the others takes part with a weight of 0. The last
  // of them is written last, and so computed first.
  After: ({ inputs: [x, first, ...others] }, writer) => {
    const zero = writer.tensor({ dtype: "float32", shape: [], data: new Float32Array(1) });
    const sum = others.reduce(
      (sum, other) => writer.node("Add", [sum, cornerOf(other, writer)]),
      cornerOf(first!, writer),
    );
    return writer.node("Add", [writer.nameOf(x!), writer.node("Mul", [sum, zero])]);
  },
  CustomGradient: () => {
    throw new Error("Internal: CustomGradient is spelled out before export");
  },
  ReduceSum: reduction,
  ReduceMean: reduction,
  ReduceMax: reduction,
  MatMul: same,
  Gemm: ({ inputs: [a, b], attributes: { transA, transB } }, writer) =>
    writer.node("Gemm", [writer.nameOf(a!), writer.nameOf(b!)], {
      attributes: { transA: { int: Number(transA) }, transB: { int: Number(transB) } },
    }),
  Reshape: ({ inputs: [x], attributes: { shape } }, writer) =>
    writer.node("Reshape", [writer.nameOf(x!), writer.integers(onnxShape(shape, x!.shape))]),
  Transpose: ({ inputs: [x], attributes: { perm } }, writer) =>
    writer.node("Transpose", [writer.nameOf(x!)], { attributes: { perm: { ints: perm } } }),
  Expand: ({ inputs: [x], attributes: { shape } }, writer) =>
    writer.node("Expand", [writer.nameOf(x!), writer.integers(onnxShape(shape, x!.shape))]),
  Concat: ({ inputs, attributes: { axis } }, writer) =>
    writer.node("Concat", inputs.map((input) => writer.nameOf(input)), {
      attributes: { axis: { int: axis } },
    }),
  Slice: ({ inputs: [x], attributes: { axis, start, end } }, writer) => {
    // Of slices along one axis ONNX Runtime makes one split, and parts of a weight would all be there at once.
    const columns = x!.op === "Input" && axis === 0 ? x!.shape[1] : undefined;
    const bounds = typeof columns === "number"
      ? [[start, 0], [end, columns], [0, 1]]
      : [[start], [end], [axis]];
    return writer.node("Slice", [writer.nameOf(x!), ...bounds.map(writer.integers)]);
  },
  Gather: ({ inputs: [data, ids] }, writer) =>
    writer.node("GatherND", [writer.nameOf(data!), writer.nameOf(ids!)]),
  GatherOnce: ({ inputs: [data, rows] }, writer) =>
    writer.node("GatherND", [writer.nameOf(data!), writer.nameOf(rows!)]),
  GatherElements: ({ inputs: [data, ids] }, writer) =>
    writer.node("GatherElements", [writer.nameOf(data!), writer.nameOf(ids!)], {
      attributes: { axis: { int: ids!.shape.length - 1 } },
    }),
  ScatterAdd: ({ inputs: [data, ids, updates], shape }, writer) => {
    const names = [data!, ids!, updates!].map((input) => writer.nameOf(input));
    const attributes = { reduction: { string: "add" } };
    if (writer.target === "gpu") return writer.node("ScatterND", names, { attributes });
    // ONNX Runtime's ScatterND on the CPU adds from several threads without a lock, so that updates of one row are
    // lost; ScatterElements adds in order. It wants an index for each element.
    const width = shape[1] as number;
    const count = elementCount(staticShape(ids!.shape));
    const column = writer.node("Reshape", [names[1]!, writer.integers([count, 1])], {
      type: { dtype: ids!.dtype, shape: [count, 1] },
    });
    const indices = writer.node("Expand", [column, writer.integers([count, width])], {
      type: { dtype: ids!.dtype, shape: [count, width] },
    });
    const rows = writer.node("Reshape", [names[2]!, writer.integers([count, width])], {
      type: { dtype: updates!.dtype, shape: [count, width] },
    });
    return writer.node("ScatterElements", [names[0]!, indices, rows], {
      attributes: { ...attributes, axis: { int: 0 } },
    });
  },
  Softmax: ({ inputs: [x] }, writer) =>
    writer.node("Softmax", [writer.nameOf(x!)], { attributes: { axis: { int: -1 } } }),
  SoftmaxMatMul: () => {
    throw new Error("Internal: SoftmaxMatMul is spelled out before export");
  },
  Silu: () => {
    throw new Error("Internal: Silu is spelled out before export");
  },
  GeluTanh: ({ inputs: [x] }, writer) =>
    writer.node("FastGelu", [writer.nameOf(x!)], { domain: MICROSOFT_DOMAIN }),
  RmsNorm: ({ inputs: [x, weight], attributes: { epsilon, again } }, writer) =>
    writer.node("SimplifiedLayerNormalization", [writer.nameOf(x!), writer.nameOf(weight!)], {
      attributes: {
        axis: { int: again ? x!.shape.length - 1 : -1 },
        epsilon: { float: epsilon },
        stash_type: { int: 1 },
      },
    }),
  LayerNorm: ({ inputs, attributes: { epsilon } }, writer) =>
    writer.node("LayerNormalization", inputs.map((input) => writer.nameOf(input)), {
      attributes: { axis: { int: -1 }, epsilon: { float: epsilon } },
    }),
  Rotary: ({ inputs }, writer) =>
    writer.node("RotaryEmbedding", inputs.map((input) => writer.nameOf(input)), {
      domain: MICROSOFT_DOMAIN,
    }),
  LinearCrossEntropy: () => {
    throw new Error("Internal: LinearCrossEntropy is spelled out before export");
  },
  FrozenGemm: exportFrozenGemm,
  FrozenGather: exportFrozenGather,
  FrozenLinearCrossEntropy: () => {
    throw new Error("Internal: FrozenLinearCrossEntropy is spelled out before export");
  },
  CachedAttention: exportCachedAttention,
  CacheOf: exportCacheOf,
  SliceAt: exportSliceAt,
  RowQuantizedLinear: exportRowQuantizedLinear,
  BlockQuantizedLinear: exportBlockQuantizedLinear,
};

/**
 * Simplifies a graph and returns it as an ONNX model whose outputs have the names given.
 *
 * @throws {TypeError} If two inputs share a name.
 */
export function exportGraph(
  outputs: Readonly<Record<string, Value>>,
  options: ExportOptions = {},
): OnnxModel {
  const { target = "cpu" } = options;
  const names = Object.keys(outputs);
  const values = simplify(Object.values(outputs));
  const nodes: OnnxNode[] = [];
  const inputs = new Map<string, OnnxValueInfo>();
  const initializers = new Map<string, Tensor>();
  const integerNames = new Map<string, string>();
  const smallTensors = new Map<string, string>();
  const nameOfValue = new Map<Value, string>();
  const types = new Map<string, OnnxValueType>();
  let written: OnnxValueType | undefined;
  const used = new Set(names);

  const fresh = (prefix: string): string => {
    let index = used.size;
    while (used.has(`${prefix}${index}`)) index++;
    used.add(`${prefix}${index}`);
    return `${prefix}${index}`;
  };
  /** Values whose types only the value tells that they are a part of. */
  const guessed = new Set<string>();
  const inputTypes: KnownInputs = {
    typeOf: (name) =>
      guessed.has(name) ? undefined : types.get(name) ?? inputs.get(name) ?? initializers.get(name),
    constantOf: (name) => initializers.get(name),
  };
  const writer: Writer = {
    target,
    nameOf: (value) => nameOfValue.get(value)!,
    node(op, nodeInputs, { attributes = {}, domain = "", type, alsoMakes = [] } = {}) {
      const name = fresh("v");
      const others = alsoMakes.map((suffix) => `${name}.${suffix}`);
      for (const other of others) used.add(other);
      const known = type ?? auxiliaryType({ op, inputs: nodeInputs, attributes }, inputTypes);
      if (known === undefined) guessed.add(name);
      const made = known ?? written;
      if (made !== undefined) types.set(name, { dtype: made.dtype, shape: made.shape });
      nodes.push({ op, domain, inputs: nodeInputs, outputs: [name, ...others], attributes });
      return name;
    },
    integers(numbers) {
      const key = numbers.join();
      const name = integerNames.get(key) ?? fresh("i");
      if (!integerNames.has(key)) {
        const data = BigInt64Array.from(numbers, BigInt);
        initializers.set(name, { dtype: "int64", shape: [numbers.length], data });
        integerNames.set(key, name);
      }
      return name;
    },
    tensor(tensor) {
      const small = tensor.data.length <= MAX_SHARED_ELEMENTS;
      const key = `${tensor.dtype} [${tensor.shape}] ${small ? tensor.data.join() : ""}`;
      const known = small ? smallTensors.get(key) : undefined;
      if (known !== undefined) return known;
      const name = fresh("c");
      initializers.set(name, tensor);
      if (small) smallTensors.set(key, name);
      return name;
    },
  };
  for (const value of topologicalOrder(values)) {
    if (value.op === "Input") {
      const { name, dtype, shape } = value.attributes;
      if (inputs.has(name)) throw new TypeError(`Cannot export: two inputs are named "${name}"`);
      inputs.set(name, { name, dtype, shape });
      used.add(name);
    }
    written = value;
    const name = (exportRules[value.op] as ExportRule<Op>)(value, writer);
    nameOfValue.set(value, name);
    types.set(name, { dtype: value.dtype, shape: value.shape });
    guessed.delete(name);
  }
  for (const [i, { dtype, shape }] of values.entries()) types.set(names[i]!, { dtype, shape });
  return {
    nodes: orderNodes(nameOutputs(nodes, names, values.map(writer.nameOf))),
    inputs: [...inputs.values()],
    outputs: names.map((name, i) => ({
      name,
      dtype: values[i]!.dtype,
      shape: values[i]!.shape,
    })),
    initializers,
    valueTypes: types,
  };
}

/** Writes the first element of `value`, [1]. */
function cornerOf(value: Value, writer: Writer): string {
  const all = (bound: number) => writer.integers(value.shape.map(() => bound));
  const axes = writer.integers(value.shape.map((_, axis) => axis));
  const corner = writer.node("Slice", [writer.nameOf(value), all(0), all(1), axes]);
  return writer.node("Reshape", [corner, writer.integers([1])]);
}

/**
 * Gives the values at `sources` the names of the outputs: by renaming what makes them, or, where that has a name of
 * its own already (an input, a constant, another output), by a copy.
 */
function nameOutputs(
  nodes: readonly OnnxNode[],
  outputs: readonly string[],
  sources: readonly string[],
): OnnxNode[] {
  const made = new Set(nodes.flatMap((node) => node.outputs));
  const renamed = new Map<string, string>();
  const copies: OnnxNode[] = [];
  for (const [i, output] of outputs.entries()) {
    const source = sources[i]!;
    if (made.has(source) && !renamed.has(source)) {
      renamed.set(source, output);
    } else {
      const from = renamed.get(source) ?? source;
      copies.push({
        op: "Identity",
        domain: "",
        inputs: [from],
        outputs: [output],
        attributes: {},
      });
    }
  }
  const rename = (name: string): string => renamed.get(name) ?? name;
  return [
    ...nodes.map((node) => ({
      ...node,
      inputs: node.inputs.map(rename),
      outputs: node.outputs.map(rename),
    })),
    ...copies,
  ];
}

/**
 * Returns `shape` as ONNX's Reshape takes it, where 0 copies the extent at the same place of the input and −1, once,
 * stands for what remains.
 */
function onnxShape(shape: readonly Dim[], from: readonly Dim[]): number[] {
  const result = shape.map((dim, axis) =>
    typeof dim === "number" ? dim : dim === from[axis] ? 0 : -1
  );
  if (result.filter((extent) => extent === -1).length > 1) {
    throw new TypeError(`Cannot export a reshape of [${from}] to [${shape}]: two extents are open`);
  }
  return result;
}

function isFilled({ data, shape }: Tensor): boolean {
  const first = data[0];
  for (let i = 1; i < elementCount(shape); i++) if (data[i] !== first) return false;
  return true;
}
