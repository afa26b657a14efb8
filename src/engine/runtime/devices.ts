/**
 * What devices there are, and which one to use.
 *
 * @module
 */

import { messageOf } from "../../utils/errors.ts";
import { findGpuAdapter, type GpuAdapter, NO_ADAPTER } from "./gpu_adapter.ts";
import { mayHaveGpu, NO_GPU } from "./gpu_files.ts";
import { type Device, DEVICES } from "./session.ts";
import { unavailable } from "./session_error.ts";
import { defaultThreads } from "./threads.ts";

/** Every value of `--device`: a device, or `auto` to have one chosen. */
export const DEVICE_WISHES = ["auto", ...DEVICES] as const;

/** A device, or `auto` to have one chosen. */
export type DeviceWish = (typeof DEVICE_WISHES)[number];

/** What is known of a device. */
export interface DeviceDescription {
  /** Which one. */
  readonly device: Device;
  /** What it is here: the GPU's name, or the library and its threads. */
  readonly description: string;
  /** Why sessions cannot be opened on it; absent if they can. */
  readonly problem?: string;
  /** Why `auto` does not take it although it works; absent if it does. */
  readonly drawback?: string;
  /** The GPU, if there is one. */
  readonly gpu?: GpuAdapter;
}

/** A device and why it was chosen. */
export interface DeviceChoice {
  /** Where to run. */
  readonly device: Device;
  /** What it is, and why no device that `auto` prefers is used. */
  readonly reason: string;
}

/** Options of {@linkcode chooseDevice}. */
export interface ChooseDeviceOptions {
  /** Finds out about a device. @default {describeDevice, which `auto` does not ask about a GPU that cannot be there} */
  readonly describe?: (device: Device) => Promise<DeviceDescription>;
}

/** Describes every device, in the order in which `auto` prefers them. */
export function describeDevices(): Promise<readonly DeviceDescription[]> {
  return Promise.all(DEVICES.map(describeDevice));
}

/** Describes one device; to describe `native` loads its library. */
export async function describeDevice(device: Device): Promise<DeviceDescription> {
  const threads = `${defaultThreads()} threads by default`;
  switch (device) {
    case "webgpu":
      return describeGpu(await findGpuAdapter());
    case "native": {
      const description = `ONNX Runtime's library for this CPU (${threads})`;
      try {
        await (await import("./native_binding.ts")).loadNativeBinding();
        return { device, description };
      } catch (error) {
        return { device, description, problem: messageOf(error) };
      }
    }
    case "wasm":
      return { device, description: `ONNX Runtime Web on the CPU (${threads})` };
  }
}

/**
 * Chooses where to run. `auto` is the first of a real GPU, the native library and WebAssembly.
 *
 * @throws {UserError} If the device asked for cannot be had; the message says why and what to do.
 */
export async function chooseDevice(
  wish: DeviceWish,
  options: ChooseDeviceOptions = {},
): Promise<DeviceChoice> {
  const { describe = wish === "auto" ? describeForAuto : describeDevice } = options;
  if (wish !== "auto") {
    const { description, problem, drawback } = await describe(wish);
    if (problem !== undefined) throw unavailable(wish, problem);
    return { device: wish, reason: sentence([`${description}, as asked for`, drawback]) };
  }
  const obstacles: string[] = [];
  for (const device of DEVICES) {
    const { description, problem, drawback } = await describe(device);
    const obstacle = problem ?? drawback;
    if (obstacle === undefined) return { device, reason: sentence([description, ...obstacles]) };
    obstacles.push(`not ${device}: ${obstacle}`);
  }
  throw new Error("Internal: wasm always works");
}

async function describeForAuto(device: Device): Promise<DeviceDescription> {
  if (device !== "webgpu" || mayHaveGpu()) return await describeDevice(device);
  return { device, description: "no GPU", problem: NO_GPU };
}

function sentence(parts: readonly (string | undefined)[]): string {
  return parts.filter((part) => part !== undefined).join("; ");
}

function describeGpu(gpu: GpuAdapter | undefined): DeviceDescription {
  const device = "webgpu";
  if (gpu === undefined) return { device, description: "no GPU", problem: NO_ADAPTER };
  const description = gpu.name;
  if (!gpu.software) return { device, description, gpu };
  return {
    device,
    description,
    gpu,
    drawback: `${gpu.name} is a program on the CPU, not a GPU`,
  };
}
