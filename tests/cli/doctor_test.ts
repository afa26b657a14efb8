import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import type { DeviceReport, DoctorReport } from "../../src/cli/doctor.ts";
import { doctorAdvice } from "../../src/cli/doctor_advice.ts";
import type { GpuAdapter } from "../../src/engine/runtime/gpu_adapter.ts";
import { type Device, DEVICES } from "../../src/engine/runtime/session.ts";
import { runCli } from "./run_cli.ts";

Deno.test("doctor shows every device and which one is used", async () => {
  const { status, stdout } = await runCli(["doctor", "--no-speed"]);
  assert.equal(status, 0);
  for (const device of ["webgpu", "native", "wasm"]) {
    assert.match(stdout, new RegExp(`^  ${device} `, "m"));
  }
  assert.match(stdout, /^Device (webgpu|native|wasm) is used: /m);
});

Deno.test("doctor --json reports devices, limits, speed and the choice with its reasons", async () => {
  const { status, stdout } = await runCli(["doctor", "--json", "--threads", "2"]);
  assert.equal(status, 0);
  const report = JSON.parse(stdout);
  assert.deepEqual(Object.keys(report), ["version", "machine", "devices", "choice", "advice"]);
  assert.ok(report.machine.processors >= 1 && report.machine.memoryBytes > 1e8);
  for (const { problem, gigaflops } of report.devices) {
    assert.equal(problem === undefined, gigaflops > 0);
  }
  const [preferred] = report.devices.filter(({ problem, drawback }: Record<string, string>) =>
    problem === undefined && drawback === undefined
  );
  assert.equal(report.choice.device, preferred.device);
  assert.ok(report.choice.reason.startsWith(preferred.description));
});

Deno.test("doctor goes on without the permission to load native code, and says so", async () => {
  const cli = fileURLToPath(new URL("../../cli.ts", import.meta.url));
  const { success, stdout } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--quiet",
      "--no-lock",
      "--no-prompt",
      "--allow-read",
      "--allow-env",
      "--allow-sys",
      cli,
      "doctor",
      "--no-speed",
      "--json",
    ],
  }).output();
  assert.ok(success);
  const { devices, choice } = JSON.parse(new TextDecoder().decode(stdout));
  assert.match(devices[1].problem, /does not load: .*ffi/);
  assert.notEqual(choice.device, "native");
});

Deno.test("doctor --device names the reason and the fix where a device cannot be had", async () => {
  const env = { DENO_WEBGPU_BACKEND: "none" }; // hides every GPU
  const args = ["doctor", "--device", "webgpu", "--no-speed"];
  const { status, stderr } = await runCli(args, { env });
  assert.equal(status, 1);
  assert.match(stderr, /^error: Cannot use device webgpu: no GPU adapter was found; .*choose/);
});

const MACHINE = { os: "linux", arch: "x86_64", processors: 4, memoryBytes: 16e9 };
const CALM = { load: 0.2, availableBytes: 8e9 };

function report(
  speeds: Readonly<Partial<Record<Device, number>>>,
  changes: Readonly<Partial<Record<Device, Partial<DeviceReport>>>> = {},
): Omit<DoctorReport, "advice"> {
  const devices = DEVICES.map((device) => ({
    ...{ device, description: device, ...changes[device] },
    ...(speeds[device] === undefined ? {} : { gigaflops: speeds[device] }),
  }));
  return { version: "0.1.0", machine: MACHINE, devices, choice: { device: "native", reason: "" } };
}

Deno.test("doctorAdvice() has nothing to say where nothing is in the way", () => {
  const gpu = { name: "A", software: false, float16: true, maxBufferBytes: 1, maxBindingBytes: 1 };
  const found = report({ native: 80, wasm: 20 }, { webgpu: { gpu: gpu as GpuAdapter } });
  assert.deepEqual(doctorAdvice(found, CALM), []);
});

Deno.test("doctorAdvice() names each obstacle and what to do about it", () => {
  const problem = "Requires ffi access";
  const found = report({ native: 30, wasm: 60 }, {
    webgpu: { problem: "no adapter" },
    native: { problem },
  });
  const advice = doctorAdvice(found, { load: 7.5, availableBytes: 1e9 });
  for (
    const [i, words] of [
      /^wasm was measured 2\.0 times as fast as native: give --device wasm$/,
      /no GPU was found.*apt install/,
      /--allow-ffi$/,
      /load 7\.5 on 4/,
      /1\.0 GB of memory.*--dry-run/,
    ].entries()
  ) assert.match(advice[i]!, words);
});
