/**
 * Messages in a stream of bytes: what a pipe between two processes carries. Each is the length of what follows, as four
 * bytes, and a value as `structuredClone` understands it, so that a process hears what a thread would.
 *
 * @module
 */

import { deserialize, serialize } from "node:v8";

const LENGTH_BYTES = 4;

/** Returns the bytes of a message. */
export function encodeFrame(message: unknown): Uint8Array {
  const value = serialize(message);
  const frame = new Uint8Array(LENGTH_BYTES + value.length);
  new DataView(frame.buffer).setUint32(0, value.length);
  frame.set(value, LENGTH_BYTES);
  return frame;
}

/** Gives the messages of a stream, until it ends; a part of a message at its end is dropped. */
export async function* decodeFrames(stream: ReadableStream<Uint8Array>): AsyncGenerator<unknown> {
  let rest = new Uint8Array();
  for await (const chunk of stream) {
    rest = rest.length === 0 ? new Uint8Array(chunk) : joined(rest, chunk);
    for (;;) {
      if (rest.length < LENGTH_BYTES) break;
      const length = new DataView(rest.buffer, rest.byteOffset).getUint32(0);
      if (rest.length < LENGTH_BYTES + length) break;
      yield deserialize(rest.subarray(LENGTH_BYTES, LENGTH_BYTES + length));
      rest = rest.subarray(LENGTH_BYTES + length);
    }
  }
}

function joined(first: Uint8Array, second: Uint8Array): Uint8Array<ArrayBuffer> {
  const both = new Uint8Array(first.length + second.length);
  both.set(first);
  both.set(second, first.length);
  return both;
}
