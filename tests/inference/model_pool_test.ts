import assert from "node:assert/strict";
import { createLocalService } from "../../src/inference/local_service.ts";
import { OutOfMemoryError } from "../../src/engine/runtime/session_error.ts";
import {
  createModelPool,
  type ModelPool,
  type ModelPoolOptions,
  NoRoomError,
} from "../../src/inference/model_pool.ts";
import type { CompletionRequest, InferenceService } from "../../src/inference/service.ts";
import type { LoadRequest } from "../../src/inference/worker_protocol.ts";
import { UserError } from "../../src/utils/errors.ts";
import { createToyModel } from "./toy_model.ts";

const ENDLESS: CompletionRequest = {
  prompts: [{ kind: "text", text: "a" }],
  ignoreEos: true,
  maxTokens: 100,
};

const load = (folder: string): LoadRequest => ({ folder, device: "wasm", limits: {} });

interface Books {
  /** What was opened and closed, in order. */
  readonly log: string[];
  readonly pool: ModelPool;
}

/** A pool for models of which each takes 10 bytes, or as many as its name says. */
function createPool(maxBytes: number, options: Partial<ModelPoolOptions> = {}): Books {
  const log: string[] = [];
  const pool = createModelPool({
    maxBytes,
    ...options,
    estimateBytes: ({ folder }) => Promise.resolve(Number(/\d+/.exec(folder)?.[0] ?? 10)),
    open({ folder }) {
      if (folder === "greedy" && !log.at(-1)?.startsWith("close")) {
        return Promise.reject(new OutOfMemoryError("Cannot open model: out of memory"));
      }
      if (folder === "broken") return Promise.reject(new UserError("Cannot open it"));
      log.push(`open ${folder}`);
      const service: InferenceService = createLocalService({ ...createToyModel(), id: folder });
      return Promise.resolve({
        model: service.model,
        isAvailable: true,
        submit: (request, options) => service.submit(request, options),
        encode: (prompt, options) => service.encode(prompt, options),
        embed: (request, options) => service.embed(request, options),
        stats: () => service.stats(),
        drain: () => service.drain(),
        async [Symbol.asyncDispose]() {
          log.push(`close ${folder}`);
          await service[Symbol.asyncDispose]();
        },
      });
    },
  });
  return { log, pool };
}

Deno.test("createModelPool() loads a model once, when it is asked for", async () => {
  const { log, pool } = createPool(100);
  await using _ = pool;
  pool.add("a", load("a"));
  pool.add("b", load("b"));
  assert.deepEqual([pool.names, pool.loaded], [["a", "b"], []]);
  const leases = await Promise.all([pool.use("a"), pool.use("a")]);
  assert.equal(leases[0].service, leases[1].service);
  assert.deepEqual([log, pool.loaded], [["open a"], ["a"]]);
  await assert.rejects(pool.use("c"), /none of this name, but "a", "b"/);
  assert.throws(() => pool.add("a", load("x")), UserError);
});

Deno.test("createModelPool() gives up what was not used for longest, after the next is loaded, and nothing in use", async () => {
  const { log, pool } = createPool(20);
  await using _ = pool;
  for (const name of ["a", "b", "c"]) pool.add(name, load(name));
  const a = await pool.use("a");
  (await pool.use("b"))[Symbol.dispose]();
  const c = await pool.use("c");
  assert.deepEqual(log, ["open a", "open b", "open c", "close b"]);
  await assert.rejects(pool.use("b"), { name: "InferenceError", code: "unavailable" });
  a[Symbol.dispose]();
  a[Symbol.dispose]();
  (await pool.use("b"))[Symbol.dispose]();
  assert.deepEqual(log.slice(4), ["open b", "close a"]);
  c[Symbol.dispose]();
});

Deno.test("createModelPool() keeps the others when one cannot be loaded or is too large", async () => {
  const { pool } = createPool(20);
  await using _ = pool;
  pool.add("a", load("a"));
  pool.add("broken", load("broken"));
  pool.add("large", load("large-21"));
  (await pool.use("a"))[Symbol.dispose]();
  await assert.rejects(pool.use("broken"), UserError);
  await assert.rejects(pool.use("large"), /all models together/);
  assert.deepEqual(pool.loaded, ["a"]);
  assert.equal((await pool.use("a")).service.model.id, "a");
});

Deno.test("createModelPool() keeps what is pinned, and gives idle models up where memory has no room for both", async () => {
  const pinned = new Set(["a"]);
  const { log, pool } = createPool(20, { isPinned: (name) => pinned.has(name) });
  await using _ = pool;
  for (const name of ["a", "b", "c"]) pool.add(name, load(name));
  pool.add("greedy", load("greedy"));
  for (const name of ["a", "b", "c"]) (await pool.use(name))[Symbol.dispose]();
  assert.deepEqual(pool.loaded, ["a", "c"]);
  pinned.add("c");
  await assert.rejects(pool.use("b"), NoRoomError);
  pinned.clear();
  log.length = 0;
  (await pool.use("greedy"))[Symbol.dispose]();
  assert.deepEqual(pool.loaded, ["greedy"]);
  assert.deepEqual(log, ["close a", "close c", "open greedy"]);
});

Deno.test("createModelPool() says where a model is, and tries one that failed again after a while", async () => {
  let timeMs = 0;
  const { pool } = createPool(20, { clock: () => timeMs });
  await using _ = pool;
  pool.add("a", load("a"));
  pool.add("broken", load("broken"));
  const state = (name: string) => {
    const { state, error, bytes, info } = pool.describe(name)!;
    return [state, error, bytes, info?.id];
  };
  assert.deepEqual(state("a"), ["unloaded", undefined, undefined, undefined]);
  const asked = pool.use("a");
  assert.equal(pool.describe("a")?.state, "loading");
  (await asked)[Symbol.dispose]();
  assert.deepEqual(state("a"), ["loaded", undefined, 10, "a"]);
  const failure = () =>
    pool.use("broken").then(() => assert.fail("it is broken"), (error) => error);
  const first = await failure();
  assert.deepEqual(state("broken"), ["failed", "Cannot open it", undefined, undefined]);
  timeMs = 4000;
  assert.equal(await failure(), first, "it was not tried again");
  pool.forgive("broken");
  assert.equal(pool.describe("broken")?.state, "unloaded");
  const second = await failure();
  assert.notEqual(second, first);
  timeMs = 10_000;
  assert.notEqual(await failure(), second);
  await pool.remove("broken");
  assert.equal(pool.describe("broken"), undefined);
});

Deno.test("createModelPool() removes a model when those who use it are done", async () => {
  const { log, pool } = createPool(20);
  await using _ = pool;
  pool.add("a", load("a"));
  const lease = await pool.use("a");
  const first = await lease.service.submit(ENDLESS);
  const removed = pool.remove("a");
  assert.deepEqual(pool.names, []);
  pool.add("a", load("a-new"));
  using next = await pool.use("a");
  assert.equal(next.service.model.id, "a-new");
  // who had it before may use it still
  const late = await lease.service.submit(ENDLESS);
  lease[Symbol.dispose]();
  for (const { events } of [first, late]) {
    assert.equal((await Array.fromAsync(events)).at(-1)?.type, "end");
  }
  await removed;
  assert.deepEqual(log, ["open a", "open a-new", "close a"]);
});
