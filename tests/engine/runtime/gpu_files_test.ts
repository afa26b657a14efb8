import assert from "node:assert/strict";
import { chooseDevice } from "../../../src/engine/runtime/devices.ts";
import { mayHaveGpu, NO_GPU } from "../../../src/engine/runtime/gpu_files.ts";

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
    const { device, reason } = await chooseDevice("auto");
    assert.notEqual(device, "webgpu");
    assert.ok(reason.endsWith(`not webgpu: ${NO_GPU}`), reason);
    const maps = await Deno.readTextFile("/proc/self/maps");
    assert.doesNotMatch(maps, /libvulkan|libLLVM/);
  },
});
