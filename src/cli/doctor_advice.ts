/**
 * What would make this machine compute faster, as far as `doctor` can tell.
 *
 * @module
 */

import type { DeviceReport, DoctorReport } from "./doctor.ts";

/** How much faster another device must be to be worth a word. */
const WORTHWHILE = 1.25;

/** What is needed besides the report. */
export interface AdviceContext {
  /** How many threads were busy in the last minute, where the system tells. */
  readonly load: number | undefined;
  /** Memory that is free, in bytes. */
  readonly availableBytes: number;
}

/** Less than this free, and models of some size are computed from the disk, if at all. */
const LITTLE_MEMORY = 2e9;

/** Returns the advice, the most useful first; each sentence ends with what to do. */
export function doctorAdvice(
  { machine, devices, choice }: Omit<DoctorReport, "advice">,
  { load, availableBytes }: AdviceContext,
): readonly string[] {
  const find = (name: string): DeviceReport | undefined =>
    devices.find(({ device }) => device === name);
  const [gpu, native] = [find("webgpu"), find("native")];
  const advice: (string | undefined)[] = [
    faster(choice.device, devices),
    gpu?.problem !== undefined || gpu?.drawback !== undefined
      ? noGpuAdvice(machine.os, gpu.problem !== undefined)
      : undefined,
    native?.problem !== undefined ? nativeAdvice(native.problem) : undefined,
    gpu?.gpu !== undefined && !gpu.gpu.software && !gpu.gpu.float16
      ? "the GPU's driver offers no half precision, so weights take twice the memory: a newer driver may"
      : undefined,
    load !== undefined && load > machine.processors * 0.75
      ? `other programs keep the processors busy (load ${
        load.toFixed(1)
      } on ${machine.processors}): end them, ` +
        "or measure again later"
      : undefined,
    availableBytes < LITTLE_MEMORY
      ? `only ${(availableBytes / 1e9).toFixed(1)} GB of memory are free: end other programs; ` +
        "train --dry-run tells what a run takes"
      : undefined,
  ];
  return advice.filter((each) => each !== undefined);
}

/** Another device that was measured to be faster than the one in use. */
function faster(chosen: string, devices: readonly DeviceReport[]): string | undefined {
  const speedOf = (device: DeviceReport) => device.gigaflops ?? 0;
  const own = devices.find(({ device }) => device === chosen);
  const best = devices.toSorted((a, b) => speedOf(b) - speedOf(a))[0];
  if (own?.gigaflops === undefined || best === undefined || best === own) return undefined;
  if (speedOf(best) < own.gigaflops * WORTHWHILE) return undefined;
  return `${best.device} was measured ${
    (speedOf(best) / own.gigaflops).toFixed(1)
  } times as fast as ${chosen}: ` +
    `give --device ${best.device}`;
}

/** Where a GPU is reached through, by operating system. */
function noGpuAdvice(os: string, none: boolean): string {
  const found = none ? "no GPU was found" : "only a program that acts as a GPU was found";
  const driver: Readonly<Record<string, string>> = {
    linux:
      "its Vulkan driver (on Debian and Ubuntu: apt install libvulkan1 mesa-vulkan-drivers, for NVIDIA its own)",
    windows: "its driver, with Direct3D 12 or Vulkan",
    darwin: "macOS 13 or newer, which has Metal",
  };
  return `${found}: if this machine has one, install ${driver[os] ?? "its Vulkan driver"}`;
}

function nativeAdvice(problem: string): string {
  if (/ffi/i.test(problem)) {
    return "native code is not allowed, and WebAssembly is several times slower: run Deno with --allow-ffi";
  }
  return "ONNX Runtime's library does not load here, and WebAssembly is several times slower: see docs/devices.md";
}
