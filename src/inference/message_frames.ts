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
  let buffer = new Uint8Array(2 ** 16);
  let [start, end] = [0, 0];
  for await (const chunk of chunksOf(stream)) {
    if (end + chunk.length > buffer.length) {
      const rest = buffer.subarray(start, end);
      // Twice as large each time, so that a long message is not copied once for each of its pieces
      if (rest.length + chunk.length > buffer.length) {
        buffer = new Uint8Array(2 * (rest.length + chunk.length));
      }
      buffer.set(rest);
      [start, end] = [0, rest.length];
    }
    buffer.set(chunk, end);
    end += chunk.length;
    while (end - start >= LENGTH_BYTES) {
      const valueStart = start + LENGTH_BYTES;
      const valueEnd = valueStart + new DataView(buffer.buffer, start).getUint32(0);
      if (valueEnd > end) break;
      start = valueEnd;
      yield deserialize(buffer.slice(valueStart, valueEnd)); // arrays of a value may be views of its bytes
    }
  }
}

/**
 * Gives what comes in, each piece until the next is asked for. A pipe is read into the same memory again and again: by
 * itself it takes 64 KiB for each piece, and hundreds of megabytes before they are collected.
 */
async function* chunksOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  let reader: ReadableStreamBYOBReader;
  try {
    reader = stream.getReader({ mode: "byob" });
  } catch {
    yield* stream; // not a stream of bytes
    return;
  }
  let memory = new ArrayBuffer(2 ** 16);
  while (true) {
    const { value, done } = await reader.read(new Uint8Array(memory));
    if (done) return;
    yield value;
    memory = value.buffer as ArrayBuffer;
  }
}
