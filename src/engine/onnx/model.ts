/**
 * An ONNX model as plain data, and its encoding.
 *
 * @module
 */

import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  type AttributeProto,
  AttributeProto_AttributeType as AttributeType,
  AttributeProtoSchema,
  GraphProtoSchema,
  ModelProtoSchema,
  NodeProtoSchema,
  OperatorSetIdProtoSchema,
  TensorProto_DataType as OnnxDtype,
  TensorProtoSchema,
  TensorShapeProto_DimensionSchema,
  TensorShapeProtoSchema,
  TypeProto_TensorSchema,
  TypeProtoSchema,
  type ValueInfoProto,
  ValueInfoProtoSchema,
} from "onnx-buf";
import { type Dtype, DTYPE_ARRAYS, DTYPES, elementCount, type Tensor } from "../tensor/tensor.ts";

/** The value of a node's attribute; integers and floats differ in ONNX, so the kind is spelled out. */
export type OnnxAttribute =
  | { readonly int: number }
  | { readonly ints: readonly number[] }
  | { readonly float: number }
  | { readonly string: string };

/** One operator call. */
export interface OnnxNode {
  /** Operator, for example `MatMul`. */
  readonly op: string;
  /** Operator set; `""` is ONNX's own. */
  readonly domain: string;
  /** Names of the inputs; `""` leaves an optional one out. */
  readonly inputs: readonly string[];
  /** Names of the outputs. */
  readonly outputs: readonly string[];
  /** Attributes by name. */
  readonly attributes: Readonly<Record<string, OnnxAttribute>>;
}

/** Name, dtype and shape of an input or output; a string is a dimension known only at run time. */
export interface OnnxValueInfo {
  /** Name of the value. */
  readonly name: string;
  /** Element type. */
  readonly dtype: Dtype;
  /** Extent of each dimension. */
  readonly shape: readonly (number | string)[];
}

/** A whole model. */
export interface OnnxModel {
  /** Nodes in an order in which each comes after those it reads. */
  readonly nodes: readonly OnnxNode[];
  /** What a run must be given. */
  readonly inputs: readonly OnnxValueInfo[];
  /** What a run returns. */
  readonly outputs: readonly OnnxValueInfo[];
  /** Constants by name. */
  readonly initializers: ReadonlyMap<string, Tensor>;
  /** What nodes make, where the model was exported from a graph; files do not hold it. */
  readonly valueTypes?: ReadonlyMap<string, OnnxValueType>;
}

/** Dtype and shape of what a node makes. */
export type OnnxValueType = Pick<OnnxValueInfo, "dtype" | "shape">;

/** The version of ONNX's own operator set that models are written in. */
export const OPSET_VERSION = 21;

/** The domain of ONNX Runtime's additional operators. */
export const MICROSOFT_DOMAIN = "com.microsoft";

const IR_VERSION = 10n;

/** The number that ONNX gives to each dtype. */
export const ONNX_DTYPES: Readonly<Record<Dtype, OnnxDtype>> = {
  float32: OnnxDtype.FLOAT,
  float16: OnnxDtype.FLOAT16,
  bfloat16: OnnxDtype.BFLOAT16,
  float64: OnnxDtype.DOUBLE,
  int64: OnnxDtype.INT64,
  int32: OnnxDtype.INT32,
  int8: OnnxDtype.INT8,
  uint8: OnnxDtype.UINT8,
  bool: OnnxDtype.BOOL,
};

/** Encodes a model as the bytes of an `.onnx` file. */
export function encodeModel(model: OnnxModel): Uint8Array {
  const proto = create(ModelProtoSchema, {
    irVersion: IR_VERSION,
    producerName: "llm-training",
    opsetImport: [
      create(OperatorSetIdProtoSchema, { domain: "", version: BigInt(OPSET_VERSION) }),
      create(OperatorSetIdProtoSchema, { domain: MICROSOFT_DOMAIN, version: 1n }),
    ],
    graph: create(GraphProtoSchema, {
      name: "graph",
      node: model.nodes.map((node) =>
        create(NodeProtoSchema, {
          opType: node.op,
          domain: node.domain,
          name: node.outputs[0] ?? "",
          input: [...node.inputs],
          output: [...node.outputs],
          attribute: Object.entries(node.attributes).map(encodeAttribute),
        })
      ),
      input: model.inputs.map(encodeValueInfo),
      output: model.outputs.map(encodeValueInfo),
      initializer: [...model.initializers].map(([name, { dtype, shape, data }]) =>
        create(TensorProtoSchema, {
          name,
          dataType: ONNX_DTYPES[dtype],
          dims: shape.map(BigInt),
          rawData: new Uint8Array(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength),
        })
      ),
    }),
  });
  return toBinary(ModelProtoSchema, proto);
}

function encodeAttribute([name, value]: [string, OnnxAttribute]): AttributeProto {
  const attribute = create(AttributeProtoSchema, { name });
  if ("int" in value) {
    attribute.type = AttributeType.INT;
    attribute.i = BigInt(value.int);
  } else if ("ints" in value) {
    attribute.type = AttributeType.INTS;
    attribute.ints = value.ints.map(BigInt);
  } else if ("float" in value) {
    attribute.type = AttributeType.FLOAT;
    attribute.f = value.float;
  } else {
    attribute.type = AttributeType.STRING;
    attribute.s = new TextEncoder().encode(value.string);
  }
  return attribute;
}

function encodeValueInfo({ name, dtype, shape }: OnnxValueInfo): ValueInfoProto {
  const dim = shape.map((extent) =>
    create(TensorShapeProto_DimensionSchema, {
      value: typeof extent === "number"
        ? { case: "dimValue", value: BigInt(extent) }
        : { case: "dimParam", value: extent },
    })
  );
  return create(ValueInfoProtoSchema, {
    name,
    type: create(TypeProtoSchema, {
      value: {
        case: "tensorType",
        value: create(TypeProto_TensorSchema, {
          elemType: ONNX_DTYPES[dtype],
          shape: create(TensorShapeProtoSchema, { dim }),
        }),
      },
    }),
  });
}

/**
 * Decodes the bytes of an `.onnx` file.
 *
 * @throws {TypeError} If the model holds a kind of value that {@linkcode encodeModel} never writes.
 */
export function decodeModel(bytes: Uint8Array): OnnxModel {
  const { graph } = fromBinary(ModelProtoSchema, bytes);
  if (graph === undefined) throw new TypeError("Cannot decode ONNX model: it has no graph");
  return {
    nodes: graph.node.map((node) => ({
      op: node.opType,
      domain: node.domain,
      inputs: node.input,
      outputs: node.output,
      attributes: Object.fromEntries(
        node.attribute.map((attribute) => [attribute.name, decodeAttribute(attribute)]),
      ),
    })),
    inputs: graph.input.map(decodeValueInfo),
    outputs: graph.output.map(decodeValueInfo),
    initializers: new Map(graph.initializer.map((proto) => {
      const dtype = decodeDtype(proto.dataType);
      const shape = proto.dims.map(Number);
      const raw = proto.rawData.slice();
      const data = new DTYPE_ARRAYS[dtype](raw.buffer, 0, elementCount(shape));
      return [proto.name, { dtype, shape, data }];
    })),
  };
}

function decodeAttribute(attribute: AttributeProto): OnnxAttribute {
  switch (attribute.type) {
    case AttributeType.INT:
      return { int: Number(attribute.i) };
    case AttributeType.INTS:
      return { ints: attribute.ints.map(Number) };
    case AttributeType.FLOAT:
      return { float: attribute.f };
    case AttributeType.STRING:
      return { string: new TextDecoder().decode(attribute.s) };
  }
  throw new TypeError(
    `Cannot decode ONNX model: attribute "${attribute.name}" has type ${attribute.type}`,
  );
}

function decodeValueInfo({ name, type }: ValueInfoProto): OnnxValueInfo {
  if (type?.value.case !== "tensorType") {
    throw new TypeError(`Cannot decode ONNX model: "${name}" is not a tensor`);
  }
  const { elemType, shape } = type.value.value;
  return {
    name,
    dtype: decodeDtype(elemType),
    shape: (shape?.dim ?? []).map(({ value }) =>
      value.case === "dimValue" ? Number(value.value) : String(value.value ?? "")
    ),
  };
}

function decodeDtype(code: number): Dtype {
  const dtype = DTYPES.find((name) => ONNX_DTYPES[name] === code);
  if (dtype === undefined) {
    throw new TypeError(`Cannot decode ONNX model: element type ${code} is not supported`);
  }
  return dtype;
}
