import assert from "node:assert/strict";
import { join } from "node:path";
import { Follower } from "../../../src/monitoring/trackers/follower.ts";
import type { WandbSettings } from "../../../src/monitoring/trackers/settings.ts";
import { createWandbTracker } from "../../../src/monitoring/trackers/wandb.ts";
import { python, testWithPackage } from "../../python.ts";
import { temporaryFolder } from "../../temporary_folder.ts";
import { madeStep, makeRun } from "../made_run.ts";
import { startWandbServer, WANDB_AUTHORIZATION, WANDB_KEY } from "./wandb_server.ts";

/** Makes a run of the same steps by the client of Weights & Biases. */
const CLIENT = `
import json, os, sys, wandb
settings = wandb.Settings(console="off", x_disable_stats=True, disable_git=True, base_url=sys.argv[1])
run = wandb.init(project="my project", name="my run", dir=sys.argv[2], config={"maxSteps": 3}, settings=settings)
for step, loss in enumerate(json.loads(sys.argv[3])): run.log({"loss": loss}, step=step + 1)
run.finish()
print(json.dumps(run.id))
`;

testWithPackage(
  "the stand-in for wandb's server takes what wandb's own client sends, and has the same of it",
  "wandb",
  async () => {
    await using folder = await temporaryFolder();
    await using server = startWandbServer();
    const losses = [1, 2, 3].map((step) => madeStep(step).loss);
    const args = [server.url, folder.path, JSON.stringify(losses)];
    const env = { WANDB_API_KEY: WANDB_KEY, WANDB_SILENT: "true", WANDB_ERROR_REPORTING: "false" };
    const name = await python(CLIENT, args, { env }) as string;
    assert.deepEqual(server.faults, []);
    const { displayName, config, files, exitcode } = server.runs.get(name)!;
    assert.equal(displayName, "my run");
    assert.equal(config["maxSteps"]!.value, 3);
    assert.equal(exitcode, 0);
    const history = files["wandb-history.jsonl"]!.map((line) => JSON.parse(line));
    assert.deepEqual(
      history.map(({ _step, loss }) => [_step, loss]),
      losses.map((loss, i) => [i + 1, loss]),
    );
    assert.ok(history.every(({ _timestamp, _runtime }) => _timestamp > _runtime));
    assert.equal(JSON.parse(files["wandb-summary.json"]!.at(-1)!)._step, 3);
  },
);

Deno.test("wandb has every step and sample once, through lost answers and a resume", async () => {
  await using folder = await temporaryFolder();
  await using server = startWandbServer();
  const settings: WandbSettings = {
    ...{ kind: "wandb", url: server.url, authorization: WANDB_AUTHORIZATION },
    ...{ project: "my project", runName: "my run", entity: null },
  };
  const path = join(folder.path, "run");
  const problems: string[] = [];
  const pace = { intervalMs: 0, minDelayMs: 1 };
  const onProblem = (message: string) => problems.push(message);
  server.failing = (request) => request % 4 === 3; // taken, but the answer is lost
  {
    using run = await makeRun(path);
    run.sample(0);
    run.steps(1, 10);
    run.sample(10);
    run.steps(11, 13);
    const tracker = createWandbTracker(settings, run.tracked);
    await using follower = new Follower(tracker, { folder: path, onProblem, ...pace });
    await follower.finish("interrupted", 10_000);
  }
  const [name, stored] = [...server.runs][0]!;
  assert.equal(stored.exitcode, 130);
  using run = await makeRun(path, { startStep: 10, config: { maxSteps: 450 } });
  run.steps(11, 450);
  run.sample(450);
  const tracker = createWandbTracker(settings, run.tracked);
  await using follower = new Follower(tracker, { folder: path, onProblem, ...pace });
  await follower.finish("finished", 10_000);

  assert.deepEqual(server.faults, []);
  assert.equal(server.runs.size, 1);
  const { displayName, config, files, exitcode } = server.runs.get(name)!;
  assert.equal(displayName, "my run");
  assert.equal(config["maxSteps"]!.value, 450);
  assert.equal((config["run"]!.value as { device: string }).device, "wasm");
  assert.equal(exitcode, 0);
  const history = files["wandb-history.jsonl"]!.map((line) => JSON.parse(line));
  const expected = Array.from({ length: 450 }, (_, i) => madeStep(i + 1));
  assert.deepEqual(history.map(({ _step }) => _step), expected.map(({ step }) => step));
  assert.deepEqual(history.map(({ loss }) => loss), expected.map(({ loss }) => loss));
  assert.equal(history[4].eval_loss, madeStep(5).eval_loss);
  assert.equal(history[9]._timestamp, Date.parse(madeStep(10).time) / 1000);
  assert.equal(history[9]._runtime, 10);
  const summary = JSON.parse(files["wandb-summary.json"]![0]!);
  assert.equal(summary._step, 450);
  assert.equal(summary.eval_loss, madeStep(450).eval_loss);
  const output = files["output.log"]!;
  assert.deepEqual(output.map((line) => /step (\d+)/.exec(line)![1]), [
    "0",
    "0",
    "10",
    "10",
    "450",
    "450",
  ]);
  assert.match(output[1]!, /sample: "Ünïcode <b> → answer 0 to/);
  assert.ok(problems.length === 2, "one of each process");
  assert.match(problems[0]!, /answers 503: busy/);
});

Deno.test("wandb with a wrong key is left out", async () => {
  await using folder = await temporaryFolder();
  await using server = startWandbServer();
  using run = await makeRun(join(folder.path, "run"));
  const problems: string[] = [];
  const tracker = createWandbTracker({
    ...{ kind: "wandb", url: server.url, authorization: "Basic eA==" },
    ...{ project: "my project", runName: null, entity: null },
  }, run.tracked);
  const onProblem = (message: string) => problems.push(message);
  await using follower = new Follower(tracker, { folder: run.folder, onProblem });
  await follower.finish("finished", 10_000);
  assert.equal(problems.length, 1);
  assert.match(problems[0]!, /answers 400: .*; it is left out from here on$/);
});
