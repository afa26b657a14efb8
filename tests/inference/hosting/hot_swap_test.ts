import assert from "node:assert/strict";
import { SONG } from "../toy_model.ts";
import { startToyHost, type ToyHost } from "./toy_host.ts";

/** What the toy sings after "a", in 28 tokens, the last of which ends it. */
const REST = SONG.slice(1);

/** Asks for the whole song, by a stream, and returns who sang. */
async function sing({ client }: ToyHost, model: string): Promise<string> {
  const stream = await client.completions.create({
    model,
    prompt: "a",
    max_tokens: 100,
    temperature: 0,
    stream: true,
  });
  const singers = new Set<string>();
  let text = "";
  for await (const chunk of stream) {
    singers.add(`${chunk.model} ${chunk.system_fingerprint}`);
    text += chunk.choices[0]?.text ?? "";
  }
  assert.equal(text, REST, "nothing is missing, and nothing comes twice");
  assert.equal(singers.size, 1, "who begins an answer ends it");
  return [...singers][0]!;
}

Deno.test("an alias is pointed at another model under load, and the old one removed, without a request that fails", async () => {
  await using server = await startToyHost();
  for (const name of ["v1", "v2", "v3"]) {
    await server.make(name, { turns: 1 });
    const { status } = await server.admin("POST", "/admin/models", { name, folder: name });
    assert.equal(status, 201);
  }
  const change = async (model: string) => {
    assert.equal((await server.admin("PUT", "/admin/aliases/champion", { model })).status, 200);
  };
  await change("v1");
  const sung: string[] = [];
  let isOver = false;
  const client = async () => {
    while (!isOver) sung.push((await sing(server, "champion")).split(" ")[0]!);
  };
  const clients = Array.from({ length: 24 }, client);
  const until = async (model: string) => {
    while (!sung.includes(model)) await new Promise((resolve) => setTimeout(resolve, 1));
  };
  await until("v1");
  await change("v2");
  // v1 still sings for those who came before
  const removed = server.admin("DELETE", "/admin/models/v1");
  await until("v2");
  assert.equal((await removed).status, 204);
  await change("v3");
  await until("v3");
  await change("v2");
  const begun = sung.length;
  while (sung.length < begun + 60) await new Promise((resolve) => setTimeout(resolve, 1));
  isOver = true;
  await Promise.all(clients);
  assert.deepEqual(new Set(sung), new Set(["v1", "v2", "v3"]));
  assert.deepEqual(new Set(sung.slice(-24)), new Set(["v2"]), "in the end all go to the last one");
  assert.deepEqual(server.log, ["open v1", "open v2", "open v3", "close v1"]);
  assert.equal((await server.admin("DELETE", "/admin/models/v3")).status, 204);
});

Deno.test("a model is removed after its requests have been answered, though their clients read slowly", async () => {
  await using server = await startToyHost({ models: { base: {} } });
  await server.make("old", { turns: 1 });
  await server.admin("POST", "/admin/models", { name: "old", folder: "old" });
  const stream = await server.client.completions.create({
    model: "old",
    prompt: "a",
    max_tokens: 100,
    temperature: 0,
    stream: true,
  });
  const iterator = stream[Symbol.asyncIterator]();
  let text = (await iterator.next()).value?.choices[0]?.text ?? "";
  const removed = server.admin("DELETE", "/admin/models/old");
  while (server.host.models().length > 1) await new Promise((resolve) => setTimeout(resolve, 1));
  assert.equal((await server.ask("old")).status, 404, "nobody begins any more");
  assert.equal((await removed).status, 204, "nobody waits for the client");
  for (let next; !(next = await iterator.next()).done;) text += next.value.choices[0]?.text ?? "";
  assert.equal(text, REST);
});

Deno.test("a model that is asked for comes back within the budget, and what is pinned stays", async () => {
  await using server = await startToyHost({ models: { base: {} }, maxBytes: 20 });
  const states = async () => {
    const { body } = await server.admin("GET", "/admin/models");
    return Object.fromEntries(
      body.data.map((each: { name: string; state: string }) => [each.name, each.state]),
    );
  };
  for (const name of ["a", "b"]) {
    await server.make(name);
    const { status } = await server.admin("POST", "/admin/models", { name, folder: name });
    assert.equal(status, 201);
  }
  assert.deepEqual(await states(), { base: "loaded", a: "unloaded", b: "loaded" });
  assert.deepEqual(
    server.log,
    ["open base", "open a", "open b", "close a"],
    "loaded, then given up",
  );
  const unloaded = await server.admin("PUT", "/admin/aliases/x", { model: "a" });
  assert.deepEqual([unloaded.status, unloaded.body.error.code], [409, "model_not_loaded"]);
  assert.equal((await server.ask("a")).body.model, "a");
  assert.deepEqual(await states(), { base: "loaded", a: "loaded", b: "unloaded" });
  assert.equal((await server.admin("PUT", "/admin/aliases/x", { model: "a" })).status, 200);
  await server.make("c");
  const full = await server.admin("POST", "/admin/models", { name: "c", folder: "c" });
  assert.deepEqual([full.status, full.body.error.code], [507, "insufficient_memory"]);
  assert.deepEqual(await states(), { base: "loaded", a: "loaded", b: "unloaded" });
  const refused = await server.ask("b");
  assert.deepEqual([refused.status, refused.body.error.code], [503, "unavailable"]);
});
