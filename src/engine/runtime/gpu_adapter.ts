/**
 * The GPU that the device `webgpu` runs on.
 *
 * @module
 */

import process from "node:process";
import { tmpdir } from "node:os";

/** A GPU, or a program that stands in for one. */
export interface GpuAdapter {
  /** What it calls itself. */
  readonly name: string;
  /** Whether it is a program that computes on the CPU. */
  readonly software: boolean;
  /** Whether it computes in half precision. */
  readonly float16: boolean;
  /** Largest buffer. */
  readonly maxBufferBytes: number;
  /** Largest part of a buffer that a shader can read. */
  readonly maxBindingBytes: number;
}

/** What keeps a machine without an adapter from using `webgpu`. */
export const NO_ADAPTER =
  "no GPU adapter was found; install the GPU's driver (on Linux with Vulkan)";

/** Programs that stand in for a GPU, should they not say so themselves. */
const SOFTWARE = /llvmpipe|lavapipe|swiftshader|softpipe|basic render/i;

/** Returns the adapter that sessions are opened on, or `undefined` if there is none. */
export async function findGpuAdapter(): Promise<GpuAdapter | undefined> {
  silenceWarning();
  const adapter = await navigator.gpu?.requestAdapter({ powerPreference: "high-performance" });
  if (!adapter) return undefined;
  const { info, features, limits } = adapter;
  const name = info.description || [info.vendor, info.architecture, info.device].join(" ").trim();
  return {
    name: name || "a GPU without a name",
    software: info.isFallbackAdapter || SOFTWARE.test(name),
    float16: features.has("shader-f16"),
    maxBufferBytes: limits.maxBufferSize,
    maxBindingBytes: limits.maxStorageBufferBindingSize,
  };
}

/** Without this variable each look for an adapter prints a warning on Linux that helps nobody. */
function silenceWarning(): void {
  if (Deno.build.os !== "linux") return;
  try {
    process.env.XDG_RUNTIME_DIR ||= tmpdir();
  } catch {
    // Not allowed to touch the environment: the warning stays
  }
}
