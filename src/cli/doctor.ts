/**
 * `doctor`: what this machine computes with, how fast, and why.
 *
 * @module
 */

import { type Command, Option } from "commander";
import { availableParallelism } from "node:os";
import {
  chooseDevice,
  describeDevice,
  DEVICE_WISHES,
  type DeviceChoice,
  type DeviceDescription,
  type DeviceWish,
} from "../engine/runtime/devices.ts";
import { measureGigaflops } from "../engine/runtime/gigaflops.ts";
import { DEVICES } from "../engine/runtime/session.ts";
import { messageOf } from "../utils/errors.ts";
import { formatBytes } from "../utils/format.ts";
import { doctorAdvice } from "./doctor_advice.ts";
import { integerOption } from "./option_values.ts";
import { addExamples } from "./program.ts";
import { print } from "./terminal.ts";
import { VERSION } from "./version.ts";

/** What `doctor` found out. */
export interface DoctorReport {
  /** Version of the program. */
  readonly version: string;
  /** The machine. */
  readonly machine: {
    /** Operating system. */
    readonly os: string;
    /** Kind of processor. */
    readonly arch: string;
    /** Logical processors. */
    readonly processors: number;
    /** Memory. */
    readonly memoryBytes: number;
  };
  /** Every device, in the order in which `auto` prefers them. */
  readonly devices: readonly DeviceReport[];
  /** What would be used. */
  readonly choice: DeviceChoice;
  /** What would make it faster. */
  readonly advice: readonly string[];
}

/** A device as `doctor` reports it. */
export interface DeviceReport extends DeviceDescription {
  /** Speed of f32 matrix products, in 10⁹ operations per second; absent where not measured. */
  readonly gigaflops?: number;
}

interface DoctorOptions {
  readonly device: DeviceWish;
  readonly threads?: number;
  readonly speed: boolean;
  readonly json?: boolean;
}

/** Adds `doctor` to `program`. */
export function registerDoctor(program: Command): void {
  const command = program.command("doctor")
    .description(
      "Show the devices of this machine, how fast they are, which one is used and why, and what would make it faster.",
    )
    .addOption(
      new Option("--device <device>", "which one to choose").choices(DEVICE_WISHES).default("auto"),
    )
    .option("--threads <count>", "CPU threads to measure with", integerOption({ min: 1 }))
    .option("--no-speed", "do not measure")
    .option("--json", "print the report as JSON")
    .action(async (options: DoctorOptions) => {
      const report = await examine(options);
      print(options.json ? JSON.stringify(report, null, 2) : renderReport(report));
    });
  addExamples(command, [
    "llm-training doctor",
    "llm-training doctor --device wasm --threads 2",
    "llm-training doctor --no-speed --json",
  ]);
}

/** Finds out all that the report has. */
async function examine(options: DoctorOptions): Promise<DoctorReport> {
  const [load] = Deno.build.os === "windows" ? [] : Deno.loadavg(); // before this program adds to it
  const choice = await chooseDevice(options.device);
  const devices: DeviceReport[] = [];
  for (const device of DEVICES) {
    const description = await describeDevice(device);
    devices.push(options.speed ? await withSpeed(description, options.threads) : description);
  }
  const report = {
    version: VERSION,
    machine: {
      os: Deno.build.os,
      arch: Deno.build.arch,
      processors: availableParallelism(),
      memoryBytes: Deno.systemMemoryInfo().total,
    },
    devices,
    choice,
  };
  const { available } = Deno.systemMemoryInfo();
  return { ...report, advice: doctorAdvice(report, { load, availableBytes: available }) };
}

/** Adds the speed to a description, or what kept the device from computing. */
async function withSpeed(
  description: DeviceDescription,
  threads: number | undefined,
): Promise<DeviceReport> {
  if (description.problem !== undefined) return description;
  try {
    const options = threads === undefined ? {} : { threads };
    return { ...description, gigaflops: await measureGigaflops(description.device, options) };
  } catch (error) {
    return { ...description, problem: messageOf(error) };
  }
}

/** Returns the report for people. */
export function renderReport(report: DoctorReport): string {
  const { version, machine, devices, choice, advice } = report;
  const { os, arch, processors, memoryBytes } = machine;
  return `llm-training ${version} on ${os} ${arch}, ${processors} processors, ${
    formatBytes(memoryBytes)
  } of memory

${devices.map(renderDevice).join("\n")}

Device ${choice.device} is used: ${choice.reason}
${
    advice.length === 0
      ? "Nothing is in the way of its speed"
      : `What would make it faster:\n${advice.map((each) => `  - ${each}`).join("\n")}`
  }`;
}

function renderDevice({ device, description, problem, gpu, gigaflops }: DeviceReport): string {
  const parts = [problem === undefined ? description : `not available: ${problem}`];
  if (problem === undefined && gpu !== undefined) {
    parts.push(
      gpu.float16 ? "half precision" : "no half precision",
      `buffers of ${formatBytes(gpu.maxBufferBytes)}, ${
        formatBytes(gpu.maxBindingBytes)
      } of one at a time`,
    );
  }
  if (gigaflops !== undefined) parts.push(`${gigaflops.toFixed(1)} GFLOP/s`);
  return `  ${device.padEnd(8)}${parts.join("; ")}`;
}
