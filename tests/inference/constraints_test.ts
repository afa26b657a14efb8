import assert from "node:assert/strict";
import { compileConstraint } from "../../src/inference/constraints.ts";
import { createLocalService } from "../../src/inference/local_service.ts";
import type { CompletionRequest } from "../../src/inference/service.ts";
import { createToyModel, createToyTokenizer, EOS, VOCAB_SIZE } from "./toy_model.ts";

const tokenizer = createToyTokenizer();
const context = {
  tokenizer,
  eosTokenIds: [EOS],
  vocabSize: VOCAB_SIZE,
  maxTokens: 100,
  tokenBytes: () => assert.fail("choices are compared by tokens"),
};

async function textsOf(request: Partial<CompletionRequest>): Promise<string[]> {
  await using service = createLocalService(createToyModel());
  const { events } = await service.submit({
    prompts: [{ kind: "text", text: "a" }],
    maxTokens: 20,
    ...request,
  });
  const texts: string[] = Array.from({ length: request.n ?? 1 }, () => "");
  for await (const event of events) if (event.type === "output") texts[event.index] += event.text;
  return texts;
}

Deno.test("compileConstraint() of choices lets through what one of them goes on with, then an end", () => {
  const choices = ["yes", "yesterday", "no"];
  const { mask, accept } = compileConstraint({ kind: "choice", choices }, context);
  const allowed = (): string => {
    const logits = new Float32Array(VOCAB_SIZE);
    mask(logits);
    const ids = [...logits.keys()].filter((id) => logits[id] === 0);
    return ids.map((id) => id === EOS ? "." : String.fromCharCode(id)).join("");
  };
  assert.equal(allowed(), "ny");
  for (const letter of "yes") accept(letter.charCodeAt(0));
  assert.equal(allowed(), "t.");
  accept(EOS);
  assert.equal(allowed(), ".");
  assert.throws(() => compileConstraint({ kind: "choice", choices: [] }, context), {
    code: "invalid_constraint",
  });
  assert.throws(
    () => compileConstraint({ kind: "choice", choices }, { ...context, tokenizer: undefined }),
    { code: "no_tokenizer" },
  );
});

Deno.test("a service holds each of several texts to its constraint, whatever the temperature", async () => {
  const choices = ["red", "green", "grey"];
  const texts = await textsOf({
    n: 12,
    seed: 3,
    sampling: { temperature: 2 },
    constraint: { kind: "choice", choices },
  });
  for (const text of texts) assert.ok(choices.includes(text), text);
  assert.ok(new Set(texts).size > 1);
});

Deno.test("a service adds biases to logits, and refuses tokens that do not exist", async () => {
  const sampling = { temperature: 0 };
  assert.deepEqual(await textsOf({ sampling, maxTokens: 3 }), ["bcd"]);
  const logitBias = [{ id: "c".charCodeAt(0), bias: -100 }, { id: "x".charCodeAt(0), bias: 50 }];
  assert.deepEqual(await textsOf({ sampling, maxTokens: 3, logitBias }), ["xxx"]);
  await assert.rejects(textsOf({ logitBias: [{ id: 1000, bias: 1 }] }), {
    code: "invalid_constraint",
  });
  await assert.rejects(textsOf({ adapter: "polite" }), { code: "unknown_adapter" });
});
