import assert from "node:assert/strict";
import { mayHaveGpu, NO_GPU } from "../../../src/engine/runtime/gpu_files.ts";

const DEVICES = new URL("../../../src/engine/runtime/devices.ts", import.meta.url).href;
const linux = Deno.build.os === "linux";

Deno.test({
  name: "mayHaveGpu() knows the files of GPUs, and assumes one where it may not look",
  ignore: !linux,
  fn() {
    const none = ["null", "zero", "random", "net", "nvme0", "nvme0n1", "vda", "shm", "nvram"];
    assert.ok(!mayHaveGpu(() => none));
    for (const name of ["dri", "nvidia0", "nvidiactl", "dxg", "kfd", "nvhost-gpu", "mali0"]) {
      assert.ok(mayHaveGpu(() => [...none, name]), name);
    }
    assert.ok(mayHaveGpu(() => {
      throw new Deno.errors.PermissionDenied();
    }));
  },
});

Deno.test({
  name: "chooseDevice() says that there is no GPU without loading drivers",
  ignore: !linux || mayHaveGpu(),
  async fn() {
    // In a process of its own: other tests have loaded drivers into this one.
    const script = `
      import { chooseDevice } from ${JSON.stringify(DEVICES)};
      const { device, reason } = await chooseDevice("auto");
      const maps = await Deno.readTextFile("/proc/self/maps");
      console.log(JSON.stringify({ device, reason, hasDrivers: /libvulkan|libLLVM/.test(maps) }));
    `;
    const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["eval", "--ext=ts", script],
    }).output();
    const text = new TextDecoder().decode(stdout);
    assert.notEqual(text, "", new TextDecoder().decode(stderr));
    const { device, reason, hasDrivers } = JSON.parse(text);
    assert.notEqual(device, "webgpu");
    assert.ok(reason.endsWith(`not webgpu: ${NO_GPU}`), reason);
    assert.equal(hasDrivers, false);
  },
});
