import assert from "node:assert/strict";
import {
  chooseDevice,
  describeDevices,
  type DeviceDescription,
} from "../../../src/engine/runtime/devices.ts";
import { measureGigaflops } from "../../../src/engine/runtime/gigaflops.ts";
import { type Device, DEVICES } from "../../../src/engine/runtime/session.ts";
import { UserError } from "../../../src/utils/errors.ts";
import "../../available_devices.ts";

/** A machine that is said to have certain devices. */
function machine(
  state: Readonly<Record<Device, "works" | "slow" | "broken">>,
): (device: Device) => Promise<DeviceDescription> {
  return (device) => {
    const description = `the ${device} of this test`;
    switch (state[device]) {
      case "works":
        return Promise.resolve({ device, description });
      case "slow":
        return Promise.resolve({ device, description, drawback: `${device} is slow` });
      case "broken":
        return Promise.resolve({ device, description, problem: `${device} is broken` });
    }
  };
}

Deno.test("chooseDevice() takes a real GPU, then native, then wasm, and says why", async () => {
  const cases = [
    [{ webgpu: "works", native: "works", wasm: "works" }, "webgpu"],
    [{ webgpu: "slow", native: "works", wasm: "works" }, "native"],
    [{ webgpu: "broken", native: "works", wasm: "works" }, "native"],
    [{ webgpu: "slow", native: "broken", wasm: "works" }, "wasm"],
  ] as const;
  for (const [state, expected] of cases) {
    const { device, reason } = await chooseDevice("auto", { describe: machine(state) });
    assert.equal(device, expected);
    const [first, ...obstacles] = reason.split("; ");
    assert.equal(first, `the ${expected} of this test`);
    const passedOver = DEVICES.slice(0, DEVICES.indexOf(expected));
    assert.deepEqual(
      obstacles,
      passedOver.map((other) => `not ${other}: ${other} is ${state[other]}`),
    );
  }
});

Deno.test("chooseDevice() takes the device asked for, with its drawback", async () => {
  const describe = machine({ webgpu: "slow", native: "works", wasm: "works" });
  const { device, reason } = await chooseDevice("webgpu", { describe });
  assert.equal(device, "webgpu");
  assert.equal(reason, "the webgpu of this test, as asked for; webgpu is slow");
});

Deno.test("chooseDevice() refuses a device that cannot be had, with the reason and what else to do", async () => {
  const describe = machine({ webgpu: "works", native: "broken", wasm: "works" });
  await assert.rejects(chooseDevice("native", { describe }), (error) => {
    assert.ok(error instanceof UserError);
    assert.match(error.message, /device native: native is broken; .*auto, webgpu or wasm/);
    return true;
  });
});

Deno.test("describeDevices() describes every device of this machine", async () => {
  const devices = await describeDevices();
  assert.deepEqual(devices.map(({ device }) => device), DEVICES);
  for (const { description } of devices) assert.notEqual(description, "");
  const [webgpu, , wasm] = devices;
  assert.equal(wasm?.problem, undefined);
  if (webgpu?.gpu !== undefined) {
    assert.ok(webgpu.gpu.maxBufferBytes >= webgpu.gpu.maxBindingBytes);
    assert.equal(webgpu.drawback !== undefined, webgpu.gpu.software);
  }
});

for (const device of ["native", "wasm"] as const) {
  Deno.test(`measureGigaflops() of ${device} gives a plausible number`, async () => {
    const gigaflops = await measureGigaflops(device, { threads: 2 });
    assert.ok(gigaflops > 0.1 && gigaflops < 1e5, `${gigaflops}`);
  });
}
