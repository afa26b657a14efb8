/**
 * How data get into a GPU's memory.
 *
 * Of a buffer that is created mapped Deno reads all there is before it hands the range out. On cards with memory of their
 * own the CPU writes such ranges fast and reads them at 25 MB/s: ONNX Runtime, which writes all it uploads there, took
 * 20 s for a model of 135 M and 0.3 s a step for the masks of packed rows. The queue takes 1.4 GB/s.
 *
 * @module
 */

/** What of a buffer is written until it is unmapped. */
interface WrittenRange {
  readonly offset: number;
  readonly data: ArrayBuffer;
}

/** Bytes that lie in memory of the queue's own until the GPU has taken them. */
const PART = 1 << 25;

const state = { prepared: false };

/**
 * Makes the buffers of this JavaScript thread that are created mapped be written by the queue, once; to be called before
 * the library is loaded. Those that are also mapped later stay as they are.
 */
export function uploadByQueue(): void {
  if (state.prepared || typeof GPUDevice === "undefined") return;
  state.prepared = true;
  const { createBuffer } = GPUDevice.prototype;
  GPUDevice.prototype.createBuffer = function (descriptor) {
    const { mappedAtCreation = false, usage, size } = descriptor;
    if (!mappedAtCreation || (usage & GPUBufferUsage.MAP_READ) !== 0) {
      return createBuffer.call(this, descriptor);
    }
    const buffer = createBuffer.call(this, {
      ...descriptor,
      mappedAtCreation: false,
      usage: usage & ~GPUBufferUsage.MAP_WRITE | GPUBufferUsage.COPY_DST,
    });
    return writtenByQueue(buffer, { queue: this.queue, size });
  };
}

/** Gives `buffer` ranges in host memory, which its unmapping writes. */
function writtenByQueue(
  buffer: GPUBuffer,
  { queue, size }: { readonly queue: GPUQueue; readonly size: number },
): GPUBuffer {
  const ranges: WrittenRange[] = [];
  const getMappedRange = (offset = 0, length = size - offset): ArrayBuffer => {
    const data = new ArrayBuffer(length);
    ranges.push({ offset, data });
    return data;
  };
  const unmap = (): void => {
    for (const { offset, data } of ranges.splice(0)) queue.writeBuffer(buffer, offset, data);
  };
  return Object.assign(buffer, { getMappedRange, unmap });
}

/** Writes `data` to the beginning of `buffer`, whose size is a multiple of 4. */
export async function writeBuffer(
  queue: GPUQueue,
  { buffer, data }: { readonly buffer: GPUBuffer; readonly data: ArrayBufferView },
): Promise<void> {
  const bytes = new Uint8Array(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength);
  for (let start = 0; start < bytes.length; start += PART) {
    queue.writeBuffer(buffer, start, wholeWords(bytes.subarray(start, start + PART)));
    queue.submit([]);
    await queue.onSubmittedWorkDone();
  }
}

/** The queue takes only whole groups of four bytes. */
function wholeWords(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const surplus = bytes.length % 4;
  if (surplus === 0) return bytes;
  const padded = new Uint8Array(bytes.length + 4 - surplus);
  padded.set(bytes);
  return padded;
}
