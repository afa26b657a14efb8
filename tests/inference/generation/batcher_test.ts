import assert from "node:assert/strict";
import { createBatcher } from "../../../src/inference/generation/batcher.ts";
import type { GenerateRequest } from "../../../src/inference/generation/generate.ts";
import { generate } from "../../../src/inference/generation/generate.ts";
import type { GenerationEvent } from "../../../src/inference/generation/generation.ts";
import { NEUTRAL_SAMPLING } from "../../../src/inference/generation/sampling.ts";
import { createToyDecoder, createToyTokenizer, EOS } from "../toy_model.ts";

const tokenizer = createToyTokenizer();

function request(prompt: string, options: Partial<GenerateRequest> = {}): GenerateRequest {
  return {
    promptIds: tokenizer.encode(prompt),
    sampling: { ...NEUTRAL_SAMPLING, temperature: 1.5 },
    seed: prompt.length,
    maxTokens: 12,
    eosTokenIds: [EOS],
    ...options,
  };
}

function idsOf(events: readonly GenerationEvent[]): number[] {
  return events.flatMap((event) => event.type === "output" ? event.tokens : []).map(({ id }) => id);
}

Deno.test("createBatcher() generates what each request alone would", async () => {
  const requests = ["a", "bc", "def", "ghij", "klmno"].map((prompt) => request(prompt));
  const batcher = createBatcher(createToyDecoder(), tokenizer, { maxRunning: 3 });
  const batched = await Promise.all(requests.map((one) => Array.fromAsync(batcher.submit(one))));
  for (const [i, one] of requests.entries()) {
    const alone = await Array.fromAsync(generate(createToyDecoder(), tokenizer, one));
    assert.deepEqual(batched[i], alone);
  }
});

Deno.test("createBatcher() extends all running sequences in one call", async () => {
  const decoder = createToyDecoder();
  const batcher = createBatcher(decoder, tokenizer);
  const greedy = { sampling: { ...NEUTRAL_SAMPLING, temperature: 0 }, maxTokens: 3 };
  const outputs = [request("ab", greedy), request("bc", greedy)].map((one) => batcher.submit(one));
  assert.equal(batcher.waiting, 2);
  const texts = await Promise.all(outputs.map((output) => Array.fromAsync(output)));
  assert.deepEqual(texts.map(idsOf), ["cde", "def"].map((text) => tokenizer.encode(text)));
  assert.deepEqual(decoder.calls, [[2, 2], [1, 1], [1, 1]]);
  assert.equal(decoder.openSequences, 0);
});

Deno.test("createBatcher() calls a sequence off when its reader leaves or its signal fires", async () => {
  const decoder = createToyDecoder();
  const batcher = createBatcher(decoder, tokenizer, { maxRunning: 2 });
  const controller = new AbortController();
  const endless = { eosTokenIds: [], maxTokens: 200 };
  const left = batcher.submit(request("a", endless));
  const aborted = batcher.submit(request("b", { ...endless, signal: controller.signal }));
  const waiting = batcher.submit(request("c", { ...endless, signal: controller.signal }));
  const last = batcher.submit(request("d"));
  for await (const _ of left) break;
  controller.abort(new TypeError("enough"));
  await assert.rejects(Array.fromAsync(aborted), TypeError);
  await assert.rejects(Array.fromAsync(waiting), TypeError);
  assert.equal((await Array.fromAsync(last)).at(-1)?.type, "end");
  assert.deepEqual([batcher.running, batcher.waiting, decoder.openSequences], [0, 0, 0]);
});

Deno.test("createBatcher() fails the sequences of a failed call and goes on with the next", async () => {
  let fails = true;
  const decoder = createToyDecoder({
    beforeExtend() {
      if (fails) throw new Error("out of memory");
    },
  });
  const batcher = createBatcher(decoder, tokenizer);
  await assert.rejects(Array.fromAsync(batcher.submit(request("a"))), /out of memory/);
  fails = false;
  assert.equal((await Array.fromAsync(batcher.submit(request("a")))).at(-1)?.type, "end");
  assert.equal(decoder.openSequences, 0);
});
