import assert from "node:assert/strict";
import fc from "fast-check";
import { generate, type GenerateRequest } from "../../../src/inference/generation/generate.ts";
import type { GenerationEvent } from "../../../src/inference/generation/generation.ts";
import { NEUTRAL_SAMPLING } from "../../../src/inference/generation/sampling.ts";
import { score } from "../../../src/inference/generation/score.ts";
import { logSumExp } from "../../../src/inference/generation/token_logprobs.ts";
import { createToyDecoder, createToyTokenizer, EOS, SONG, toyLogits } from "../toy_model.ts";

const GREEDY = { ...NEUTRAL_SAMPLING, temperature: 0 };
const tokenizer = createToyTokenizer();

function request(prompt: string, options: Partial<GenerateRequest> = {}): GenerateRequest {
  const promptIds = tokenizer.encode(prompt);
  return { promptIds, sampling: GREEDY, seed: 1, eosTokenIds: [EOS], ...options };
}

interface Result {
  readonly text: string;
  readonly ids: readonly number[];
  readonly end: GenerationEvent & { readonly type: "end" };
}

async function collect(events: AsyncIterable<GenerationEvent>): Promise<Result> {
  let text = "";
  const ids: number[] = [];
  for await (const event of events) {
    if (event.type === "output") {
      text += event.text;
      ids.push(...event.tokens.map(({ id }) => id));
    } else if (event.type === "end") return { text, ids, end: event };
  }
  assert.fail("the last event is the end");
}

Deno.test("generate() goes on until the end token, which is counted but not shown", async () => {
  const decoder = createToyDecoder();
  const { text, ids, end } = await collect(generate(decoder, tokenizer, request("w x")));
  assert.equal(text, "yzö!");
  assert.deepEqual(ids, tokenizer.encode("yzö!"));
  assert.deepEqual(end, {
    type: "end",
    reason: "stop",
    generatedTokens: 6,
    eosToken: { id: EOS, offset: 4 },
  });
  assert.deepEqual(decoder.calls, [[3], [1], [1], [1], [1], [1]]);
  assert.equal(decoder.openSequences, 0);
});

Deno.test("generate() never splits a character", async () => {
  for await (const event of generate(createToyDecoder(), tokenizer, request("x"))) {
    if (event.type === "output") assert.doesNotMatch(event.text, /\uFFFD/);
  }
});

Deno.test("generate() ends at the token limit with reason length", async () => {
  const { text, end } = await collect(
    generate(createToyDecoder(), tokenizer, request(" ", { maxTokens: 3 })),
  );
  assert.equal(text, "abc");
  assert.deepEqual(end, { type: "end", reason: "length", generatedTokens: 3 });
});

Deno.test("generate() ends where the context is full with reason length", async () => {
  const decoder = createToyDecoder({ maxPositions: 8 });
  const { text, end } = await collect(generate(decoder, tokenizer, request("hi a")));
  assert.deepEqual([text, end.reason], ["bcde", "length"]);
});

Deno.test("generate() computes nothing for no tokens", async () => {
  const decoder = createToyDecoder();
  const { text, end } = await collect(generate(decoder, tokenizer, request("a", { maxTokens: 0 })));
  assert.deepEqual([text, end.reason, decoder.calls], ["", "length", []]);
});

Deno.test("generate() refuses an empty prompt and one longer than the context", async () => {
  const decoder = createToyDecoder({ maxPositions: 2 });
  await assert.rejects(collect(generate(decoder, tokenizer, request(""))), RangeError);
  await assert.rejects(collect(generate(decoder, tokenizer, request("abc"))), RangeError);
});

Deno.test("generate() ends with the reason of its signal and closes the sequence", async () => {
  const controller = new AbortController();
  const decoder = createToyDecoder();
  const events = generate(decoder, tokenizer, request("a", { signal: controller.signal }));
  await assert.rejects(async () => {
    for await (const _ of events) controller.abort(new TypeError("enough"));
  }, TypeError);
  assert.equal(decoder.openSequences, 0);
});

Deno.test("generate() cuts at any stop string as if the whole text were there", async () => {
  await fc.assert(fc.asyncProperty(
    fc.array(fc.tuple(fc.nat({ max: SONG.length - 1 }), fc.integer({ min: 1, max: 4 })), {
      maxLength: 3,
    }),
    async (cuts) => {
      const stop = cuts.map(([at, length]) => SONG.slice(at, at + length));
      const { text, ids, end } = await collect(
        generate(createToyDecoder(), tokenizer, request(" ", { stop })),
      );
      const ends = cuts.map(([at], i) => ({ at, end: at + stop[i]!.length }));
      ends.sort((a, b) => a.end - b.end || a.at - b.at);
      assert.equal(text, SONG.slice(0, ends[0]?.at));
      assert.equal(end.reason, "stop");
      assert.equal(tokenizer.decode(ids), text, "the tokens shown are those of the text");
    },
  ));
});

Deno.test("generate() draws the same for the same seed, else another text", async () => {
  const draw = (seed: number) =>
    collect(
      generate(
        createToyDecoder(),
        tokenizer,
        request("a", {
          seed,
          maxTokens: 30,
          eosTokenIds: [],
          sampling: { ...NEUTRAL_SAMPLING, temperature: 2 },
        }),
      ),
    );
  const [first, again, other] = await Promise.all([draw(1), draw(1), draw(2)]);
  assert.deepEqual(first.ids, again.ids);
  assert.notDeepEqual(first.ids, other.ids);
});

Deno.test("generate() reports the model's log-probabilities, whatever the temperature", async () => {
  const events = await Array.fromAsync(
    generate(createToyDecoder(), tokenizer, request("a", { maxTokens: 1, topLogprobs: 3 })),
  );
  const [token] = events.flatMap((event) => event.type === "output" ? event.tokens : []);
  const logits = toyLogits(0x61);
  const logSum = Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit), 0));
  assert.equal(token!.logprobs!.id, 0x62);
  assert.ok(Math.abs(token!.logprobs!.logprob - (4 - logSum)) < 1e-9);
  const sorted = [...logits].sort((a, b) => b - a).slice(0, 3);
  assert.deepEqual(
    token!.logprobs!.top.map(({ id, logprob }) => [logits[id], logprob]),
    sorted.map((logit) => [logit, logit - logSumExp(logits)]),
  );
});

Deno.test("generate() without a tokenizer gives the tokens alone", async () => {
  const { text, ids } = await collect(generate(createToyDecoder(), undefined, request("x")));
  assert.deepEqual([text, ids], ["", tokenizer.encode("yzö!")]);
});

Deno.test("score() gives each token's log-probability after those before it", async () => {
  const ids = tokenizer.encode("abd");
  const scores = await score(createToyDecoder(), ids, { topLogprobs: 1 });
  const expected = (before: number, id: number) =>
    toyLogits(before)[id]! - logSumExp(toyLogits(before));
  assert.deepEqual(scores.map((one) => one?.logprob), [
    undefined,
    expected(0x61, 0x62),
    expected(0x62, 0x64),
  ]);
  assert.deepEqual(scores[2]!.top, [{ id: 0x63, logprob: expected(0x62, 0x63) }]);
});
