import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import OpenAI, { toFile } from "openai";
import { createKey } from "../../../../src/inference/keys/key_file.ts";
import { resolveModel } from "../../../../src/models/stored/resolve_model.ts";
import { runCli } from "../../../cli/run_cli.ts";
import { readJson, startDaemon, testHome, tokenRows, until } from "../test_daemon.ts";

const KEY = "test-key";

function client(url: string, apiKey = KEY): OpenAI {
  return new OpenAI({ baseURL: `${url}/v1`, apiKey, maxRetries: 0 });
}

async function upload(openai: OpenAI, seed: number, name = "train.jsonl") {
  return await openai.files.create({
    file: await toFile(new TextEncoder().encode(tokenRows(seed, 12)), name),
    purpose: "fine-tune",
  });
}

Deno.test("openai's client uploads, fine-tunes, reads events and checkpoints, and the model can be used", async () => {
  await using home = await testHome({ saveSteps: 3, keepCheckpoints: 5 });
  await using daemon = await startDaemon(home, { settings: { port: 0 }, apiKey: KEY });
  const openai = client(daemon.ready.api_url!);
  const file = await upload(openai, 1);
  assert.deepEqual([file.object, file.filename, file.purpose, file.status], [
    ...["file", "train.jsonl", "fine-tune", "processed"],
  ]);
  assert.equal(file.bytes, tokenRows(1, 12).length);
  const validation = await upload(openai, 2, "valid.jsonl");
  assert.equal(await (await openai.files.content(file.id)).text(), tokenRows(1, 12));

  const created = await openai.fineTuning.jobs.create({
    model: "tiny",
    training_file: file.id,
    validation_file: validation.id,
    suffix: "my model",
    seed: 7,
    method: {
      type: "supervised",
      supervised: { hyperparameters: { n_epochs: 2, batch_size: 3, learning_rate_multiplier: 2 } },
    },
    metadata: { team: "a" },
  });
  assert.equal(created.object, "fine_tuning.job");
  assert.match(created.id, /^ftjob-/);
  assert.ok(["queued", "running"].includes(created.status));
  assert.equal(created.fine_tuned_model, null);
  const job = await until(async () => {
    const found = await openai.fineTuning.jobs.retrieve(created.id);
    return found.finished_at !== null && found;
  });
  assert.equal(job.status, "succeeded", job.error?.message);
  assert.deepEqual([job.training_file, job.validation_file, job.seed, job.metadata], [
    ...[file.id, validation.id, 7, { team: "a" }],
  ]);
  assert.match(job.fine_tuned_model!, /^ft-tiny-my-model-/);
  const tokens = tokenRows(1, 12).trimEnd().split("\n").map((line) =>
    JSON.parse(line).labels.length - 1
  );
  assert.equal(job.trained_tokens, 2 * tokens.reduce((a, b) => a + b));

  const config = await readJson(join(home.paths.runs, job.fine_tuned_model!, "config.json"));
  assert.deepEqual(
    [config["maxSteps"], config["batchSize"], config["learningRate"], config["seed"]],
    [8, 3, 2e-3, 7],
    "two epochs of twelve rows by three; twice the learning rate of the home",
  );
  const events = await Array.fromAsync(openai.fineTuning.jobs.listEvents(job.id, { limit: 2 }));
  assert.ok(events.every(({ object, id }) => object === "fine_tuning.job.event" && id !== ""));
  assert.match(events.at(-1)!.message, /^Created fine-tuning job/);
  assert.match(events[0]!.message, /succeeded/);
  const last = events.find(({ type }) => type === "metrics")!.data as Record<string, number>;
  assert.equal(last["step"], 8);
  assert.ok(last["train_loss"]! > 0 && last["valid_loss"]! > 0);

  const [result] = job.result_files;
  assert.equal((await openai.files.retrieve(result!)).purpose, "fine-tune-results");
  const table = (await (await openai.files.content(result!)).text()).trimEnd().split("\n");
  assert.equal(table[0], "step,train_loss,valid_loss");
  assert.equal(table.length, 9);
  assert.equal(table.at(-1), `8,${last["train_loss"]},${last["valid_loss"]}`);

  const checkpoints = await Array.fromAsync(
    openai.fineTuning.jobs.checkpoints.list(job.id, { limit: 1 }),
  );
  assert.deepEqual(checkpoints.map(({ step_number }) => step_number), [8, 6, 3]);
  assert.equal(checkpoints[0]!.fine_tuning_job_id, job.id);
  const context = { flag: home.home, env: {}, cwd: home.paths.models };
  for (const name of [job.fine_tuned_model!, checkpoints[1]!.fine_tuned_model_checkpoint]) {
    const found = await resolveModel(name, { context });
    assert.ok(found.kind !== "preset" && existsSync(join(found.path, "model.safetensors")), name);
  }
  assert.equal(existsSync(home.paths.live), false, "what a client trains does not become live");

  const next = await openai.fineTuning.jobs.create({
    model: job.fine_tuned_model!,
    training_file: file.id,
  });
  await until(async () => (await openai.fineTuning.jobs.retrieve(next.id)).status === "succeeded");
  const listed = await Array.fromAsync(openai.fineTuning.jobs.list({ limit: 1 }));
  assert.deepEqual(listed.map(({ id }) => id), [next.id, job.id]);
  const mine = await openai.fineTuning.jobs.list({ metadata: { team: "a" } } as never);
  assert.deepEqual(mine.data.map(({ id }) => id), [job.id]);
});

Deno.test("openai's client pauses, resumes and cancels", async () => {
  await using home = await testHome({ maxSteps: 100_000 });
  await using daemon = await startDaemon(home, { settings: { port: 0 }, apiKey: KEY });
  const openai = client(daemon.ready.api_url!);
  const file = await upload(openai, 1);
  const { id } = await openai.fineTuning.jobs.create({ model: "tiny", training_file: file.id });
  const training = () =>
    until(async () => {
      const { status, estimated_finish } = await openai.fineTuning.jobs.retrieve(id);
      return status === "running" && (estimated_finish ?? 0) > 0;
    });
  await training();
  assert.equal((await openai.fineTuning.jobs.pause(id)).status, "paused");
  assert.equal((await openai.fineTuning.jobs.resume(id)).status, "queued");
  await training();
  assert.equal((await openai.fineTuning.jobs.cancel(id)).status, "cancelled");
  await assert.rejects(openai.fineTuning.jobs.pause(id), /400 Cannot pause job .* it is cancelled/);
  const deleted = await openai.files.delete(file.id);
  assert.equal(deleted.deleted, true);
  await assert.rejects(openai.files.retrieve(file.id), { status: 404 });
});

Deno.test("the API refuses what it cannot do, and says which field is wrong", async () => {
  await using home = await testHome({ maxSteps: 1 });
  await using daemon = await startDaemon(home, {
    settings: { port: 0, maxUploadBytes: 5000 },
    apiKey: KEY,
  });
  const openai = client(daemon.ready.api_url!);
  const file = await upload(openai, 1);
  const create = (changes: object) =>
    openai.fineTuning.jobs.create({ model: "tiny", training_file: file.id, ...changes } as never);
  const cases: readonly (readonly [object, number, string | null])[] = [
    [{ model: "no-such-model" }, 400, "model"],
    [{ model: "../../etc" }, 400, "model"],
    [{ model: home.home }, 400, "model"],
    [{ model: "models/../../x" }, 400, "model"],
    [{ training_file: "file-none" }, 400, "training_file"],
    [{ validation_file: "file-none" }, 400, "validation_file"],
    [{ method: { type: "dpo" } }, 400, "method.type"],
    [{ method: { type: "reinforcement" } }, 400, "method.type"],
    [{ integrations: [{ type: "wandb" }] }, 400, "integrations"],
    [{ hyperparameters: { n_epochs: -1 } }, 400, "hyperparameters.n_epochs"],
    [{ suffix: "x".repeat(65) }, 400, "suffix"],
    [{ training_file: undefined }, 400, "training_file"],
  ];
  for (const [changes, status, param] of cases) {
    await assert.rejects(create(changes), { status, param }, JSON.stringify(changes));
  }
  await assert.rejects(client(daemon.ready.api_url!, "wrong").files.list(), { status: 401 });
  const big = await toFile(new Uint8Array(200_000).fill(10), "big.jsonl");
  await assert.rejects(openai.files.create({ file: big, purpose: "fine-tune" }), { status: 413 });
  const small = await toFile(new TextEncoder().encode("{}\n"), "x.jsonl");
  await assert.rejects(openai.files.create({ file: small, purpose: "batch" }), {
    status: 400,
    param: "purpose",
  });

  const bad = await openai.files.create({ file: small, purpose: "fine-tune" });
  const job = await create({ training_file: bad.id });
  assert.deepEqual([job.status, job.error?.code, job.error?.param], [
    ...["failed", "invalid_training_file", "training_file"],
  ]);
  await assert.rejects(openai.fineTuning.jobs.retrieve("ftjob-none"), { status: 404 });
});

Deno.test("without a key the API answers on this machine only, by its own names", async () => {
  await using home = await testHome();
  await assert.rejects(
    startDaemon(home, { settings: { port: 0, host: "0.0.0.0" } }),
    /Cannot serve on "0.0.0.0" without an API key/,
  );
  await using daemon = await startDaemon(home, { settings: { port: 0 } });
  const { port } = new URL(daemon.ready.api_url!);
  assert.equal((await client(daemon.ready.api_url!, "any").files.list()).data.length, 0);
  // a web page whose name was made to point at this machine
  const socket = await Deno.connect({ hostname: "127.0.0.1", port: Number(port) });
  await socket.write(
    new TextEncoder().encode(
      "GET /v1/files HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n",
    ),
  );
  assert.match(await new Response(socket.readable).text(), /^HTTP\/1.1 403/);
});

Deno.test("the API asks for the keys of the home, keeps to their limits, and to how many jobs may wait", async () => {
  await using home = await testHome({ maxSteps: 100_000 });
  const { secret } = await createKey(home.paths.keys, {
    name: "alice",
    role: "read",
    requestsPerMinute: 5,
  });
  await using daemon = await startDaemon(home, { settings: { port: 0, maxQueuedJobs: 1 } });
  const url = daemon.ready.api_url!;
  await assert.rejects(client(url, "wrong").files.list(), { status: 401 });
  const openai = client(url, secret);
  const file = await upload(openai, 1);
  const create = (seed: number) =>
    openai.fineTuning.jobs.create({ model: "tiny", training_file: file.id, seed });
  const { id } = await create(1);
  await until(async () => (await home.queue.find(id))?.state === "running");
  await create(2);
  await assert.rejects(create(3), { status: 429, code: "queue_full" });
  // one more each twelve seconds: asking faster comes to an end
  const ask = async () => {
    for (let i = 0; i < 10; i++) await openai.files.list();
  };
  await assert.rejects(ask(), { status: 429, code: "rate_limit_exceeded" });
});

/** A Python that has the package `openai`. */
const PYTHON = Deno.env.get("LLM_TRAINING_PYTHON");

async function hasOpenai(python: string): Promise<boolean> {
  const { success } = await new Deno.Command(python, {
    args: ["-c", "import openai"],
    stderr: "null",
  }).output();
  return success;
}

const canAsk = PYTHON !== undefined && await hasOpenai(PYTHON);

Deno.test({
  name: `Python's openai fine-tunes too${
    canAsk ? "" : " (skipped: LLM_TRAINING_PYTHON names no Python with openai)"
  }`,
  ignore: !canAsk,
  async fn() {
    await using home = await testHome({ saveSteps: 3, keepCheckpoints: 5 });
    await using daemon = await startDaemon(home, { settings: { port: 0 }, apiKey: KEY });
    const data = join(home.paths.models, "train.jsonl");
    await Deno.writeTextFile(data, tokenRows(4, 12));
    const script = fileURLToPath(new URL("./openai_client.py", import.meta.url));
    const { code, stdout, stderr } = await new Deno.Command(PYTHON!, {
      args: [script, `${daemon.ready.api_url}/v1`, KEY, data],
    }).output();
    assert.equal(code, 0, new TextDecoder().decode(stderr));
    const { model, steps } = JSON.parse(new TextDecoder().decode(stdout));
    assert.deepEqual(steps, [6, 3]);
    const info = await runCli(["model", "info", model, "--json"], {
      env: { LLM_TRAINING_HOME: home.home },
    });
    assert.equal(info.status, 0, info.stderr);
  },
});
