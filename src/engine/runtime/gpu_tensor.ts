/**
 * Tensors in a GPU's memory.
 *
 * @module
 */

import type { Tensor as OrtTensor } from "onnxruntime-common";
import {
  type Dtype,
  DTYPE_ARRAYS,
  DTYPE_BYTES,
  elementCount,
  type Tensor,
} from "../tensor/tensor.ts";
import type { DeviceTensor } from "./session.ts";
import type { WebRuntime } from "./web_runtime.ts";
import { toDtype } from "./ort_tensor.ts";

/** An output of a run that stayed in GPU memory. */
export class GpuTensor implements DeviceTensor {
  /** Element type. */
  readonly dtype: Dtype;
  /** Extent of each dimension. */
  readonly shape: readonly number[];
  /** Says that the elements are not in host memory. */
  readonly location = "device";
  /** The library's tensor, which owns the buffer. */
  readonly inner: OrtTensor;
  readonly #runtime: WebRuntime;

  /** Wraps an output of a run of `runtime`. */
  constructor(inner: OrtTensor, runtime: WebRuntime) {
    this.dtype = toDtype(inner.type);
    this.shape = inner.dims;
    this.inner = inner;
    this.#runtime = runtime;
  }

  /**
   * Copies the elements to host memory. (The library's own `getData` makes the tensor a host tensor: the next
   * run would upload it again.)
   */
  download(): Promise<Tensor> {
    return this.#runtime.queue.add(async () => {
      const length = elementCount(this.shape);
      const source = this.inner.gpuBuffer as unknown as GPUBuffer;
      const device = await this.#runtime.ort.env.webgpu.device as GPUDevice;
      const size = Math.ceil(length * DTYPE_BYTES[this.dtype] / 4) * 4;
      const staging = device.createBuffer({
        size,
        usage: GPUBufferUsage.COPY_DST | GPUBufferUsage.MAP_READ,
      });
      try {
        const encoder = device.createCommandEncoder();
        encoder.copyBufferToBuffer(source, 0, staging, 0, size);
        device.queue.submit([encoder.finish()]);
        await staging.mapAsync(GPUMapMode.READ);
        const data = new DTYPE_ARRAYS[this.dtype](staging.getMappedRange().slice(0), 0, length);
        return { dtype: this.dtype, shape: this.shape, data };
      } finally {
        staging.destroy();
      }
    });
  }

  /** Frees the buffer; harmless when called twice. */
  dispose(): void {
    this.inner.dispose();
  }
}
