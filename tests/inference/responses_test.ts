import assert from "node:assert/strict";
import OpenAI from "openai";
import { createToyTokenizer } from "./toy_model.ts";
import { startToyServer } from "./toy_server.ts";

const GREEDY = { model: "toy", temperature: 0 };

Deno.test("/v1/responses answers the official client", async () => {
  await using server = startToyServer();
  const response = await server.client.responses.create({
    ...GREEDY,
    instructions: "Sing.",
    input: [{ role: "user", content: [{ type: "input_text", text: "now" }] }],
    max_output_tokens: 100,
  });
  assert.equal(response.output_text, "abcdefghijklmnopqrstuvwxyzö!");
  assert.deepEqual([response.status, response.model, response.object], [
    "completed",
    "toy",
    "response",
  ]);
  const prompt = "system: Sing.\nuser: now\nassistant: ";
  assert.deepEqual([response.usage!.input_tokens, response.usage!.output_tokens], [
    prompt.length,
    30,
  ]);
  const cut = await server.client.responses.create({
    ...GREEDY,
    input: "hi",
    max_output_tokens: 3,
  });
  assert.deepEqual([cut.output_text, cut.status, cut.incomplete_details?.reason], [
    "abc",
    "incomplete",
    "max_output_tokens",
  ]);
});

Deno.test("/v1/responses streams the events from which the official client puts the answer together", async () => {
  await using server = startToyServer();
  const stream = server.client.responses.stream({ ...GREEDY, input: "hi", max_output_tokens: 5 });
  const types: string[] = [];
  const numbers: number[] = [];
  for await (const event of stream) {
    types.push(event.type);
    numbers.push(event.sequence_number);
  }
  assert.deepEqual(numbers, [...numbers.keys()]);
  assert.deepEqual([...new Set(types)], [
    "response.created",
    "response.in_progress",
    "response.output_item.added",
    "response.content_part.added",
    "response.output_text.delta",
    "response.output_text.done",
    "response.content_part.done",
    "response.output_item.done",
    "response.incomplete",
  ]);
  assert.equal((await stream.finalResponse()).output_text, "abcde");
});

Deno.test("/v1/responses calls functions, and keeps a text to a schema", async () => {
  const tokenizer = { ...createToyTokenizer(), chatTemplate: "{{ tools | tojson }}<tool_call>" };
  await using server = startToyServer({ model: { tokenizer, maxPositions: 1000 } });
  const parameters = {
    type: "object",
    properties: { a: { type: "integer", minimum: 1, maximum: 5 } },
    required: ["a"],
    additionalProperties: false,
  };
  const input = [
    { role: "user" as const, content: "hi" },
    { type: "function_call" as const, call_id: "1", name: "f", arguments: '{"a": 1}' },
    { type: "function_call_output" as const, call_id: "1", output: "2" },
  ];
  const { output: [call] } = await server.client.responses.create({
    ...GREEDY,
    input,
    tools: [{ type: "function", name: "f", parameters, strict: true }],
    tool_choice: "required",
    max_output_tokens: 200,
  });
  assert.ok(call?.type === "function_call" && call.name === "f" && call.call_id !== "");
  assert.ok([1, 2, 3, 4, 5].includes(JSON.parse(call.arguments).a));
  const { output_text } = await server.client.responses.create({
    ...GREEDY,
    input,
    text: { format: { type: "json_schema", name: "x", schema: parameters } },
  });
  assert.deepEqual(Object.keys(JSON.parse(output_text)), ["a"]);
});

Deno.test("/v1/responses refuses what would have to be stored, and names it", async () => {
  await using server = startToyServer();
  const request = server.client.responses.create({
    ...GREEDY,
    input: "hi",
    previous_response_id: "resp_1",
  });
  await assert.rejects(request, (error) => {
    assert.ok(error instanceof OpenAI.BadRequestError);
    return error.param === "previous_response_id" && /stores nothing/.test(error.message);
  });
});

Deno.test("/v1/responses answers 400 to what is not JSON", async () => {
  await using server = startToyServer();
  for (const body of ["\0", "", "{", "[]", "null"]) {
    const response = await fetch(`${server.url}/v1/responses`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body,
    });
    assert.equal(response.status, 400, JSON.stringify(body));
    assert.ok((await response.json()).error.message);
  }
});
