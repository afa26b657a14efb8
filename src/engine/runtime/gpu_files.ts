/**
 * Whether a machine can have a GPU at all, told without its drivers.
 *
 * To look for an adapter loads every Vulkan driver that is installed, and Mesa's for the CPU brings a compiler: 60 MB
 * and 0.2 s of each start on servers that have no GPU.
 *
 * @module
 */

import { readdirSync } from "node:fs";

/** What the drivers of GPUs put into Linux's `/dev`: the common ones, Nvidia's, WSL's, and those of boards. */
const GPU_FILES = /^(?:dri|nvidia.*|dxg|kfd|nvhost-gpu|nvgpu|nvmap|kgsl-3d\d+|mali\d*|pvrsrvkm)$/;

/** What is said of a machine that has none. */
export const NO_GPU = "there is no GPU in /dev; into a container it has to be passed";

/** Whether there may be a GPU: not on a Linux without any of their files in `/dev`. */
export function mayHaveGpu(readDevices: () => readonly string[] = readDev): boolean {
  if (Deno.build.os !== "linux") return true;
  try {
    return readDevices().some((name) => GPU_FILES.test(name));
  } catch {
    return true; // what may not be seen may be there
  }
}

function readDev(): readonly string[] {
  const { state } = Deno.permissions.querySync({ name: "read", path: "/dev" });
  if (state !== "granted") throw new Deno.errors.NotCapable("no permission to read /dev");
  return readdirSync("/dev");
}
