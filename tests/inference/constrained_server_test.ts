import assert from "node:assert/strict";
import OpenAI from "openai";
import { startToyServer } from "./toy_server.ts";

const CHAT = {
  model: "toy",
  temperature: 0,
  messages: [{ role: "user" as const, content: "hi" }],
};

const SCHEMA = {
  type: "object",
  properties: { name: { type: "string", maxLength: 5 }, size: { type: "integer" } },
  required: ["name", "size"],
  additionalProperties: false,
};

Deno.test("response_format json_schema gives JSON that is valid, to the official client too", async () => {
  await using server = startToyServer();
  const { choices: [choice] } = await server.client.chat.completions.create({
    ...CHAT,
    max_tokens: 60,
    response_format: {
      type: "json_schema",
      json_schema: { name: "thing", schema: SCHEMA, strict: true },
    },
  });
  const value = JSON.parse(choice!.message.content!);
  assert.deepEqual(Object.keys(value), ["name", "size"]);
  assert.ok(Number.isInteger(value.size) && value.name.length <= 5);
});

Deno.test("response_format json_object gives an object in whatever room there is, streamed too", async () => {
  await using server = startToyServer();
  for (const max_tokens of [2, 3, 7, 20, 50]) {
    const stream = await server.client.chat.completions.create({
      ...CHAT,
      temperature: 1,
      seed: max_tokens,
      max_tokens,
      stream: true,
      response_format: { type: "json_object" },
    });
    let text = "";
    for await (const { choices } of stream) text += choices[0]?.delta.content ?? "";
    assert.equal(typeof JSON.parse(text), "object", text);
  }
  const tooShort = server.client.chat.completions.create({
    ...CHAT,
    max_tokens: 1,
    response_format: { type: "json_object" },
  });
  await assert.rejects(tooShort, (error) => {
    assert.ok(error instanceof OpenAI.BadRequestError);
    assert.match(error.message, /takes 2 tokens, and there is room for 1/);
    return error.code === "invalid_constraint";
  });
});

Deno.test("regex, grammar and choices hold completions", async () => {
  await using server = startToyServer();
  const text = async (fields: Record<string, unknown>) => {
    const request = { model: "toy", prompt: " ", max_tokens: 30, temperature: 0, ...fields };
    const { choices } = await server.client.completions.create(request);
    return choices[0]!.text;
  };
  assert.match(await text({ regex: "[a-f]{3}-[0-9]{2}" }), /^[a-f]{3}-[0-9]{2}$/);
  assert.equal(await text({ grammar: 'root ::= "ab" ("x" | "c") "!"' }), "abc!");
  assert.ok(["yes", "no"].includes(await text({ choices: ["yes", "no"] })));
  await assert.rejects(text({ regex: "a(" }), OpenAI.BadRequestError);
  await assert.rejects(text({ regex: "a", grammar: 'root ::= "a"' }), OpenAI.BadRequestError);
});

Deno.test("logit_bias changes what is likely; ids that do not exist are refused", async () => {
  await using server = startToyServer();
  const text = async (logit_bias: Record<string, number>) => {
    const request = { model: "toy", prompt: " ", max_tokens: 3, temperature: 0, logit_bias };
    return (await server.client.completions.create(request)).choices[0]!.text;
  };
  assert.equal(await text({}), "abc");
  assert.equal(
    await text({ [String("b".charCodeAt(0))]: -100, [String("Q".charCodeAt(0))]: 100 }),
    "QQQ",
  );
  await assert.rejects(text({ "999": 1 }), OpenAI.BadRequestError);
  await assert.rejects(text({ a: 1 }), OpenAI.BadRequestError);
});
