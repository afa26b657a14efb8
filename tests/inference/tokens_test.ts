import assert from "node:assert/strict";
import { startToyServer } from "./toy_server.ts";

async function post(url: string, path: string, body: unknown) {
  const response = await fetch(`${url}${path}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  return { status: response.status, body: await response.json() };
}

Deno.test("/tokenize and /detokenize turn texts and conversations into tokens and back", async () => {
  await using server = startToyServer();
  const { body } = await post(server.url, "/tokenize", { prompt: "aö", return_token_strs: true });
  assert.deepEqual(body, {
    model: "toy",
    tokens: [0x61, 0xc3, 0xb6],
    count: 3,
    max_model_len: 256,
    token_strs: ["a", "token_id:195", "token_id:182"],
  });
  const back = await post(server.url, "/detokenize", { model: "toy", tokens: body.tokens });
  assert.deepEqual(back.body, { model: "toy", prompt: "aö" });
  const messages = [{ role: "user", content: "hi" }];
  const chat = await post(server.url, "/tokenize", { messages });
  const rendered = await post(server.url, "/apply-template", { messages });
  assert.equal(rendered.body.prompt, "user: hi\nassistant: ");
  assert.deepEqual(rendered.body.tokens, chat.body.tokens);
});

Deno.test("/tokenize takes what is too long for the model, and nothing that is no prompt", async () => {
  await using server = startToyServer();
  const long = await post(server.url, "/tokenize", { prompt: "x".repeat(1000) });
  assert.deepEqual([long.status, long.body.count], [200, 1000]);
  assert.equal((await post(server.url, "/tokenize", { prompt: "" })).body.count, 0);
  const wrong = [
    ["/tokenize", {}],
    ["/tokenize", { prompt: "a", messages: [{ role: "user", content: "a" }] }],
    ["/detokenize", { tokens: [9999] }],
    ["/detokenize", { tokens: ["a"] }],
    ["/apply-template", { messages: [] }],
  ] as const;
  for (const [path, body] of wrong) {
    const answer = await post(server.url, path, body);
    assert.equal(answer.status, 400, JSON.stringify(body));
    assert.ok(answer.body.error.message);
  }
  const other = await post(server.url, "/tokenize", { model: "other", prompt: "a" });
  assert.deepEqual([other.status, other.body.error.code], [404, "model_not_found"]);
});

Deno.test("/metrics counts requests and tokens, with no label that a client chooses", async () => {
  await using server = startToyServer();
  await post(server.url, "/v1/completions", {
    model: "toy",
    prompt: "go",
    max_tokens: 4,
    ignore_eos: true,
  });
  await (await fetch(`${server.url}/wp-admin/${crypto.randomUUID()}`)).text();
  const response = await fetch(`${server.url}/metrics`);
  assert.match(response.headers.get("content-type")!, /^text\/plain; version=0\.0\.4/);
  const text = await response.text();
  assert.match(text, /^llm_generated_tokens_total\{model="toy"\} 4$/m);
  assert.match(text, /^llm_prompt_tokens_total\{model="toy"\} 2$/m);
  assert.match(
    text,
    /^llm_requests_total\{method="POST",route="\/v1\/completions",status="200"\} 1$/m,
  );
  assert.match(text, /^llm_requests_total\{method="GET",route="other",status="404"\} 1$/m);
  assert.match(text, /^llm_model_available\{model="toy",content_hash="",device="wasm"\} 1$/m);
  assert.doesNotMatch(text, /wp-admin/);
});

Deno.test("/docs shows every route of /openapi.json and loads nothing", async () => {
  await using server = startToyServer();
  const description = await (await fetch(`${server.url}/openapi.json`)).json();
  const response = await fetch(`${server.url}/docs`);
  assert.match(response.headers.get("content-security-policy")!, /default-src 'none'/);
  const page = await response.text();
  for (const path of Object.keys(description.paths)) assert.ok(page.includes(path), path);
  for (const name of Object.keys(description.components.schemas)) {
    assert.ok(page.includes(`id="${name}"`), name);
  }
  assert.doesNotMatch(page, /<script|src=|https?:/);
});
