import assert from "node:assert/strict";
import OpenAI from "openai";
import { logSumExp } from "../../src/inference/generation/token_logprobs.ts";
import { createToyTokenizer, SONG, toyLogits } from "./toy_model.ts";
import { startToyServer } from "./toy_server.ts";

const tokenizer = createToyTokenizer();
const GREEDY = { model: "toy", temperature: 0 } as const;

/** The log-probability of byte `after` after byte `before`. */
function logprob(before: string, after: string): number {
  const logits = toyLogits(before.charCodeAt(0));
  return logits[after.charCodeAt(0)]! - logSumExp(logits);
}

Deno.test("/v1/models lists and describes the model", async () => {
  await using server = startToyServer();
  const { data } = await server.client.models.list();
  assert.deepEqual(data.map(({ id, object }) => [id, object]), [["toy", "model"]]);
  assert.equal((await server.client.models.retrieve("toy")).id, "toy");
  await assert.rejects(server.client.models.retrieve("owner/other"), OpenAI.NotFoundError);
});

Deno.test("/health says which model runs where and why", async () => {
  await using server = startToyServer();
  const response = await fetch(`${server.url}/health`);
  assert.equal(response.status, 200);
  assert.deepEqual(await response.json(), {
    status: "ok",
    model: "toy",
    device: "wasm",
    device_reason: "it is a toy",
  });
});

Deno.test("/openapi.json describes every route and field", async () => {
  await using server = startToyServer();
  const description = await (await fetch(`${server.url}/openapi.json`)).json();
  assert.equal(description.openapi, "3.1.0");
  assert.deepEqual(Object.keys(description.paths).sort(), [
    "/apply-template",
    "/detokenize",
    "/health",
    "/metrics",
    "/ready",
    "/tokenize",
    "/v1/chat/completions",
    "/v1/completions",
    "/v1/embeddings",
    "/v1/models",
    "/v1/models/{id}",
    "/v1/responses",
  ]);
  const fields = description.components.schemas.CompletionRequest.properties;
  for (const field of ["prompt", "max_tokens", "min_p", "echo", "seed"]) assert.ok(fields[field]);
});

Deno.test("/v1/completions goes on from a text", async () => {
  await using server = startToyServer();
  const completion = await server.client.completions.create({
    ...GREEDY,
    prompt: "go on: w",
    max_tokens: 100,
  });
  assert.deepEqual(completion.choices, [
    { index: 0, text: "xyzö!", logprobs: null, finish_reason: "stop" },
  ]);
  assert.deepEqual(completion.usage, {
    prompt_tokens: 8,
    completion_tokens: 7,
    total_tokens: 15,
  });
  assert.deepEqual([completion.object, completion.model], ["text_completion", "toy"]);
});

Deno.test("/v1/completions generates 16 tokens unless told otherwise", async () => {
  await using server = startToyServer();
  const { choices } = await server.client.completions.create({ ...GREEDY, prompt: " " });
  assert.deepEqual([choices[0]!.text, choices[0]!.finish_reason], [SONG.slice(0, 16), "length"]);
});

Deno.test("/v1/completions streams the text that it gives at once", async () => {
  await using server = startToyServer();
  const request = { ...GREEDY, prompt: "! ", max_tokens: 100, echo: true } as const;
  const stream = await server.client.completions.create({
    ...request,
    stream: true,
    stream_options: { include_usage: true },
  });
  let text = "";
  const reasons: unknown[] = [];
  const usages: unknown[] = [];
  for await (const { choices, usage } of stream) {
    assert.doesNotMatch(choices[0]?.text ?? "", /\uFFFD/);
    text += choices[0]?.text ?? "";
    reasons.push(...choices.map((choice) => choice.finish_reason).filter((one) => one !== null));
    if (usage) usages.push(usage);
  }
  const whole = await server.client.completions.create(request);
  assert.equal(text, `! ${SONG}`);
  assert.equal(whole.choices[0]!.text, text);
  assert.deepEqual([reasons, usages], [["stop"], [whole.usage]]);
});

Deno.test("/v1/completions takes texts, token ids and arrays of either, n times", async () => {
  await using server = startToyServer();
  const prompts = {
    text: "x",
    texts: ["x", "hy"],
    ids: tokenizer.encode("x"),
    idArrays: [tokenizer.encode("x"), tokenizer.encode("hy")],
  };
  const texts = async (prompt: string | string[] | number[] | number[][]) => {
    const completion = await server.client.completions.create({ ...GREEDY, prompt, n: 2 });
    assert.deepEqual(completion.choices.map(({ index }) => index), [
      ...completion.choices.keys(),
    ]);
    return completion.choices.map(({ text }) => text);
  };
  assert.deepEqual(await texts(prompts.text), ["yzö!", "yzö!"]);
  assert.deepEqual(await texts(prompts.ids), ["yzö!", "yzö!"]);
  assert.deepEqual(await texts(prompts.texts), ["yzö!", "yzö!", "zö!", "zö!"]);
  assert.deepEqual(await texts(prompts.idArrays), ["yzö!", "yzö!", "zö!", "zö!"]);
});

Deno.test("/v1/completions ends at stop strings, streaming or not", async () => {
  await using server = startToyServer();
  const request = { ...GREEDY, prompt: " ", max_tokens: 100, stop: ["zz", "hij", "ij"] };
  const whole = await server.client.completions.create(request);
  assert.deepEqual(
    [whole.choices[0]!.text, whole.choices[0]!.finish_reason],
    ["abcdefg", "stop"],
  );
  let text = "";
  for await (
    const { choices } of await server.client.completions.create({ ...request, stream: true })
  ) {
    text += choices[0]!.text;
  }
  assert.equal(text, "abcdefg");
});

Deno.test("/v1/completions draws the same for the same seed", async () => {
  await using server = startToyServer();
  const draw = async (seed: number) =>
    (await server.client.completions.create({
      model: "toy",
      prompt: "a",
      temperature: 1.9,
      max_tokens: 40,
      seed,
      n: 2,
    })).choices.map(({ text }) => text);
  const [first, again, other] = await Promise.all([draw(7), draw(7), draw(8)]);
  assert.deepEqual(first, again);
  assert.notDeepEqual(first, other);
  assert.notEqual(first[0], first[1], "choices differ");
});

Deno.test("/v1/completions with echo, logprobs and no tokens scores the prompt", async () => {
  await using server = startToyServer();
  const { choices } = await server.client.completions.create({
    ...GREEDY,
    prompt: [tokenizer.encode("abd"), tokenizer.encode("yz")],
    max_tokens: 0,
    echo: true,
    logprobs: 1,
  });
  const [first, second] = choices.map((choice) => choice.logprobs!);
  assert.deepEqual(choices.map(({ text }) => text), ["abd", "yz"]);
  assert.deepEqual(first!.tokens, ["a", "b", "d"]);
  assert.deepEqual(first!.text_offset, [0, 1, 2]);
  assert.deepEqual(first!.token_logprobs, [null, logprob("a", "b"), logprob("b", "d")]);
  assert.deepEqual(first!.top_logprobs as unknown, [
    null,
    { b: logprob("a", "b") },
    { c: logprob("b", "c"), d: logprob("b", "d") },
  ]);
  assert.deepEqual(second!.token_logprobs, [null, logprob("y", "z")]);
});

Deno.test("/v1/completions with echo and logprobs scores prompt and text", async () => {
  await using server = startToyServer();
  const request = { ...GREEDY, prompt: "ab", max_tokens: 2, echo: true, logprobs: 0 } as const;
  const { choices } = await server.client.completions.create(request);
  const logprobs = choices[0]!.logprobs!;
  assert.equal(choices[0]!.text, "abcd");
  assert.deepEqual(logprobs.tokens, ["a", "b", "c", "d"]);
  assert.deepEqual(logprobs.text_offset, [0, 1, 2, 3]);
  assert.deepEqual(logprobs.token_logprobs, [
    null,
    logprob("a", "b"),
    logprob("b", "c"),
    logprob("c", "d"),
  ]);
  const streamed: string[] = [];
  let text = "";
  for await (const chunk of await server.client.completions.create({ ...request, stream: true })) {
    streamed.push(...chunk.choices[0]?.logprobs?.tokens ?? []);
    text += chunk.choices[0]?.text;
  }
  assert.deepEqual([text, streamed], ["abcd", logprobs.tokens]);
});

Deno.test("/v1/completions gives token ids on request", async () => {
  await using server = startToyServer({ model: { tokenizer: null } });
  const completion = await server.client.completions.create({
    ...GREEDY,
    prompt: tokenizer.encode("x"),
    ...{ return_token_ids: true },
  });
  const choice: unknown = completion.choices[0];
  assert.deepEqual(choice, {
    index: 0,
    text: "",
    logprobs: null,
    finish_reason: "stop",
    token_ids: tokenizer.encode("yzö!"),
    prompt_token_ids: [0x78],
  });
});

Deno.test("/v1/chat/completions gives the assistant's turn", async () => {
  await using server = startToyServer();
  const completion = await server.client.chat.completions.create({
    ...GREEDY,
    messages: [
      { role: "system", content: "Sing." },
      { role: "user", content: [{ type: "text", text: "The " }, { type: "text", text: "song" }] },
    ],
  });
  const { message, finish_reason } = completion.choices[0]!;
  assert.deepEqual(message, { role: "assistant", content: SONG, refusal: null });
  assert.equal(finish_reason, "stop");
  const prompt = "system: Sing.\nuser: The song\nassistant: ";
  assert.equal(completion.usage!.prompt_tokens, prompt.length);
});

Deno.test("/v1/chat/completions streams what it gives at once", async () => {
  await using server = startToyServer();
  const runner = server.client.chat.completions.stream({
    ...GREEDY,
    messages: [{ role: "user", content: "hi" }],
    max_completion_tokens: 5,
    n: 2,
    stream_options: { include_usage: true },
  });
  const completion = await runner.finalChatCompletion();
  assert.deepEqual(
    completion.choices.map(({ message, finish_reason }) => [message.content, finish_reason]),
    [["abcde", "length"], ["abcde", "length"]],
  );
  assert.equal(completion.usage!.completion_tokens, 10);
});

Deno.test("/v1/chat/completions reports log-probabilities", async () => {
  await using server = startToyServer();
  const { choices } = await server.client.chat.completions.create({
    ...GREEDY,
    messages: [{ role: "user", content: "hi" }],
    max_tokens: 2,
    logprobs: true,
    top_logprobs: 1,
  });
  const [, second] = choices[0]!.logprobs!.content!;
  const expected = { token: "b", logprob: logprob("a", "b"), bytes: [0x62] };
  assert.deepEqual(second, { ...expected, top_logprobs: [expected] });
});

Deno.test("/v1/completions gives the log-probability of the token that ends a text, as harnesses count on", async () => {
  await using server = startToyServer();
  const request = { model: "toy", temperature: 0, max_tokens: 1, logprobs: 1, echo: true };
  for (const [prompt, last] of [["ab", "c"], ["a!", "<end>"]] as const) {
    const { choices: [choice] } = await server.client.completions.create({ ...request, prompt });
    const { tokens, token_logprobs, text_offset } = choice!.logprobs!;
    assert.deepEqual(tokens, [...prompt, last]);
    assert.deepEqual(text_offset, [0, 1, 2]);
    assert.ok(token_logprobs!.slice(1).every((logprob) => logprob < 0));
    let streamed: string[] = [];
    const stream = await server.client.completions.create({ ...request, prompt, stream: true });
    for await (const { choices: [part] } of stream) {
      streamed = [...streamed, ...part?.logprobs?.tokens ?? []];
    }
    assert.deepEqual(streamed, tokens);
  }
});
