import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { listCheckpoints } from "../../../src/models/checkpoint/list.ts";
import { readMetrics } from "../../e2e/checkpoints.ts";
import { readJson, startDaemon, testHome, tokenRows, until, untilDone } from "./test_daemon.ts";

Deno.test("a file in the inbox becomes a job, a run and the live model, and the next trains on from it", async () => {
  await using test = await testHome();
  const { queue, paths } = test;
  await using daemon = await startDaemon(test);
  await test.drop("first.jsonl", { seed: 1 });
  const [first] = await untilDone(queue, 1);
  assert.equal(first?.state, "succeeded", first?.error ?? "");
  assert.deepEqual([first.attempts, first.failures], [1, 0]);
  const sha256 = createHash("sha256").update(tokenRows(1, 12)).digest("hex");
  assert.equal(first.contentHash, sha256);
  assert.equal(await Deno.readTextFile(join(paths.data, `${sha256}.jsonl`)), tokenRows(1, 12));
  assert.equal(existsSync(join(paths.inbox, "first.jsonl")), false);
  const live = await readJson(paths.live);
  assert.equal(live["checkpoint"], first.result?.["checkpoint"]);
  assert.equal(live["parent"], null);

  await test.drop("deep/er/second.jsonl", { seed: 2 });
  const [, second] = await untilDone(queue, 2);
  assert.equal(second?.result?.["parent"], first.result?.["checkpoint"]);
  assert.equal(second?.payload["name"], "deep/er/second.jsonl");
  assert.equal(existsSync(join(paths.inbox, "deep")), false, "the empty folders are gone");
  const config = await readJson(join(String(second?.result?.["run"]), "config.json"));
  assert.equal(config["model"], first.result?.["checkpoint"]);
  assert.equal((await readJson(paths.live))["checkpoint"], second?.result?.["checkpoint"]);

  const rates = async (job: typeof first | undefined) =>
    (await readMetrics(String(job?.result?.["run"]))).map((each) =>
      (each as { learning_rate: number }).learning_rate
    );
  assert.deepEqual(await rates(second), await rates(first), "each file has a schedule of its own");

  const lineage = await readJson(join(paths.data, `${sha256}.lineage.json`)) as {
    received: { name: string; source: string; valid: boolean; validator: { version: number } }[];
    effects: { job_id: string; outcome: string }[];
  };
  const [received] = lineage.received;
  assert.deepEqual([received?.name, received?.source, received?.valid], [
    "first.jsonl",
    "inbox",
    true,
  ]);
  assert.equal(received?.validator.version, 1);
  assert.deepEqual(lineage.effects.map(({ job_id, outcome }) => [job_id, outcome]), [
    [first.id, "published"],
  ]);
  assert.equal((await daemon.status()).state, "idle");
});

Deno.test("content is recognised under another name; a repaired file may keep its name", async () => {
  await using test = await testHome();
  const { queue, paths } = test;
  await using daemon = await startDaemon(test);
  await test.drop("a.jsonl", { seed: 1 });
  await untilDone(queue, 1);
  await test.drop("b.jsonl", { seed: 1 });
  const known = /Took "b.jsonl".*its content is that of job/;
  await until(() => daemon.log.some(({ message }) => known.test(message)));

  await Deno.writeTextFile(join(paths.inbox, "c.jsonl"), '{"input_ids": "x"}\n');
  const [, broken] = await untilDone(queue, 2);
  assert.equal(broken?.state, "failed");
  assert.match(broken.error!, /^the data cannot be trained on: .*input_ids/);
  assert.equal(broken.attempts, 0);
  await queue.retry(broken.id);
  const again = await until(async () => {
    const job = await queue.find(broken.id);
    return job?.attempts === 1 && job.state === "failed" && job;
  });
  assert.equal(again.error, broken.error, "no trainer gets to see it");
  await test.drop("c.jsonl", { seed: 3 });
  const [, , repaired] = await untilDone(queue, 3);
  assert.equal(repaired?.state, "succeeded");
});

Deno.test("a side-car gives settings, priority and policy; one that is wrong puts the file aside", async () => {
  await using test = await testHome();
  const { queue, paths } = test;
  const sidecar = {
    max_steps: 2,
    learningRate: 5e-4,
    priority: "high",
    policy: "base",
    lineage: { generator: "g", version: 3 },
  };
  await Deno.writeTextFile(join(paths.inbox, "a.json"), JSON.stringify(sidecar));
  await Deno.writeTextFile(join(paths.inbox, "bad.json"), '{"learning_rte": 1}');
  await test.drop("a.jsonl", { seed: 1 });
  await test.drop("bad.jsonl", { seed: 2 });
  await using daemon = await startDaemon(test);
  const [job] = await untilDone(queue, 1);
  assert.deepEqual([job?.state, job?.priority], ["succeeded", "high"]);
  const config = await readJson(join(String(job?.result?.["run"]), "config.json"));
  assert.deepEqual([config["maxSteps"], config["learningRate"], config["batchSize"]], [2, 5e-4, 4]);
  const lineage = await readJson(
    join(paths.data, `${job?.payload["dataset_sha256"]}.lineage.json`),
  );
  const [received] = lineage["received"] as { generator: unknown }[];
  assert.deepEqual(received?.generator, { generator: "g", version: 3 });
  const reason = join(paths.inbox, ".refused", "bad.jsonl.reason.txt");
  await until(() => existsSync(reason));
  assert.match(
    await Deno.readTextFile(reason),
    /bad.json:1:2.*"learning_rte".*did you mean "learning/,
  );
  assert.ok(existsSync(join(paths.inbox, ".refused", "bad.jsonl")));
  assert.equal((await daemon.status()).queue.succeeded, 1);
});

Deno.test("a file that a daemon was taking when it died is taken by the next", async () => {
  await using test = await testHome({ maxSteps: 1 });
  const { queue, paths } = test;
  const taking = join(paths.inbox, ".taking");
  await Deno.mkdir(join(taking, "1-a", "sub"), { recursive: true });
  await Deno.mkdir(join(taking, "2-b"));
  await Deno.writeTextFile(join(taking, "2-b", "left.json"), '{"priority": "low"}');
  await Deno.writeTextFile(join(taking, "1-a", "sub", "a.jsonl"), tokenRows(1, 4));
  await Deno.writeTextFile(join(taking, "1-a", "sub", "a.json"), '{"priority": "low"}');
  const meta = { generator_id: "syllo", generator_version: "2" };
  await Deno.writeTextFile(join(taking, "1-a", "sub", "a.jsonl.meta.json"), JSON.stringify(meta));
  await using _daemon = await startDaemon(test);
  const [job] = await untilDone(queue, 1);
  assert.deepEqual([job?.payload["name"], job?.priority], ["sub/a.jsonl", "low"]);
  const lineage = await readJson(join(paths.data, `${job?.contentHash}.lineage.json`));
  assert.deepEqual((lineage["received"] as { generator: unknown }[])[0]?.generator, meta);
  assert.deepEqual(await Array.fromAsync(Deno.readDir(taking)), []);
  assert.ok(existsSync(join(paths.inbox, "left.json")), "it waits for its file again");
});

Deno.test("a file that is still written is left alone until it is whole", async () => {
  await using test = await testHome();
  const { queue, paths } = test;
  const path = join(paths.inbox, "slow.jsonl");
  const text = tokenRows(7, 12);
  const cut = text.indexOf("\n") + 20;
  await Deno.writeTextFile(path, text.slice(0, cut));
  await Deno.writeTextFile(join(paths.inbox, "other.jsonl.part"), text);
  await using daemon = await startDaemon(test);
  await test.drop("quick.jsonl", { seed: 1 });
  await untilDone(queue, 1);
  assert.ok(existsSync(path), "its last line is cut off");
  await Deno.writeTextFile(path, text.slice(cut), { append: true });
  const [, job] = await untilDone(queue, 2);
  assert.equal(job?.contentHash, createHash("sha256").update(text).digest("hex"));
  assert.ok(existsSync(join(paths.inbox, "other.jsonl.part")));
  assert.equal((await daemon.status()).queue.failed, 0);
});

Deno.test("policy base trains each file from the model of the settings, which may be a name in the home", async () => {
  await using test = await testHome({ model: "tiny" });
  const { queue, paths } = test;
  await using _daemon = await startDaemon(test, { settings: { policy: "base" } });
  await test.drop("a.jsonl", { seed: 1 });
  await test.drop("b.jsonl", { seed: 2 });
  const jobs = await untilDone(queue, 2);
  assert.deepEqual(jobs.map(({ result }) => result?.["parent"]), [null, null]);
  const config = await readJson(join(String(jobs[1]?.result?.["run"]), "config.json"));
  assert.equal(config["model"], join(paths.models, "tiny"));
});

Deno.test("an adapter is trained on from file to file", async () => {
  await using test = await testHome({ loraRank: 4, maxSteps: 2 });
  const { queue, paths } = test;
  await using _daemon = await startDaemon(test);
  await test.drop("a.jsonl", { seed: 1 });
  await test.drop("b.jsonl", { seed: 2 });
  const [first, second] = await untilDone(queue, 2);
  assert.equal(second?.state, "succeeded", second?.error ?? "");
  const config = await readJson(join(String(second?.result?.["run"]), "config.json"));
  assert.equal(config["adapter"], first?.result?.["checkpoint"]);
  assert.equal(config["model"], join(paths.models, "tiny"));
  assert.equal((await readJson(paths.live))["base"], join(paths.models, "tiny"));
});

Deno.test("a model that is worse on the fixed set does not become live; the next trains on from the one before", async () => {
  await using test = await testHome();
  const { queue, paths } = test;
  const fixedSet = join(paths.models, "fixed.jsonl");
  await Deno.writeTextFile(fixedSet, tokenRows(1, 12));
  await using _daemon = await startDaemon(test, {
    settings: { fixedSet, regressionTolerance: 0.001 },
  });
  await test.drop("good.jsonl", { seed: 1 });
  const [good] = await untilDone(queue, 1);
  const effect = good?.result?.["fixed_set"] as { before: number; after: number; change: number };
  assert.equal(good?.result?.["outcome"], "published");
  assert.ok(effect.after < effect.before, "it was trained on the set itself");
  assert.equal(effect.change, effect.after - effect.before);

  await Deno.writeTextFile(
    join(paths.inbox, "bad.json"),
    JSON.stringify({ learningRate: 0.3, maxSteps: 10 }),
  );
  await test.drop("bad.jsonl", { seed: 9 });
  const [, bad] = await untilDone(queue, 2);
  assert.equal(bad?.state, "succeeded");
  assert.equal(bad.result?.["outcome"], "rolled_back");
  assert.match(String(bad.result?.["refusal"]), /^the loss on the fixed set rose from/);
  const badEffect = bad.result?.["fixed_set"] as typeof effect;
  assert.equal(badEffect.before, effect.after, "the loss of the parent, measured before");
  assert.equal((await readJson(paths.live))["checkpoint"], good.result?.["checkpoint"]);

  await test.drop("next.jsonl", { seed: 1, rows: 13 });
  const [, , next] = await untilDone(queue, 3);
  assert.equal(next?.result?.["parent"], good.result?.["checkpoint"]);
});

Deno.test("a program that evaluates may refuse a model", async () => {
  await using test = await testHome({ maxSteps: 1 });
  const { queue } = test;
  const script = 'console.error("too polite: " + Deno.args[0].slice(-12)); Deno.exit(4);';
  const evaluateCommand = [Deno.execPath(), "eval", script];
  await using _daemon = await startDaemon(test, { settings: { evaluateCommand } });
  await test.drop("a.jsonl", { seed: 1 });
  const [job] = await untilDone(queue, 1);
  assert.equal(job?.result?.["outcome"], "rolled_back");
  assert.match(String(job?.result?.["refusal"]), /exit status 4: too polite: checkpoint-1$/);
});

Deno.test("data is made when there is nothing to do, looked over, and its lineage noted", async () => {
  await using test = await testHome({ maxSteps: 1 });
  const { queue, paths } = test;
  const script = "const ids = [1, 2, Number(Deno.env.get('LLM_TRAINING_SEED')) % 60];" +
    "console.log(JSON.stringify({ input_ids: ids, labels: ids }));";
  const generateCommand = [Deno.execPath(), "eval", script];
  await using daemon = await startDaemon(test, {
    settings: { generateCommand, generateCooldownSeconds: 3600 },
  });
  const [job] = await untilDone(queue, 1);
  assert.equal(job?.error, null);
  assert.deepEqual([job?.state, job?.priority, job?.payload["source"]], [
    "succeeded",
    "low",
    "generator",
  ]);
  const lineage = await readJson(
    join(paths.data, `${job?.payload["dataset_sha256"]}.lineage.json`),
  );
  const [{ generator }] = lineage["received"] as [
    { generator: { kind: string; parameters: { seed: number } } },
  ];
  assert.equal(generator.kind, "command");
  assert.ok(generator.parameters.seed >= 0);
  await daemon.command("checkpoint-now"); // lets some time pass
  assert.equal((await queue.list()).length, 2, "one generation and its job; the next waits");
});

Deno.test("a generator that makes nonsense waits before it tries again", async () => {
  await using test = await testHome();
  const { queue } = test;
  const generateCommand = [Deno.execPath(), "eval", 'console.log("nonsense")'];
  await using _daemon = await startDaemon(test, {
    settings: { generateCommand, generateCooldownSeconds: 3600 },
  });
  const failed = await until(async () => {
    const jobs = await queue.list({ states: ["failed"] });
    return jobs.length === 2 && jobs;
  });
  assert.deepEqual(failed.map(({ kind }) => kind).toSorted(), ["generate", "train"]);
});

Deno.test("a mistake in the home's settings fails no job: they wait until it is mended", async () => {
  await using test = await testHome({ maxSteps: 1 });
  const { queue, paths } = test;
  await using daemon = await startDaemon(test);
  const settings = await Deno.readTextFile(paths.settings);
  await Deno.writeTextFile(paths.settings, "{");
  await test.drop("a.jsonl", { seed: 1 });
  await until(async () => (await daemon.status()).reason !== null);
  assert.equal((await queue.counts()).failed, 0);
  await Deno.writeTextFile(paths.settings, settings);
  const [job] = await untilDone(queue, 1);
  assert.equal(job?.state, "succeeded");
});

Deno.test("a job without a model fails and says what to do; retry works once there is one", async () => {
  await using test = await testHome();
  const { queue, paths } = test;
  const settings = await readJson(paths.settings);
  await Deno.writeTextFile(paths.settings, JSON.stringify({ ...settings, model: undefined }));
  await using _daemon = await startDaemon(test);
  await test.drop("a.jsonl", { seed: 1 });
  const [job] = await untilDone(queue, 1);
  assert.equal(job?.state, "failed");
  assert.match(job.error!, /no model is given; put "model" into ".*llm-training.json"/);
  await Deno.writeTextFile(paths.settings, JSON.stringify(settings));
  await queue.retry(job.id);
  const [again] = await until(async () => {
    const jobs = await queue.list();
    return jobs[0]?.state === "succeeded" && jobs;
  });
  assert.equal(again?.attempts, 2);
  assert.equal((await listCheckpoints(String(again?.result?.["run"]))).length, 1);
});

Deno.test("files are taken and questions answered while a job is trained", async () => {
  await using test = await testHome({ maxSteps: 100_000 });
  const { queue } = test;
  await test.drop("long.jsonl", { seed: 1 });
  await using daemon = await startDaemon(test);
  await until(async () => (await daemon.status()).state === "training");
  await test.drop("next.jsonl", { seed: 2 });
  await until(async () => (await queue.counts()).queued === 1);
  const startedMs = performance.now();
  const { state, job } = await daemon.status();
  assert.ok(performance.now() - startedMs < 2000);
  assert.equal(state, "training");
  assert.ok(Number(job?.progress?.["step"]) < 100_000);
});
