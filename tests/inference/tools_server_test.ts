import assert from "node:assert/strict";
import OpenAI from "openai";
import { createToyTokenizer } from "./toy_model.ts";
import { startToyServer } from "./toy_server.ts";

const TEMPLATES = {
  tags: "{% if tools %}{{ tools | tojson }}{% endif %}<tool_call>",
  json: '{% if tools %}{{ tools | tojson }}{"name": "f", "parameters": {}}{% endif %}',
} as const;

const tool = (name: string): OpenAI.ChatCompletionFunctionTool => ({
  type: "function",
  function: {
    name,
    parameters: {
      type: "object",
      properties: {
        city: { type: "string", maxLength: 8 },
        days: { type: "integer", minimum: 1, maximum: 9 },
      },
      required: ["city", "days"],
      additionalProperties: false,
    },
  },
});

function toolServer(format: keyof typeof TEMPLATES) {
  const tokenizer = { ...createToyTokenizer(), chatTemplate: TEMPLATES[format] };
  return startToyServer({ model: { tokenizer, maxPositions: 1000 } });
}

const REQUEST = {
  model: "toy",
  seed: 1,
  messages: [{ role: "user" as const, content: "weather?" }],
  tools: [tool("weather"), tool("forecast")],
  max_tokens: 200,
};

for (const format of ["tags", "json"] as const) {
  Deno.test(`tools that must be called are called with arguments by their schema (${format})`, async () => {
    await using server = toolServer(format);
    const named = { type: "function" as const, function: { name: "forecast" } };
    for (const tool_choice of ["required" as const, named]) {
      const { choices: [choice] } = await server.client.chat.completions.create({
        ...REQUEST,
        tool_choice,
      });
      assert.equal(choice!.finish_reason, "tool_calls");
      assert.equal(choice!.message.content, null);
      const [call, ...others] = choice!.message.tool_calls!;
      assert.equal(others.length, 0);
      assert.ok(call!.type === "function" && call!.id !== "");
      assert.ok(tool_choice === "required" || call!.function.name === "forecast");
      const given = JSON.parse(call!.function.arguments);
      assert.ok(given.days >= 1 && given.days <= 9 && given.city.length <= 8);
    }
  });

  Deno.test(`calls are streamed as the official client reads them (${format})`, async () => {
    await using server = toolServer(format);
    const request = { ...REQUEST, tool_choice: "required" as const };
    const whole = await server.client.chat.completions.create(request);
    const streamed = await server.client.chat.completions.stream(request).finalChatCompletion();
    const callsOf = ({ choices: [choice] }: OpenAI.ChatCompletion) =>
      choice!.message.tool_calls!.map((call) =>
        call.type === "function" && [call.function.name, JSON.parse(call.function.arguments)]
      );
    assert.deepEqual(callsOf(streamed), callsOf(whole));
    assert.equal(streamed.choices[0]!.finish_reason, "tool_calls");
  });
}

Deno.test("tools are offered and may be left alone; without any in the template they are refused", async () => {
  await using server = toolServer("tags");
  const { choices: [choice] } = await server.client.chat.completions.create({
    ...REQUEST,
    temperature: 0,
    max_tokens: 5,
  });
  assert.deepEqual([choice!.message.content, choice!.message.tool_calls], ["abcde", undefined]);
  await using other = startToyServer();
  await assert.rejects(other.client.chat.completions.create(REQUEST), (error) => {
    assert.ok(error instanceof OpenAI.BadRequestError);
    return error.param === "tools";
  });
  const missing = { type: "function" as const, function: { name: "missing" } };
  await assert.rejects(
    server.client.chat.completions.create({ ...REQUEST, tool_choice: missing }),
    OpenAI.BadRequestError,
  );
});
