/**
 * What a request generates does not depend on what runs beside it, nor on how its tokens come to be read.
 */

import assert from "node:assert/strict";
import { type BatcherOptions, createBatcher } from "../../../src/inference/generation/batcher.ts";
import type { Decoder } from "../../../src/inference/generation/decoder.ts";
import { generate, type GenerateRequest } from "../../../src/inference/generation/generate.ts";
import type { GenerationEvent } from "../../../src/inference/generation/generation.ts";
import { openModelDecoder } from "../../../src/inference/generation/model_decoder.ts";
import { NEUTRAL_SAMPLING } from "../../../src/inference/generation/sampling.ts";
import { AVAILABLE_DEVICES } from "../../available_devices.ts";
import { readModel } from "../../models/golden_models.ts";
import { testWithData } from "../../shared_data.ts";

const GREEDY = { ...NEUTRAL_SAMPLING, temperature: 0 };
const SAMPLED = { ...NEUTRAL_SAMPLING, temperature: 0.9, topK: 20 };

/** Ids of a text that is not random, so that parts of it occur again. */
function ids(length: number, start = 0): number[] {
  return Array.from({ length }, (_, i) => 10 + ((start + i) * 7 % 23) * 11);
}

const request = (promptIds: number[], options: Partial<GenerateRequest> = {}): GenerateRequest => ({
  promptIds,
  sampling: GREEDY,
  seed: promptIds.length,
  maxTokens: 24,
  eosTokenIds: [],
  ...options,
});

const SHARED = ids(100);
const REQUESTS: readonly GenerateRequest[] = [
  request([1]),
  request(ids(3)),
  request(ids(40, 5)),
  request([...SHARED, 17, 19]),
  request([...SHARED, 17, 19, 40, 41]),
  request([...SHARED, 17, 19, 40, 41, 42], { sampling: SAMPLED }),
  request(ids(70, 3), { maxTokens: 64 }),
  request(ids(5), { sampling: SAMPLED, seed: 5 }),
  request(ids(12, 9), { scorePrompt: true, maxTokens: 5 }),
];

const COMPOSITIONS: Readonly<Record<string, BatcherOptions>> = {
  "all at once": {},
  "three at once, prompts in pieces of 8": { maxRunning: 3, prefillTokens: 8 },
  "no prefix cache": { prefixBytes: 0, prefillTokens: 16 },
  "guesses, one at a time": { maxRunning: 1, maxDrafts: 4 },
  "guesses from texts of others": { maxRunning: 2, maxDrafts: 8 },
  "a cache of 240 tokens": { cacheBytes: 240 },
};

async function textOf(events: AsyncIterable<GenerationEvent>): Promise<number[]> {
  const made: number[] = [];
  for await (const event of events) {
    if (event.type === "output") made.push(...event.tokens.map(({ id }) => id));
  }
  return made;
}

/** Submits some of the requests later, when others run. */
async function together(
  decoder: Decoder,
  { requests, options }: {
    readonly requests: readonly GenerateRequest[];
    readonly options: BatcherOptions;
  },
) {
  const cacheBytes = (options.cacheBytes ?? Infinity) * (decoder.memory?.bytesPerToken ?? 0);
  const batcher = createBatcher(decoder, undefined, {
    ...options,
    ...options.cacheBytes !== undefined && { cacheBytes },
  });
  const made = requests.map(async (request, i) => {
    if (i % 3 === 1) {
      // Begins when another one has given its first token.
      const other = batcher.submit({ ...requests[i - 1]!, maxTokens: 2 });
      for await (const event of other) if (event.type === "output") break;
    }
    return await textOf(batcher.submit(request));
  });
  return { made: await Promise.all(made), counts: batcher.counts };
}

for (const device of AVAILABLE_DEVICES) {
  testWithData(
    `createBatcher() on ${device} generates what each request alone would, in any composition`,
    { data: "models/TinyStories-656K" },
    async (folder) => {
      const { model, weights } = await readModel(folder);
      await using decoder = await openModelDecoder(model, { device, threads: 2, weights });
      // In software, WebGPU would take minutes.
      const requests = device === "webgpu" ? REQUESTS.slice(0, 3) : REQUESTS;
      const alone: number[][] = [];
      for (const one of requests) alone.push(await textOf(generate(decoder, undefined, one)));
      const compositions = device === "webgpu" ? ["all at once"] : Object.keys(COMPOSITIONS);
      for (const name of compositions) {
        const { made, counts } = await together(decoder, {
          requests,
          options: COMPOSITIONS[name]!,
        });
        for (const [i, one] of made.entries()) assert.deepEqual(one, alone[i], `${name}: ${i}`);
        if (device === "webgpu") continue;
        if (name === "no prefix cache") assert.equal(counts.cachedTokens, 0);
        else assert.ok(counts.cachedTokens >= 2 * 96, `${name}: ${counts.cachedTokens}`);
        if (name.startsWith("guesses")) assert.ok(counts.acceptedTokens > 0);
        if (name.startsWith("a cache")) {
          assert.ok(counts.preemptions > 0);
          assert.ok(
            counts.cacheBytes <= 240 * decoder.memory!.bytesPerToken,
            `${counts.cacheBytes}`,
          );
        }
      }
    },
  );
}
