/** Texts and embeddings share a decoder: what one of them opens must not disturb what the other has running. */

import assert from "node:assert/strict";
import { initialWeights } from "../../../src/core/training/initialize.ts";
import type { Decoder, DecoderSequence } from "../../../src/inference/generation/decoder.ts";
import { openModelDecoder } from "../../../src/inference/generation/model_decoder.ts";
import { createModel } from "../../../src/models/architectures.ts";
import { AVAILABLE_DEVICES } from "../../available_devices.ts";
import { TINY_CONFIG } from "../../e2e/tiny_model.ts";

const MODEL = createModel({ ...TINY_CONFIG, hidden_size: 32 });

async function open(device: typeof AVAILABLE_DEVICES[number]): Promise<Decoder> {
  const weights = [...initialWeights(MODEL, 3)].map(({ name, tensor }) => [name, tensor] as const);
  return await openModelDecoder(MODEL, { device, threads: 2, weights: new Map(weights) });
}

/** Reads tokens one after the other and returns the last logits; `disturb` is called while each run waits. */
async function lastLogits(
  decoder: Decoder,
  sequence: DecoderSequence,
  disturb: (step: number) => void = () => {},
): Promise<number[]> {
  let logits: Float32Array | undefined;
  for (let step = 0; step < 40; step++) {
    const ids = step === 0 ? [1, 2, 3, 4, 5] : [step % 60];
    const run = decoder.extend([{ sequence, ids }]);
    await Promise.resolve(); // the run has begun, and waits for its turn
    disturb(step);
    [logits] = await run;
  }
  return [...logits!];
}

for (const device of AVAILABLE_DEVICES) {
  Deno.test(`Decoder.open() while a run waits on ${device} takes nothing from it`, async () => {
    await using decoder = await open(device);
    using alone = decoder.open();
    const expected = await lastLogits(decoder, alone);
    await using other = await open(device);
    const opened: DecoderSequence[] = [];
    using disturbed = other.open();
    const made = await lastLogits(other, disturbed, (step) => {
      if (step % 3 === 0) opened.push(other.open());
      if (step % 7 === 6) {
        opened.shift()?.[Symbol.dispose]();
        other.memory?.compact(1);
      }
    });
    assert.deepEqual(made, expected);
    for (const sequence of opened) sequence[Symbol.dispose]();
  });

  Deno.test(`a sequence that is closed during its run on ${device} harms none in its place`, async () => {
    await using decoder = await open(device);
    const { memory } = decoder;
    if (memory === undefined) return; // nothing can be appended there
    using whole = decoder.open();
    await decoder.extend([{ sequence: whole, ids: Array.from({ length: 48 }, (_, i) => i) }]);
    const block = memory.read(whole, { start: 0, end: 48 });
    const next = [{ sequence: whole, ids: [7, 8] }];
    const expected = [...(await decoder.extend(next))[0]!];
    for (
      const wait of [() => Promise.resolve(), () => new Promise((done) => setTimeout(done, 0))]
    ) {
      const closed = decoder.open();
      await decoder.extend([{ sequence: closed, ids: [1, 2, 3] }]);
      const run = decoder.extend([{ sequence: closed, ids: [4, 5, 6, 7, 8, 9, 10] }]);
      await wait();
      closed[Symbol.dispose]();
      using taking = decoder.open();
      memory.append(taking, block);
      await run.catch(() => {});
      const [logits] = await decoder.extend([{ sequence: taking, ids: [7, 8] }]);
      for (const [i, value] of expected.entries()) {
        assert.ok(Math.abs(logits![i]! - value) < 1e-6, `${i}: ${logits![i]}, not ${value}`);
      }
    }
  });
}
