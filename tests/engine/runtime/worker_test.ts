import assert from "node:assert/strict";
import { openSession } from "../../../src/engine/runtime/open_session.ts";
import { AVAILABLE_DEVICES } from "../../available_devices.ts";
import { productModel } from "./models.ts";

for (const device of AVAILABLE_DEVICES) {
  Deno.test(`openSession() on ${device} works in a worker, also one started after a session`, async () => {
    await using _session = await openSession(productModel(), { device, threads: 2 });
    const worker = new Worker(new URL("./product_worker.ts", import.meta.url), { type: "module" });
    try {
      worker.postMessage(device);
      const { data } = await new Promise<MessageEvent>((resolve, reject) => {
        worker.onmessage = resolve;
        worker.onerror = reject;
      });
      assert.deepEqual(data, { dtype: "float32", shape: [1, 1], data: Float32Array.of(11) });
    } finally {
      worker.terminate();
    }
  });
}
