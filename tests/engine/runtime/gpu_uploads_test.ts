import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { uploadByQueue, writeBuffer } from "../../../src/engine/runtime/gpu_uploads.ts";
import { findGpuAdapter } from "../../../src/engine/runtime/gpu_adapter.ts";
import { AVAILABLE_DEVICES } from "../../available_devices.ts";

const ignore = !AVAILABLE_DEVICES.includes("webgpu");
const { COPY_DST, COPY_SRC, MAP_READ, MAP_WRITE, STORAGE } = GPUBufferUsage;

async function openDevice(): Promise<GPUDevice> {
  await findGpuAdapter(); // keeps the look for one quiet
  const adapter = await navigator.gpu.requestAdapter();
  return await adapter!.requestDevice();
}

async function contentOf(device: GPUDevice, buffer: GPUBuffer): Promise<Uint8Array> {
  const { size } = buffer;
  const readable = device.createBuffer({ size, usage: COPY_DST | MAP_READ });
  const encoder = device.createCommandEncoder();
  encoder.copyBufferToBuffer(buffer, 0, readable, 0, size);
  device.queue.submit([encoder.finish()]);
  await readable.mapAsync(GPUMapMode.READ);
  return new Uint8Array(readable.getMappedRange().slice(0));
}

function numbered(length: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length }, (_, i) => i * 7 + 1);
}

const USES = { "read by shaders": STORAGE, "mapped to be written": MAP_WRITE };

for (const [use, usage] of Object.entries(USES)) {
  Deno.test({
    name: `a buffer that is created mapped and ${use} is written when it is unmapped`,
    ignore,
    async fn() {
      uploadByQueue();
      const device = await openDevice();
      const buffer = device.createBuffer({
        size: 48,
        usage: usage | COPY_SRC,
        mappedAtCreation: true,
      });
      assert.equal(buffer.mapState, "unmapped", "its ranges are not the GPU's memory");
      new Uint8Array(buffer.getMappedRange(0, 16)).set(numbered(16));
      new Uint8Array(buffer.getMappedRange(32)).set(numbered(16));
      buffer.unmap();
      const content = await contentOf(device, buffer);
      assert.deepEqual(
        content,
        Uint8Array.of(...numbered(16), ...new Uint8Array(16), ...numbered(16)),
      );
      device.destroy();
    },
  });
}

Deno.test({
  name: "writeBuffer() writes any number of bytes, from shared memory too, in parts",
  ignore,
  async fn() {
    const device = await openDevice();
    for (const length of [1, 4, 7, (1 << 25) + 5]) {
      const data = new Uint8Array(new SharedArrayBuffer(length + 3), 3);
      data.set(numbered(length));
      const size = Math.ceil(length / 16) * 16;
      const buffer = device.createBuffer({ size, usage: COPY_SRC | COPY_DST });
      await writeBuffer(device.queue, { buffer, data });
      const content = await contentOf(device, buffer);
      assert.ok(Buffer.from(content.subarray(0, length)).equals(data), `${length} bytes`);
      buffer.destroy();
    }
    device.destroy();
  },
});
