import assert from "node:assert/strict";
import { join } from "node:path";
import { commonSteps, differingSettings } from "../../../src/monitoring/runs/compare_runs.ts";
import { findRun, runFolders } from "../../../src/monitoring/runs/find_run.ts";
import { readRun, summaryOf } from "../../../src/monitoring/runs/read_run.ts";
import { isRunLocked, lockRun } from "../../../src/monitoring/runs/run_lock.ts";
import { temporaryFolder } from "../../temporary_folder.ts";
import { madeStep, makeRun } from "../made_run.ts";

Deno.test("readRun() tells the state by the lock and by what happened last", async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, "run");
  const state = async () => (await readRun(path)).state;
  using run = await makeRun(path);
  assert.equal(await state(), "interrupted", "no process holds the lock");
  {
    using _lock = await lockRun(path);
    assert.equal(await state(), "running");
    await assert.rejects(lockRun(path), /^UserError: Cannot train in .*process \d+ on /);
  }
  assert.equal(await isRunLocked(path), false);
  run.log.event("failed", { step: 3, error: "out of memory" });
  assert.equal(await state(), "failed");
  assert.equal((await readRun(path)).error, "out of memory");
  run.log.event("resumed", { step: 2 });
  run.log.event("saved", { step: 4 });
  assert.equal(await state(), "interrupted");
  run.log.event("stopped", { step: 5 });
  assert.equal(await state(), "finished");
});

Deno.test("readRun() has each step and each sample once after a resume", async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, "run");
  {
    using run = await makeRun(path);
    run.sample(0);
    run.steps(1, 10);
    run.sample(10);
    run.steps(11, 13);
    run.sample(13);
  }
  using run = await makeRun(path, { startStep: 10 });
  run.steps(11, 20);
  run.sample(20);
  const { metrics, samples, best } = await readRun(path);
  assert.deepEqual(metrics, Array.from({ length: 20 }, (_, i) => madeStep(i + 1)));
  assert.deepEqual(samples.map(({ step }) => step), [0, 0, 10, 10, 20, 20]);
  assert.deepEqual(best, { step: 20, value: 5 / Math.sqrt(20), checkpoint: undefined });
  assert.equal(summaryOf(metrics, "loss")?.first.value, 4.1);
});

Deno.test("readRun() reads what there is where files are damaged, and says so", async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, "run");
  using run = await makeRun(path);
  run.steps(1, 3);
  await Deno.writeTextFile(join(path, "run.json"), "{");
  const { metrics, info, problem } = await readRun(path);
  assert.equal(metrics.length, 3);
  assert.equal(info, undefined);
  assert.match(problem!, /run\.json": it is not valid JSON/);
  await assert.rejects(readRun(folder.path), /Cannot read a run in .*events\.jsonl/);
});

Deno.test("findRun() takes a path, a name and the beginning of one", async () => {
  await using folder = await temporaryFolder();
  const runs = join(folder.path, "runs");
  for (const name of ["2026-a", "2026-b", "other"]) {
    (await makeRun(join(runs, name))).log[Symbol.dispose]();
  }
  await Deno.mkdir(join(runs, "empty"));
  const find = (name: string) => findRun(name, { runs, cwd: folder.path });
  assert.equal(await find("runs/2026-a"), join(runs, "2026-a"));
  assert.equal(await find(join(runs, "2026-b")), join(runs, "2026-b"));
  assert.equal(await find("2026-b"), join(runs, "2026-b"));
  assert.equal(await find("o"), join(runs, "other"));
  await assert.rejects(find("2026"), /"2026" is: "2026-a", "2026-b" begin so/);
  await assert.rejects(find("empty"), /Cannot find run "empty" in .*"other", "2026-b", "2026-a"/);
  await assert.rejects(find(""), /Cannot find run ""/);
  assert.equal((await runFolders(runs)).length, 3);
  assert.deepEqual(await runFolders(join(runs, "nowhere")), []);
});

Deno.test("differingSettings() and commonSteps() name what is not the same, and what is there in all", async () => {
  await using folder = await temporaryFolder();
  using a = await makeRun(join(folder.path, "a"));
  using b = await makeRun(join(folder.path, "b"), {
    config: { learningRate: 2e-3, samplePrompts: [] },
    info: { device: "native" },
  });
  a.steps(1, 12);
  b.steps(3, 10);
  const runs = [await readRun(a.folder), await readRun(b.folder)];
  assert.deepEqual(differingSettings(runs), [
    { name: "learningRate", values: [1e-3, 2e-3] },
    { name: "samplePrompts", values: ['["Hello","Ünïcode <b>"]', "[]"] },
    { name: "device", values: ["wasm", "native"] },
  ]);
  const loss = (step: number) => madeStep(step).eval_loss!;
  assert.deepEqual(commonSteps(runs, "eval_loss"), [
    { step: 5, values: [loss(5), loss(5)] },
    { step: 10, values: [loss(10), loss(10)] },
  ]);
});
