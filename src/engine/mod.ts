/**
 * Numbers, no language: tensors and their files, ONNX models, graphs that are built and differentiated, and sessions
 * that compute on a GPU or a CPU.
 *
 * @example The gradient of a sum of squares
 * ```ts
 * import {
 *   encodeModel,
 *   exportGraph,
 *   grad,
 *   input,
 *   mul,
 *   openSession,
 *   reduceSum,
 *   tensor,
 * } from "@llm-training/llm-training/engine";
 *
 * const x = input("x", "float32", [3]);
 * const [gradient] = grad(reduceSum(mul(x, x), [0]), [x]);
 * const model = encodeModel(exportGraph({ gradient: gradient! }));
 *
 * await using session = await openSession(model, { device: "wasm" });
 * const results = await session.run({ x: tensor("float32", [3], Float32Array.of(1, -2, 3)) });
 * if ("data" in results.gradient! && String(results.gradient.data) !== "2,-4,6") {
 *   throw new Error("the gradient of x² is 2x");
 * }
 * ```
 *
 * @module
 */

export {
  type Dtype,
  DTYPE_ARRAYS,
  DTYPE_BYTES,
  type DtypeArrays,
  type DtypeConstructors,
  DTYPES,
  elementCount,
  type Tensor,
  tensor,
  type TensorData,
  zeros,
} from "./tensor/tensor.ts";
export { toFloat32 } from "./tensor/convert.ts";
export {
  dequantizeRows,
  QUANTIZED_DTYPES,
  type QuantizedDtype,
  type QuantizedMatrix,
  type QuantizeOptions,
  quantizeRows,
  UINT8_ZERO_POINT,
} from "./tensor/quantize.ts";
export {
  openSafetensors,
  type SafetensorsEntry,
  type SafetensorsFile,
} from "./tensor/safetensors.ts";
export type { NamedTensors, RemoteTensor, TensorSource } from "./tensor/safetensors_writer.ts";
export {
  decodeModel,
  encodeModel,
  type OnnxAttribute,
  type OnnxModel,
  type OnnxNode,
  type OnnxValueInfo,
  type OnnxValueType,
} from "./onnx/model.ts";
export { printModel } from "./onnx/print.ts";
export {
  type CachedAttentionAttributes,
  type Dim,
  FROZEN_DTYPES,
  type FrozenDtype,
  type NoAttributes,
  type Op,
  type OpAttributes,
  OPS,
  type Repeatable,
  type Value,
  type ValueOf,
} from "./graph/value.ts";
export {
  add,
  apply,
  cast,
  concat,
  constant,
  div,
  equal,
  exp,
  expand,
  gather,
  gatherElements,
  gatherOnce,
  geluTanh,
  gemm,
  type GemmOptions,
  input,
  layerNorm,
  type LayerNormOptions,
  linear,
  linearCrossEntropy,
  type LinearCrossEntropyOptions,
  type LinearOptions,
  log,
  matMul,
  max,
  min,
  mul,
  neg,
  type OnceGatheredRows,
  reciprocal,
  reduceMax,
  reduceMean,
  reduceSum,
  reshape,
  rmsNorm,
  type RmsNormOptions,
  rotary,
  type RotaryAngles,
  type RowUpdates,
  scalar,
  scatterAdd,
  sigmoid,
  silu,
  slice,
  type SliceRange,
  softmax,
  softmaxMatMul,
  sqrt,
  sub,
  tanh,
  transpose,
} from "./graph/build.ts";
export {
  frozenGather,
  frozenGemm,
  type FrozenGemmOptions,
  frozenLinear,
  frozenLinearCrossEntropy,
  type FrozenMatrix,
  frozenRows,
} from "./graph/frozen.ts";
export { slicedCrossEntropy, type SlicedPrediction } from "./graph/sliced_cross_entropy.ts";
export { grad, type GradOptions, vjp, type VjpOptions } from "./graph/autodiff.ts";
export { simplify } from "./graph/simplify.ts";
export { evaluate, type EvaluatedTensor, fromEvaluated, toEvaluated } from "./graph/evaluate.ts";
export {
  EXPORT_TARGETS,
  exportGraph,
  type ExportOptions,
  type ExportTarget,
} from "./graph/export.ts";
export {
  type Device,
  DEVICES,
  type DeviceTensor,
  type Feed,
  type Optimization,
  OPTIMIZATIONS,
  type RunOptions,
  type Session,
  type SessionOptions,
} from "./runtime/session.ts";
export { openSession } from "./runtime/open_session.ts";
export {
  chooseDevice,
  type ChooseDeviceOptions,
  describeDevice,
  describeDevices,
  DEVICE_WISHES,
  type DeviceChoice,
  type DeviceDescription,
  type DeviceWish,
} from "./runtime/devices.ts";
export type { GpuAdapter } from "./runtime/gpu_adapter.ts";
export { measureGigaflops, type MeasureOptions } from "./runtime/gigaflops.ts";
