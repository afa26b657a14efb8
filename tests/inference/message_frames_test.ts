import assert from "node:assert/strict";
import { decodeFrames, encodeFrame } from "../../src/inference/message_frames.ts";

const MESSAGES = [
  { type: "event", logprob: -Infinity, text: "é\ud800日", none: undefined },
  [],
  { ids: Array.from({ length: 300 }, (_, i) => i), nothing: NaN, zero: -0 },
  "end",
];

/** A stream that brings `bytes` in pieces that end at `cuts`. */
function streamOf(bytes: Uint8Array, cuts: readonly number[]): ReadableStream<Uint8Array> {
  const ends = [...cuts, bytes.length];
  return ReadableStream.from(ends.map((end, i) => bytes.subarray(ends[i - 1] ?? 0, end)));
}

const joined = (frames: readonly Uint8Array[]) =>
  new Uint8Array(frames.flatMap((each) => Array.from(each)));

Deno.test("decodeFrames() gives what encodeFrame() was given, wherever the stream is cut", async () => {
  const bytes = joined(MESSAGES.map(encodeFrame));
  for (let cut = 0; cut < bytes.length; cut++) {
    const stream = streamOf(bytes, [cut, Math.min(cut + 3, bytes.length)]);
    assert.deepStrictEqual(await Array.fromAsync(decodeFrames(stream)), MESSAGES, `cut at ${cut}`);
  }
});

Deno.test("decodeFrames() drops a message whose end is missing", async () => {
  const bytes = joined(MESSAGES.map(encodeFrame));
  const messages = await Array.fromAsync(decodeFrames(streamOf(bytes.subarray(0, -1), [])));
  assert.deepStrictEqual(messages, MESSAGES.slice(0, -1));
});

Deno.test("decodeFrames() gives long messages, and arrays that later ones leave alone", async () => {
  const messages = [new Float32Array(50_000).fill(1), "x".repeat(300_000), new Float32Array(9)];
  const bytes = joined(messages.map(encodeFrame));
  const cuts = Array.from({ length: Math.floor(bytes.length / 7000) }, (_, i) => (i + 1) * 7000);
  assert.deepStrictEqual(await Array.fromAsync(decodeFrames(streamOf(bytes, cuts))), messages);
});
