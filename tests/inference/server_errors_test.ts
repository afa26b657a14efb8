import assert from "node:assert/strict";
import OpenAI from "openai";
import { createLocalService } from "../../src/inference/local_service.ts";
import { createServer, type ServerOptions } from "../../src/inference/create_server.ts";
import { createToyModel, createToyTokenizer, type ToyModelOptions } from "./toy_model.ts";
import { startToyServer } from "./toy_server.ts";

const COMPLETION = { model: "toy", prompt: "a", temperature: 0 };
const CHAT = { model: "toy", messages: [{ role: "user", content: "hi" }] };

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly error: {
    readonly message: string;
    readonly type: string;
    readonly param: string | null;
    readonly code: string | null;
  };
}

function call(options: Omit<ServerOptions, "service"> = {}, model: ToyModelOptions = {}) {
  const service = createLocalService(createToyModel(model));
  const handler = createServer({ service, ...options });
  return async (path: string, body?: unknown, headers: HeadersInit = {}): Promise<Answer> => {
    const init = body === undefined ? { headers } : {
      method: "POST",
      body: typeof body === "string" ? body : JSON.stringify(body),
      headers: { "content-type": "application/json", ...headers },
    };
    const response = await handler(new Request(`http://127.0.0.1${path}`, init));
    const { error } = await response.json();
    return { status: response.status, headers: response.headers, error };
  };
}

Deno.test("createServer() names the field that is wrong, in OpenAI's words", async () => {
  const post = call();
  const cases: readonly [string, object, string, RegExp][] = [
    ["/v1/completions", { ...COMPLETION, temperature: "hot" }, "temperature", /expected number/],
    ["/v1/completions", { ...COMPLETION, temperature: 3 }, "temperature", /<=2/],
    ["/v1/completions", { ...COMPLETION, max_tokens: -1 }, "max_tokens", />=0/],
    ["/v1/completions", { ...COMPLETION, max_tokens: 1.5 }, "max_tokens", /int/],
    ["/v1/completions", { ...COMPLETION, stop: [1] }, "stop[0]", /expected string/],
    ["/v1/completions", { ...COMPLETION, n: 0 }, "n", />=1/],
    ["/v1/completions", { ...COMPLETION, prompt: 5 }, "prompt", /./],
    ["/v1/completions", { ...COMPLETION, prompt: [] }, "prompt", /./],
    ["/v1/completions", { ...COMPLETION, prompt: [1, -2] }, "prompt[1]", />=0/],
    ["/v1/completions", { prompt: "a" }, "model", /expected string/],
    [
      "/v1/completions",
      { ...COMPLETION, stream_options: { include_usage: 1 } },
      "stream_options.include_usage",
      /expected boolean/,
    ],
    ["/v1/completions", { ...COMPLETION, logit_bias: { 5: 1000 } }, "logit_bias.5", /<=100/],
    ["/v1/chat/completions", { ...CHAT, tools: [{ type: "function" }] }, "tools[0].function", /./],
    ["/v1/chat/completions", { ...CHAT, messages: [] }, "messages", /./],
    [
      "/v1/chat/completions",
      { model: "toy", messages: [{ content: "hi" }] },
      "messages[0].role",
      /expected string/,
    ],
    [
      "/v1/chat/completions",
      {
        model: "toy",
        messages: [{ role: "user", content: [{ type: "image_url" }] }],
      },
      "messages[0].content[0].type",
      /./,
    ],
    ["/v1/chat/completions", { ...CHAT, top_logprobs: 2 }, "top_logprobs", /logprobs/],
  ];
  for (const [path, body, param, message] of cases) {
    const { status, error } = await post(path, body);
    assert.deepEqual([status, error.param, error.type], [400, param, "invalid_request_error"]);
    assert.match(error.message, message);
    assert.ok(error.code !== null);
  }
});

Deno.test("createServer() accepts fields of OpenAI's API that change nothing", async () => {
  const { error } = await call()("/v1/chat/completions", {
    ...CHAT,
    user: "me",
    store: false,
    metadata: {},
    service_tier: "auto",
    tools: [],
    response_format: { type: "text" },
    logit_bias: null,
    temperature: null,
    stop: null,
  });
  assert.equal(error, undefined);
});

Deno.test("createServer() refuses bodies that are not JSON or too large", async () => {
  const post = call({ maxBodyBytes: 200 });
  const broken = await post("/v1/completions", '{"model": ');
  assert.deepEqual([broken.status, broken.error.code], [400, "invalid_json"]);
  const text = await post("/v1/completions", "{}", { "content-type": "text/plain" });
  assert.deepEqual([text.status, text.error.code], [415, "unsupported_media_type"]);
  const large = await post("/v1/completions", { ...COMPLETION, prompt: "a".repeat(300) });
  assert.deepEqual([large.status, large.error.code], [413, "request_too_large"]);
});

Deno.test("createServer() answers 404 for another model and another path", async () => {
  const post = call();
  const model = await post("/v1/completions", { ...COMPLETION, model: "gpt-4" });
  assert.deepEqual(
    [model.status, model.error.param, model.error.code],
    [404, "model", "model_not_found"],
  );
  const path = await post("/v1/images", {});
  assert.deepEqual([path.status, path.error.code], [404, "unknown_url"]);
});

Deno.test("createServer() answers 405 for another method", async () => {
  const { status, headers, error } = await call()("/v1/models/toy", {});
  assert.deepEqual([status, headers.get("allow"), error.code], [405, "GET", "method_not_allowed"]);
  const text = await call()("/v1/models", "x", { "content-type": "text/plain" });
  assert.equal(text.status, 405, "whatever it sends");
  const got = await call()("/v1/completions");
  assert.deepEqual([got.status, got.headers.get("allow")], [405, "POST"]);
});

Deno.test("createServer() answers 400 for a prompt longer than the context", async () => {
  const post = call({}, { maxPositions: 10 });
  const full = await post("/v1/completions", { ...COMPLETION, prompt: "a".repeat(10) });
  assert.deepEqual(
    [full.status, full.error.param, full.error.code],
    [400, "prompt", "context_length_exceeded"],
  );
  const chat = await post("/v1/chat/completions", CHAT);
  assert.deepEqual([chat.error.param, chat.error.code], ["messages", "context_length_exceeded"]);
});

Deno.test("createServer() says when the model has no tokenizer or no chat template", async () => {
  const bare = call({}, { tokenizer: null });
  assert.equal((await bare("/v1/completions", COMPLETION)).error.code, "no_tokenizer");
  assert.equal((await bare("/v1/chat/completions", CHAT)).error.code, "no_tokenizer");
  const tokenizer = { ...createToyTokenizer(), hasChatTemplate: false };
  const { status, error } = await call({}, { tokenizer })("/v1/chat/completions", CHAT);
  assert.deepEqual([status, error.code, error.param], [400, "no_chat_template", "messages"]);
});

Deno.test("createServer() answers 400 for a token id out of range", async () => {
  const { status, error } = await call()("/v1/completions", { ...COMPLETION, prompt: [257] });
  assert.deepEqual([status, error.code], [400, "invalid_prompt"]);
  assert.match(error.message, /257/);
});

Deno.test("createServer() answers 500 without details, and reports them", async () => {
  const reported: unknown[] = [];
  const failure = new Error("secret path");
  const post = call({ onError: (error) => reported.push(error) }, {
    beforeExtend() {
      throw failure;
    },
  });
  const { status, error } = await post("/v1/completions", COMPLETION);
  assert.deepEqual([status, error.type, error.code], [500, "server_error", "internal_error"]);
  assert.doesNotMatch(error.message, /secret/);
  assert.deepEqual(reported, [failure]);
});

Deno.test("createServer() wants its API key on /v1, and nothing else there", async () => {
  const post = call({ apiKey: "s3cret" });
  const missing = await post("/v1/completions", COMPLETION);
  assert.deepEqual([missing.status, missing.error.code], [401, "invalid_api_key"]);
  assert.equal(missing.headers.get("www-authenticate"), "Bearer");
  for (const key of ["s3cre", "s3cret!", "S3CRET", ""]) {
    const wrong = await post("/v1/models", undefined, { authorization: `Bearer ${key}` });
    assert.equal(wrong.status, 401, key);
  }
  const right = await post("/v1/completions", COMPLETION, { authorization: "Bearer s3cret" });
  assert.equal(right.status, 200);
  assert.equal((await post("/health")).status, 200);
});

Deno.test("createServer() lets the official client see a wrong key as such", async () => {
  await using server = startToyServer({ server: { apiKey: "right" }, apiKey: "wrong" });
  await assert.rejects(server.client.models.list(), OpenAI.AuthenticationError);
});

Deno.test("createServer() answers to its own names only, and to web pages only if told to", async () => {
  const closed = call({ hosts: ["localhost"] });
  assert.equal((await closed("/health")).status, 403);
  assert.equal((await call({ hosts: ["127.0.0.1"] })("/health")).status, 200);
  const origin = { origin: "https://app.example" };
  const silent = await call()("/health", undefined, origin);
  assert.equal(silent.headers.get("access-control-allow-origin"), null);
  const open = await call({ corsOrigins: ["https://app.example"] })("/health", undefined, origin);
  assert.equal(open.headers.get("access-control-allow-origin"), "https://app.example");
});

Deno.test("createServer() answers 429 with Retry-After when too many requests wait", async () => {
  const gate = Promise.withResolvers<void>();
  await using server = startToyServer({
    model: { beforeExtend: () => gate.promise },
    limits: { maxRunning: 1, maxQueue: 1 },
  });
  const ask = () => server.client.completions.create(COMPLETION);
  const running = ask();
  while (server.decoder.openSequences < 1) await nextTimer();
  const rivals = [ask(), ask()]; // one waits, the other finds the queue full
  const refusal = await Promise.race(
    rivals.map((rival) => rival.then(() => assert.fail("the gate is closed"), (error) => error)),
  );
  assert.ok(refusal instanceof OpenAI.RateLimitError);
  assert.equal(refusal.code, "queue_full");
  assert.ok(Number(refusal.headers.get("retry-after")) > 0);
  gate.resolve();
  const settled = await Promise.allSettled([running, ...rivals]);
  assert.deepEqual(settled.map(({ status }) => status).sort(), [
    "fulfilled",
    "fulfilled",
    "rejected",
  ]);
});

const ENDLESS = { ...COMPLETION, max_tokens: 1e8, ignore_eos: true };
const nextTimer = () => new Promise<void>((resolve) => setTimeout(resolve, 0));

Deno.test("createServer() stops when the client of a stream leaves", async () => {
  await using server = startToyServer({ model: { beforeExtend: nextTimer, maxPositions: 1e9 } });
  for await (const _ of await server.client.completions.create({ ...ENDLESS, stream: true })) break;
  while (server.decoder.openSequences > 0) await nextTimer();
});

Deno.test("createServer() stops when the client that waits for a whole answer leaves", async () => {
  await using server = startToyServer({ model: { beforeExtend: nextTimer, maxPositions: 1e9 } });
  const controller = new AbortController();
  const answer = fetch(`${server.url}/v1/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(ENDLESS),
    signal: controller.signal,
  });
  while (server.decoder.openSequences === 0) await nextTimer();
  controller.abort();
  await assert.rejects(answer, { name: "AbortError" });
  while (server.decoder.openSequences > 0) await nextTimer();
});

Deno.test("createServer() ends a stream that fails with an error event", async () => {
  let calls = 0;
  await using server = startToyServer({
    model: {
      beforeExtend() {
        if (++calls > 2) throw new Error("out of memory");
      },
    },
  });
  const stream = await server.client.completions.create({ ...COMPLETION, stream: true });
  await assert.rejects(async () => {
    for await (const _ of stream);
  }, /The server failed/);
});
