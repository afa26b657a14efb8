import assert from "node:assert/strict";
import {
  Canary,
  CANARY_DEFAULTS,
  type CanarySettings,
} from "../../../src/inference/hosting/canary.ts";
import { KEYS, startToyHost, type ToyBehaviour, type ToyHost } from "./toy_host.ts";

const settings: CanarySettings = { model: "new", share: 0.25, ...CANARY_DEFAULTS };

Deno.test("Canary gets its share of any requests in a row", () => {
  for (const share of [0, 0.01, 0.1, 0.25, 0.29, 1 / 3, 0.5, 0.9, 1]) {
    const canary = new Canary({ ...settings, share }, { onStop: () => {} });
    let given = 0;
    for (let asked = 1; asked <= 1000; asked++) {
      if (canary.next().side === "canary") given++;
      assert.ok(Math.abs(given - asked * share) < 1, `${given} of ${asked} at ${share}`);
    }
  }
});

Deno.test("Canary is stopped by errors, their share and latency, each beyond its limit", () => {
  const run = (
    limits: Partial<CanarySettings>,
    outcomes: readonly (readonly ["canary" | "baseline", number | "error"])[],
  ) => {
    let stops = 0;
    const canary = new Canary({ ...settings, ...limits }, { onStop: () => stops++ });
    const { observe } = canary.next();
    for (const [side, latency] of outcomes) {
      observe(
        latency === "error"
          ? { side, isError: true }
          : { side, isError: false, latencyMs: latency },
      );
    }
    assert.equal(stops, canary.isRunning ? 0 : 1);
    return canary.state.reason;
  };
  const fail = ["canary", "error"] as const;
  const answer = (side: "canary" | "baseline", ms = 10) => [side, ms] as const;
  const many = (count: number, each: ReturnType<typeof answer>) => Array(count).fill(each);
  assert.equal(run({}, Array(5).fill(fail)), null);
  assert.match(run({}, Array(6).fill(fail))!, /6 requests failed, 5 may/);
  assert.match(run({ maxErrors: 0 }, [fail])!, /1 requests failed, 0 may/);
  assert.equal(run({}, [fail, ...many(18, answer("canary"))]), null, "too few to judge");
  assert.equal(run({}, [fail, ...many(19, answer("canary"))]), null, "5 % may fail");
  assert.match(run({}, [fail, fail, ...many(18, answer("canary"))])!, /2 of 20 requests failed/);
  assert.equal(run({ maxErrors: 0 }, Array(9).fill(["baseline", "error"])), null);
  const slow = [...many(20, answer("canary", 31)), ...many(20, answer("baseline", 10))];
  assert.equal(run({}, slow), null, "latency is judged where a ratio is given");
  assert.equal(run({ maxLatencyRatio: 3.1 }, slow), null);
  assert.match(run({ maxLatencyRatio: 3 }, slow)!, /median latency is 31 ms, the model's 10 ms/);
  assert.equal(run({ maxLatencyRatio: 3 }, slow.slice(0, 39)), null, "too few to compare with");
});

/** A host with an alias at `old` and `canary` on trial. */
async function onTrial(canary: Record<string, unknown>, behaviour: ToyBehaviour): Promise<ToyHost> {
  const server = await startToyHost({ models: { old: {}, new: behaviour } });
  const { status } = await server.admin("PUT", "/admin/aliases/champion", {
    model: "old",
    canary: { model: "new", ...canary },
  });
  assert.equal(status, 200);
  return server;
}

/** Asks `count` times, one after the other, and returns who answered. */
async function answered(server: ToyHost, count: number, prompt = "a"): Promise<string[]> {
  const names: string[] = [];
  for (let i = 0; i < count; i++) {
    const { status, body } = await server.ask("champion", { prompt });
    assert.equal(status, 200, JSON.stringify(body));
    assert.equal(body.choices[0].text, "b");
    names.push(body.model);
  }
  return names;
}

const state = async (server: ToyHost) => {
  const { body } = await server.admin("GET", "/admin/aliases/champion");
  return body.canary;
};

Deno.test("a canary answers its share of an alias's requests, is counted, and ends with the next change", async () => {
  await using server = await onTrial({ share: 0.25 }, {});
  const names = await answered(server, 12);
  assert.deepEqual(names.flatMap((name, i) => name === "new" ? [i] : []), [3, 7, 11]);
  const { latency_ms, baseline, ...canary } = await state(server);
  assert.deepEqual(canary, {
    model: "new",
    share: 0.25,
    max_errors: 5,
    max_error_rate: 0.05,
    max_latency_ratio: null,
    min_requests: 20,
    state: "running",
    reason: null,
    requests: 3,
    errors: 0,
  });
  assert.deepEqual([baseline.requests, baseline.errors], [9, 0]);
  assert.ok(latency_ms.median > 0 && latency_ms.p95 >= latency_ms.median);
  assert.deepEqual(
    await server.admin("DELETE", "/admin/models/new").then(({ status }) => status),
    409,
  );
  const metrics = await fetch(`${server.url}/metrics`, {
    headers: { authorization: `Bearer ${KEYS.read}` },
  });
  const lines = (await metrics.text()).split("\n");
  for (
    const line of [
      'llm_alias_revision{alias="champion",model="old"} 1',
      'llm_canary_running{alias="champion",model="new"} 1',
      'llm_canary_requests{alias="champion",model="new",side="canary"} 3',
      'llm_canary_requests{alias="champion",model="old",side="baseline"} 9',
      'llm_model_requests_total{model="new",outcome="answered"} 3',
      'llm_model_requests_total{model="old",outcome="answered"} 9',
      'llm_generated_tokens_total{model="new"} 3',
      'llm_generated_tokens_total{model="old"} 9',
    ]
  ) assert.ok(lines.includes(line), line);
  await server.admin("PUT", "/admin/aliases/champion", { model: "new" });
  assert.equal(await state(server), null);
  assert.deepEqual(new Set(await answered(server, 4)), new Set(["new"]));
});

Deno.test("a canary that fails is answered for by the model, and stopped by itself", async () => {
  await using server = await onTrial({ share: 0.5, max_errors: 2 }, { failsFrom: 1 });
  assert.deepEqual(new Set(await answered(server, 20)), new Set(["old"]));
  const canary = await state(server);
  assert.deepEqual([canary.state, canary.errors, canary.requests], ["stopped", 3, 3]);
  assert.match(canary.reason, /3 requests failed, 2 may/);
  const log = server.log.filter((line) => !line.startsWith("open"));
  const told = 'Stopped canary "new" of alias "champion": 3 requests failed, 2 may';
  assert.deepEqual(log.filter((line) => line !== "Error: the device is lost"), [told]);
  assert.equal(log.length, 4, "each failure is told, though no client hears of it");
  // a stream too, as nothing of it was sent
  const again = await server.admin("PUT", "/admin/aliases/champion", {
    model: "old",
    canary: { model: "new", share: 1, max_errors: 0 },
  });
  assert.equal(again.body.canary.state, "running");
  const stream = await server.client.completions.create({
    model: "champion",
    prompt: "a",
    max_tokens: 3,
    temperature: 0,
    stream: true,
  });
  let text = "";
  for await (const chunk of stream) text += chunk.choices[0]?.text;
  assert.equal(text, "bcd");
  assert.equal((await state(server)).state, "stopped");
});

Deno.test("a canary that breaks off after its first piece counts as failed", async () => {
  await using server = await onTrial({ share: 1, max_errors: 0 }, { failsFrom: 3, turns: 2 });
  const stream = await server.client.completions.create({
    model: "champion",
    prompt: "a",
    max_tokens: 20,
    temperature: 0,
    stream: true,
  });
  await assert.rejects(async () => {
    for await (const _ of stream);
  });
  const canary = await state(server);
  assert.deepEqual([canary.state, canary.errors], ["stopped", 1]);
});

Deno.test("a request that both refuse is not the canary's fault, one that only it refuses is", async () => {
  await using server = await onTrial({ share: 1, max_errors: 0 }, { maxPositions: 8 });
  const tooLong = await server.ask("champion", { prompt: "a".repeat(500) });
  assert.deepEqual([tooLong.status, tooLong.body.error.code], [400, "context_length_exceeded"]);
  assert.deepEqual([(await state(server)).state, (await state(server)).requests], ["running", 0]);
  assert.deepEqual(await answered(server, 1, "a".repeat(20)), ["old"]);
  assert.deepEqual([(await state(server)).state, (await state(server)).errors], ["stopped", 1]);
});

Deno.test("a canary that is slower than it may be is stopped", async () => {
  await using server = await onTrial(
    { share: 0.5, max_latency_ratio: 1.5, min_requests: 5 },
    { turns: 150 },
  );
  const names = await answered(server, 14);
  assert.deepEqual(names.slice(10), Array(4).fill("old"));
  assert.match((await state(server)).reason, /median latency/);
});

Deno.test("/admin/aliases refuses a canary that is none", async () => {
  await using server = await startToyHost({ models: { old: {}, new: {} } });
  const param = async (canary: unknown) => {
    const { status, body } = await server.admin("PUT", "/admin/aliases/champion", {
      model: "old",
      canary,
    });
    return [status, body.error?.param];
  };
  assert.deepEqual(await param({ model: "old", share: 0.5 }), [400, "canary.model"]);
  assert.deepEqual(await param({ model: "new", share: 1.5 }), [400, "canary.share"]);
  assert.deepEqual(await param({ model: "new" }), [400, "canary.share"]);
  assert.deepEqual(await param({ model: "other", share: 0.5 }), [404, "canary.model"]);
  assert.deepEqual(await param(null), [200, undefined]);
});
