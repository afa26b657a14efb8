import assert from "node:assert/strict";
import type { AccessEntry } from "../../src/inference/http/access_entry.ts";
import { createKey, type NewKey } from "../../src/inference/keys/key_file.ts";
import { keysOfFile } from "../../src/inference/keys/key_ring.ts";
import { serve } from "../../src/inference/serve.ts";
import { UserError } from "../../src/utils/errors.ts";
import { temporaryFolder } from "../temporary_folder.ts";
import { startToyServer, type ToyServerOptions } from "./toy_server.ts";

interface Request_ {
  readonly path: string;
  readonly key?: string;
  readonly body?: unknown;
  readonly signal?: AbortSignal;
}

async function ask(url: string, { path, key, body, signal }: Request_): Promise<Response> {
  return await fetch(`${url}${path}`, {
    method: body === undefined ? "GET" : "POST",
    ...(signal === undefined ? {} : { signal }),
    headers: {
      "content-type": "application/json",
      ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
}

async function status(url: string, request: Request_): Promise<number> {
  const response = await ask(url, request);
  await response.body?.cancel();
  return response.status;
}

/** A server with keys that were made with `keys`. */
async function withKeys(keys: readonly NewKey[], options: ToyServerOptions = {}) {
  const folder = await temporaryFolder();
  const path = `${folder.path}/keys.json`;
  const secrets: string[] = [];
  for (const key of keys) secrets.push((await createKey(path, key)).secret);
  const server = startToyServer({
    ...options,
    server: { ...options.server, keys: keysOfFile(path) },
  });
  return {
    url: server.url,
    secrets,
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}

Deno.test("createServer() with keys lets nobody in without one, but says whether it is ready", async () => {
  await using server = await withKeys([{ name: "a" }]);
  const { url, secrets: [key] } = server;
  for (const path of ["/health", "/ready", "/openapi.json", "/docs"]) {
    assert.equal(await status(url, { path }), 200, path);
  }
  const closed = ["/v1/models", "/metrics"].map((path) => ({ path }));
  const posts = ["/tokenize", "/detokenize", "/apply-template", "/v1/completions"]
    .map((path) => ({ path, body: {} }));
  for (const request of [...closed, ...posts]) {
    assert.equal(await status(url, request), 401, request.path);
    assert.equal(await status(url, { ...request, key: "lt-wrong" }), 401, request.path);
    assert.ok([200, 400].includes(await status(url, { ...request, key: key! })), request.path);
  }
});

Deno.test("createServer() counts the requests of each key by the minute", async () => {
  let now = 1e12;
  await using server = await withKeys([{ name: "a", requestsPerMinute: 2 }, { name: "b" }], {
    server: { clock: () => now },
  });
  const { url, secrets: [key, other] } = server;
  const models = (secret: string) => status(url, { path: "/v1/models", key: secret });
  assert.deepEqual([await models(key!), await models(key!)], [200, 200]);
  const refused = await ask(url, { path: "/v1/models", key: key! });
  assert.deepEqual([refused.status, refused.headers.get("retry-after")], [429, "30"]);
  assert.equal((await refused.json()).error.code, "rate_limit_exceeded");
  assert.equal(await models(other!), 200);
  now += 29_000;
  assert.equal(await models(key!), 429);
  now += 1_000;
  assert.deepEqual([await models(key!), await models(key!)], [200, 429]);
});

Deno.test("createServer() holds a key to its running requests, streams until they end or are left", async () => {
  const gate = Promise.withResolvers<void>();
  await using server = await withKeys([{ name: "a", maxConcurrent: 1 }], {
    model: { beforeExtend: () => gate.promise },
  });
  const { url, secrets: [key] } = server;
  const body = { model: "toy", prompt: " ", stream: true, max_tokens: 3 };
  const left = new AbortController();
  const request = { path: "/v1/completions", key: key!, body };
  const stream = await ask(url, { ...request, signal: left.signal });
  assert.equal(await status(url, { path: "/v1/models", key: key! }), 429);
  left.abort();
  await assert.rejects(stream.text());
  while (await status(url, { path: "/v1/models", key: key! }) === 429); // until the server has heard of it
  gate.resolve();
  const whole = await ask(url, request);
  await whole.text();
  assert.equal(await status(url, { path: "/v1/models", key: key! }), 200);
});

Deno.test("createServer() logs requests without what they ask", async () => {
  const entries: AccessEntry[] = [];
  await using server = await withKeys([{ name: "a" }], {
    server: { onAccess: (entry) => entries.push(entry) },
  });
  const { url, secrets: [key] } = server;
  const body = { model: "toy", prompt: "a secret prompt", max_tokens: 1 };
  await status(url, { path: "/v1/completions?prompt=secret", key: key!, body });
  await status(url, { path: "/v1/completions", body });
  assert.deepEqual(entries.map(({ method, path, status }) => [method, path, status]), [
    ["POST", "/v1/completions", 200],
    ["POST", "/v1/completions", 401],
  ]);
  assert.deepEqual(entries.map(({ keyId }) => keyId), [key!.split("-")[1], undefined]);
  assert.doesNotMatch(JSON.stringify(entries), /secret/);
});

Deno.test("serve() refuses other addresses without keys, before it loads anything", async () => {
  await using folder = await temporaryFolder();
  const load = { folder: "missing", device: "wasm", limits: {} } as const;
  const keysFile = `${folder.path}/keys.json`;
  await assert.rejects(
    serve({ load, host: "0.0.0.0", port: 0, keysFile }),
    (error) => error instanceof UserError && /keys create/.test(error.message),
  );
});
