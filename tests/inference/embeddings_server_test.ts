import assert from "node:assert/strict";
import OpenAI from "openai";
import { createLocalService } from "../../src/inference/local_service.ts";
import { createToyModel } from "./toy_model.ts";
import { startToyServer } from "./toy_server.ts";

const HIDDEN = { model: { hasHidden: true } };

/** What the toy model makes of a text whose last byte is `id`. */
function vectorOf(id: number, dimensions = 3): number[] {
  const states = [id, 1, 2].slice(0, dimensions);
  const length = Math.hypot(...states);
  return states.map((x) => Math.fround(x / length));
}

Deno.test("/v1/embeddings answers the official client with the last token's state", async () => {
  await using server = startToyServer(HIDDEN);
  for (const encoding_format of ["float", "base64", undefined] as const) {
    const { data, model, usage, object } = await server.client.embeddings.create({
      model: "toy",
      input: ["ab", "c", "xyz"],
      ...(encoding_format === undefined ? {} : { encoding_format }),
    });
    assert.deepEqual([object, model, usage], ["list", "toy", {
      prompt_tokens: 6,
      total_tokens: 6,
    }]);
    assert.deepEqual(data.map(({ index }) => index), [0, 1, 2]);
    const vectors = data.map(({ embedding }) =>
      typeof embedding === "string" ? floatsOf(embedding) : embedding.map(Math.fround)
    );
    assert.deepEqual(vectors, [98, 99, 122].map((id) => vectorOf(id)));
  }
  assert.equal(server.decoder.openSequences, 0);
});

function floatsOf(base64: string): number[] {
  return [...new Float32Array(Uint8Array.fromBase64(base64).buffer)];
}

Deno.test("/v1/embeddings takes token ids, and cuts vectors to `dimensions` of length 1", async () => {
  await using server = startToyServer(HIDDEN);
  const embed = async (input: number[] | number[][], dimensions?: number) => {
    const given = dimensions === undefined ? {} : { dimensions };
    const { data } = await server.client.embeddings.create({ model: "toy", input, ...given });
    return data.map(({ embedding }) => embedding.map(Math.fround));
  };
  assert.deepEqual(await embed([1, 2, 3]), [vectorOf(3)]);
  assert.deepEqual(await embed([[1, 2], [7]], 2), [vectorOf(2, 2), vectorOf(7, 2)]);
});

Deno.test("/v1/embeddings refuses what it cannot embed", async () => {
  await using server = startToyServer(HIDDEN);
  const cases = [
    [{ model: "other", input: "a" }, 404, "model", "model_not_found"],
    [{ model: "toy", input: "a", dimensions: 4 }, 400, "dimensions", "invalid_value"],
    [{ model: "toy", input: "a", dimensions: 0 }, 400, "dimensions", "invalid_value"],
    [{ model: "toy", input: [] }, 400, "input", "invalid_value"],
    [{ model: "toy", input: "" }, 400, "input", "invalid_prompt"],
    [{ model: "toy", input: [5, 999] }, 400, "input", "invalid_prompt"],
    [{ model: "toy", input: [5, -1] }, 400, "input[1]", "invalid_value"],
    [{ model: "toy", input: "a".repeat(300) }, 400, "input", "context_length_exceeded"],
    [{ model: "toy", input: { a: 1 } }, 400, "input", "invalid_value"],
    [
      { model: "toy", input: "a", encoding_format: "hex" },
      400,
      "encoding_format",
      "invalid_value",
    ],
  ] as const;
  for (const [body, status, param, code] of cases) {
    const response = await fetch(`${server.url}/v1/embeddings`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    });
    const { error } = await response.json();
    assert.deepEqual([response.status, error.param, error.code], [status, param, code]);
  }
});

Deno.test("a model besides that is there for embeddings is listed and answers by its name", async () => {
  const embedder = createLocalService({ ...createToyModel({ hasHidden: true }), id: "vectors" });
  await using _ = embedder;
  await using server = startToyServer({ server: { embedders: [embedder] } });
  const models = await Array.fromAsync(server.client.models.list());
  assert.deepEqual(models.map(({ id }) => id), ["toy", "vectors"]);
  assert.equal((await server.client.models.retrieve("vectors")).id, "vectors");
  const { data, model } = await server.client.embeddings.create({ model: "vectors", input: "a" });
  assert.equal(model, "vectors");
  assert.deepEqual(data[0]!.embedding.map(Math.fround), vectorOf(97));
  const none = server.client.embeddings.create({ model: "toy", input: "a" });
  await assert.rejects(none, (error) => {
    assert.ok(error instanceof OpenAI.BadRequestError);
    return error.code === "no_embeddings" && error.param === "model";
  });
});

Deno.test("embeddings wait while others run, and are refused when too many wait", async () => {
  const gate = Promise.withResolvers<void>();
  const model = createToyModel({ hasHidden: true, beforeExtend: () => gate.promise });
  await using service = createLocalService(model, { maxQueue: 1 });
  const inputs = [{ kind: "text", text: "a" } as const];
  const [first, second] = [service.embed({ inputs }), service.embed({ inputs })];
  await assert.rejects(service.embed({ inputs }), { code: "queue_full" });
  const drained = service.drain();
  await assert.rejects(service.embed({ inputs }), { code: "unavailable" });
  gate.resolve();
  for (const made of [first, second]) assert.equal((await made).length, 1);
  await drained;
});
