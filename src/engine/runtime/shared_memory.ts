/**
 * Shared memory for libraries that only take plain memory.
 *
 * @module
 */

import type { TensorData } from "../tensor/tensor.ts";

/** Plain buffers over shared ones; a shared one lives as long as a tensor on it does. */
const aliases = new WeakMap<SharedArrayBuffer, ArrayBuffer>();

/**
 * Returns a view of the same elements as `data` whose buffer is an `ArrayBuffer`, even if that of `data` is
 * shared. (Node-API has no shared buffers; the same addresses behind a plain one are welcome.)
 */
export function plainView(data: TensorData): ArrayBufferView {
  const { buffer, byteOffset, length } = data;
  if (!(buffer instanceof SharedArrayBuffer)) return data;
  const View = data.constructor as new (
    buffer: ArrayBuffer,
    byteOffset: number,
    length: number,
  ) => ArrayBufferView;
  return new View(alias(buffer), byteOffset, length);
}

function alias(shared: SharedArrayBuffer): ArrayBuffer {
  let plain = aliases.get(shared);
  if (plain === undefined) {
    const pointer = Deno.UnsafePointer.of(
      new Uint8Array(shared) as unknown as Uint8Array<ArrayBuffer>,
    );
    plain = pointer === null
      ? new ArrayBuffer(0)
      : Deno.UnsafePointerView.getArrayBuffer(pointer, shared.byteLength);
    aliases.set(shared, plain);
  }
  return plain;
}
