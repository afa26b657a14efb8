import assert from "node:assert/strict";
import OpenAI from "openai";
import { serve, type ServeOptions } from "../../../src/inference/serve.ts";
import { UserError } from "../../../src/utils/errors.ts";

const startWorker = () =>
  new Worker(new URL("../toy_worker.ts", import.meta.url), { type: "module" });

/** What a server with toy workers is started with: a worker behaves as the folder is called. */
const toys = (folders: Readonly<Record<string, string>>): ServeOptions => ({
  load: Object.entries(folders).map(([id, folder]) => ({
    id,
    folder,
    device: "wasm",
    limits: {},
  })),
  port: 0,
  createWorker: startWorker,
  hash: ({ folder }) => Promise.resolve(folder),
  estimateBytes: () => Promise.resolve(1),
});

Deno.test("serve() gives each model a worker: the crash of one costs no request of another, and it comes back", async () => {
  const crashes: string[] = [];
  await using server = await serve({
    ...toys({ good: "good", bad: "crashing" }),
    onError: (error) => crashes.push(String(error)),
  });
  assert.deepEqual(server.models.map(({ id }) => id), ["good", "bad"]);
  const client = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: "unused", maxRetries: 0 });
  const ask = (model: string, maxTokens: number) =>
    client.completions.create({ model, prompt: "a", max_tokens: maxTokens, temperature: 0 });
  const stream = await client.completions.create({
    model: "good",
    prompt: "a",
    max_tokens: 100,
    temperature: 0,
    stream: true,
    ...{ ignore_eos: true },
  });
  const reading = Array.fromAsync(stream);
  await assert.rejects(ask("bad", 20), (error) => {
    return error instanceof OpenAI.APIError && error.status === 503;
  });
  assert.equal((await ask("good", 5)).choices[0]!.text, "bcdef");
  const chunks = await reading;
  assert.equal(chunks.at(-1)?.choices[0]?.finish_reason, "length");
  assert.match(crashes[0]!, /bang/);
  for (;;) {
    const answer = await ask("bad", 1).catch((error) => error);
    if (answer instanceof OpenAI.APIError) {
      assert.equal(answer.status, 503);
      await new Promise((resolve) => setTimeout(resolve, 10));
      continue;
    }
    assert.deepEqual([answer.model, answer.choices[0].text], ["bad", "b"]);
    break;
  }
});

Deno.test("serve() begins with all models or says which one cannot be loaded", async () => {
  await assert.rejects(serve(toys({ good: "good", bad: "missing" })), (error) => {
    return error instanceof UserError && /Cannot read "missing"/.test(error.message);
  });
});

Deno.test("serve() loads what there is room for, and the rest when it is asked for", async () => {
  await using server = await serve({
    ...toys({ a: "a", b: "b", c: "c" }),
    maxMemoryBytes: 2,
  });
  assert.deepEqual(server.models.map(({ id }) => id), ["a", "b"]);
  const ask = async (model: string) => {
    const response = await fetch(`${server.url}/v1/completions`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ model, prompt: "a", max_tokens: 1, temperature: 0 }),
    });
    return (await response.json()).model;
  };
  assert.deepEqual([await ask("c"), await ask("b"), await ask("a")], ["c", "b", "a"]);
  const list = await (await fetch(`${server.url}/v1/models`)).json();
  assert.deepEqual(list.data.map(({ id }: { id: string }) => id), ["a", "b", "c"]);
});
