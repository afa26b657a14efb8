/**
 * How much memory a run may take.
 *
 * @module
 */

import process from "node:process";
import { findGpuAdapter } from "../../engine/runtime/gpu_adapter.ts";
import type { Device } from "../../engine/runtime/session.ts";

/** How much memory there is. */
export interface MemoryLimits {
  /** What this process may take: what it has and what the system has left, within its control group. */
  readonly host: number;
  /** WebAssembly's heap; `undefined` on other devices than `wasm`. */
  readonly wasmHeap: number | undefined;
  /**
   * The largest tensor that a GPU's shader can read; `undefined` on CPUs. How much memory a GPU has in all, WebGPU does
   * not tell.
   */
  readonly gpuTensor: number | undefined;
  /** Whether the GPU is a program, whose memory is the machine's own. */
  readonly gpuInHost: boolean;
}

/** WebAssembly's 32-bit addresses reach no further. */
const WASM_HEAP = 2 ** 32 - 2 ** 16;

/** Returns how much memory there is for a run on `device`. */
export async function memoryLimits(device: Device): Promise<MemoryLimits> {
  const { available } = Deno.systemMemoryInfo();
  const { rss } = Deno.memoryUsage();
  const gpu = device === "webgpu" ? await findGpuAdapter() : undefined;
  return {
    host: Math.min(available + rss, constrained()),
    wasmHeap: device === "wasm" ? WASM_HEAP : undefined,
    gpuTensor: gpu && Math.min(gpu.maxBufferBytes, gpu.maxBindingBytes),
    gpuInHost: gpu?.software ?? false,
  };
}

/** The limit of the process's control group, which a container sets. */
function constrained(): number {
  const bytes = process.constrainedMemory();
  return bytes > 0 ? bytes : Infinity;
}
