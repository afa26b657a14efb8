import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import {
  RETENTION_DEFAULTS,
  RetentionManager,
  type RetentionManagerOptions,
  type RetentionPlan,
} from "../../src/management/retention_manager.ts";
import { RETENTION_FILES } from "../../src/management/retention/apply.ts";
import { checkpointPath, listCheckpoints } from "../../src/models/checkpoint/list.ts";
import { lockCheckpoints } from "../../src/models/checkpoint/lock.ts";
import { openCheckpoint } from "../../src/models/checkpoint/open.ts";
import { pruneCheckpoints, saveCheckpoint } from "../../src/models/checkpoint/save.ts";
import { newestCheckpoint } from "../../src/core/training/checkpoints.ts";
import { UserError } from "../../src/utils/errors.ts";
import { createRandom } from "../../src/utils/random.ts";
import { sampleState, sampleTensor } from "../models/checkpoint/sample_state.ts";
import { temporaryFolder } from "../temporary_folder.ts";
import { filesBelow, NOW_MS, writeRun } from "./home_of_runs.ts";

function managerOf(
  home: string,
  options: Partial<RetentionManagerOptions> = {},
): RetentionManager {
  return new RetentionManager({ home, clock: () => NOW_MS, ...options });
}

async function stepsIn(run: string): Promise<readonly number[]> {
  return (await listCheckpoints(run)).map(({ step }) => step);
}

function linesOf({ lines }: RetentionPlan): Readonly<Record<string, string>> {
  return Object.fromEntries(lines.map(({ checkpoint, action }) => [checkpoint.id, action]));
}

Deno.test("RetentionManager.list() finds what a trainer writes, in folders of folders too", async () => {
  await using home = await temporaryFolder();
  await writeRun(home.path, { name: "a", ageHours: { 5: 3, 10: 2 }, evalLoss: { 5: 1.5 } });
  await writeRun(home.path, { name: "2026/spring/b", ageHours: { 900: 1, 1000: 1 } });
  await Deno.mkdir(join(home.path, "runs", "no-run", "logs"), { recursive: true });
  const runs = await managerOf(home.path).list();
  assert.deepEqual(runs.map(({ name }) => name), ["2026/spring/b", "a"]);
  const [first, second] = runs[1]!.checkpoints;
  assert.equal(first!.id, "a/checkpoint-5");
  assert.deepEqual(first!.metrics, { loss: 3, eval_loss: 1.5 });
  assert.equal(first!.savedAtMs, NOW_MS - 3 * 3_600_000);
  const sizes = await Promise.all(
    (await filesBelow(second!.path)).map((name) => Deno.stat(join(second!.path, name))),
  );
  assert.equal(second!.sizeBytes, sizes.reduce((sum, { size }) => sum + size, 0));
  assert.equal(
    second!.stateBytes,
    (await Deno.stat(join(second!.path, "optimizer.safetensors"))).size,
  );
  assert.deepEqual(await managerOf(join(home.path, "elsewhere")).list(), []);
});

Deno.test("RetentionManager.prune() does what plan() says, and plan() writes nothing", async () => {
  await using home = await temporaryFolder();
  const run = await writeRun(home.path, {
    name: "a",
    ageHours: { 1: 90, 2: 80, 3: 70, 4: 60, 5: 50, 6: 0.5, 7: 0.25 },
    evalLoss: { 2: 1.1, 7: 1.4 },
  });
  const manager = managerOf(home.path);
  await manager.hold("a/4", { note: "in the paper" });
  const before = await filesBelow(home.path);
  const plan = await manager.plan();
  assert.deepEqual(await filesBelow(home.path), before);
  assert.deepEqual(linesOf(plan), {
    "a/checkpoint-1": "delete",
    "a/checkpoint-2": "keep",
    "a/checkpoint-3": "delete",
    "a/checkpoint-4": "keep",
    "a/checkpoint-5": "delete",
    "a/checkpoint-6": "keep",
    "a/checkpoint-7": "keep",
  });
  const done = await manager.prune();
  assert.deepEqual(linesOf(done.plan), linesOf(plan));
  assert.deepEqual(await stepsIn(run), [2, 4, 6, 7]);
  const removed = before.filter((path) => /checkpoint-[135]\//.test(path));
  assert.deepEqual(await filesBelow(home.path), before.filter((path) => !removed.includes(path)));
  await manager.release("a/checkpoint-4");
  await assert.rejects(manager.release("a/checkpoint-4"), /it is not pinned/);
  await manager.prune();
  assert.deepEqual(await stepsIn(run), [2, 6, 7]);
});

Deno.test("RetentionManager follows no links, neither to runs nor to checkpoints", async () => {
  await using home = await temporaryFolder();
  await using other = await temporaryFolder();
  const outside = await writeRun(other.path, { name: "x", ageHours: { 1: 90, 2: 80, 3: 70 } });
  const run = await writeRun(home.path, { name: "a", ageHours: { 8: 90, 9: 80 } });
  await Deno.symlink(outside, join(home.path, "runs", "linked"));
  await Deno.symlink(checkpointPath(outside, 1), checkpointPath(run, 1));
  await managerOf(home.path).prune();
  assert.deepEqual(await stepsIn(outside), [1, 2, 3]);
  assert.deepEqual(await stepsIn(run), [9]);
});

Deno.test("RetentionManager.prune() leaves alone what is being read, and trainers what is held", async () => {
  await using home = await temporaryFolder();
  const run = await writeRun(home.path, { name: "a", ageHours: { 1: 90, 2: 80, 3: 70 } });
  const other = await writeRun(home.path, { name: "b", ageHours: { 1: 90, 2: 80 } });
  const manager = managerOf(home.path);
  {
    using _reading = await lockCheckpoints(run, { shared: true });
    const { plan } = await manager.prune();
    assert.match(plan.lines[0]!.reasons.join(), /its run is being read/);
    assert.deepEqual([await stepsIn(run), await stepsIn(other)], [[1, 2, 3], [2]]);
    assert.deepEqual(await pruneCheckpoints(run, { keepLast: 1 }), []);
  }
  await manager.hold("a/checkpoint-1", { kind: "deployed", note: "web-1" });
  assert.deepEqual(await pruneCheckpoints(run, { keepLast: 1 }), [checkpointPath(run, 2)]);
  assert.deepEqual(await stepsIn(run), [1, 3]);
});

Deno.test("RetentionManager.prune() counts what is pinned or saved after the first look", async () => {
  await using home = await temporaryFolder();
  const run = await writeRun(home.path, { name: "a", ageHours: { 1: 90, 2: 80, 3: 70 } });
  let isFirst = true;
  const manager = managerOf(home.path, {
    async references() {
      if (!isFirst) return [];
      isFirst = false; // between plan and deletion
      await managerOf(home.path).hold("a/1");
      await saveCheckpoint(run, sampleState(4));
      return [];
    },
  });
  await manager.prune();
  assert.deepEqual(await stepsIn(run), [1, 4]);
});

Deno.test("RetentionManager keeps the live model, that before it, and the base of adapters", async () => {
  await using home = await temporaryFolder();
  const run = await writeRun(home.path, { name: "a", ageHours: { 1: 90, 2: 80, 3: 70, 4: 60 } });
  await writeRun(home.path, {
    name: "lora",
    ageHours: { 1: 90 },
    config: { model: checkpointPath(run, 3), loraRank: 8 },
  });
  const live = { checkpoint: checkpointPath(run, 2), parent: checkpointPath(run, 1), base: null };
  await Deno.writeTextFile(join(home.path, "live.json"), JSON.stringify(live));
  const { plan } = await managerOf(home.path).prune();
  assert.deepEqual(await stepsIn(run), [1, 2, 3, 4]);
  assert.deepEqual(
    plan.lines.map(({ protections }) => protections[0]!.kind),
    ["live", "live", "needed", "latest", "latest"],
  );
  await Deno.writeTextFile(join(home.path, "live.json"), "{");
  await assert.rejects(managerOf(home.path).prune(), UserError, "what is live is not known");
  assert.deepEqual(await stepsIn(run), [1, 2, 3, 4]);
});

Deno.test("a file of holds that cannot be read keeps everything", async () => {
  await using home = await temporaryFolder();
  const run = await writeRun(home.path, { name: "a", ageHours: { 1: 90, 2: 80 } });
  await Deno.writeTextFile(join(run, "holds.json"), '{"checkpoint-1": [{"kind": "pinnned"}]}');
  await assert.rejects(managerOf(home.path).prune(), /holds\.json" as "checkpoint-1\[0\]\.kind"/);
  assert.equal((await managerOf(home.path).list())[0]!.checkpoints.length, 2);
  assert.deepEqual(await stepsIn(run), [1, 2]);
});

Deno.test("a checkpoint without its optimizer's state opens as a model, and nothing resumes from it", async () => {
  await using home = await temporaryFolder();
  const run = await writeRun(home.path, { name: "a", ageHours: { 5: 90, 10: 80 } });
  const manager = managerOf(home.path);
  const { plan } = await manager.prune({ dropOptimizer: true });
  assert.deepEqual(linesOf(plan), {
    "a/checkpoint-5": "drop_optimizer",
    "a/checkpoint-10": "drop_optimizer",
  });
  const [{ checkpoints }] = await manager.list() as [Awaited<ReturnType<typeof manager.list>>[0]];
  assert.deepEqual(checkpoints.map(({ stateBytes }) => stateBytes), [0, 0]);
  assert.equal(checkpoints[0]!.savedAtMs, NOW_MS - 90 * 3_600_000, "it is as old as before");
  const sizeBytes = checkpoints.reduce((sum, each) => sum + each.sizeBytes, 0);
  assert.ok(Math.abs(plan.totalBytes.after - sizeBytes) < 500, "but for what the manifests tell");
  {
    using opened = await openCheckpoint(checkpointPath(run, 10));
    assert.deepEqual(await opened.model?.readWeight("weight"), sampleTensor("weight", 10));
    assert.equal(opened.optimizer, undefined);
  }
  await assert.rejects(
    newestCheckpoint(run, () => {}),
    /Cannot resume from .*checkpoint-10": the state of its optimizer was dropped/,
  );
  await manager.prune({ dropOptimizer: true });
});

Deno.test("RetentionManager.prune() goes on where one deletion fails, and tells", async () => {
  await using home = await temporaryFolder();
  const run = await writeRun(home.path, { name: "a", ageHours: { 1: 90, 2: 80, 3: 70, 4: 60 } });
  const { failures } = await managerOf(home.path, {
    files: {
      ...RETENTION_FILES,
      condemn: (path) =>
        path.endsWith("-2")
          ? Promise.reject(new UserError("Cannot remove it: permission denied"))
          : RETENTION_FILES.condemn(path),
    },
  }).prune();
  assert.deepEqual(failures.map(({ id }) => id), ["a/checkpoint-2"]);
  assert.deepEqual(await stepsIn(run), [2, 4]);
});

Deno.test("RetentionManager.prune() on a full disk deletes first and leaves every checkpoint whole", async () => {
  await using home = await temporaryFolder();
  const run = await writeRun(home.path, { name: "a", ageHours: { 1: 90, 2: 30, 3: 20 } });
  const done: string[] = [];
  const { failures } = await managerOf(home.path, {
    settings: { ...RETENTION_DEFAULTS, stateMaxAgeHours: 10 },
    files: {
      ...RETENTION_FILES,
      async condemn(path) {
        done.push("delete");
        return await RETENTION_FILES.condemn(path);
      },
      dropOptimizer() {
        done.push("drop");
        return Promise.reject(new UserError("Cannot write it: the disk is full"));
      },
    },
  }).prune();
  assert.deepEqual(done, ["delete", "drop", "drop"]);
  assert.deepEqual(failures.map(({ id }) => id), ["a/checkpoint-2", "a/checkpoint-3"]);
  for (const { path } of await listCheckpoints(run)) (await openCheckpoint(path)).close();
});

Deno.test("kill -9 between any two steps of a deletion leaves whole checkpoints, and the next call ends it", async () => {
  await using home = await temporaryFolder();
  const random = createRandom(7);
  const script = fileURLToPath(new URL("./retention/prune_slowly.ts", import.meta.url));
  const run = await writeRun(home.path, { name: "a", ageHours: {} });
  for (let round = 0; round < 6; round++) {
    await writeRun(home.path, {
      name: "a",
      ageHours: { 1: 90, 2: 80, 3: 70, 4: 60, 5: 50, 6: 2 },
    });
    const child = new Deno.Command(Deno.execPath(), {
      args: ["run", "--no-lock", "-A", script, home.path],
      stdout: "piped",
    }).spawn();
    const told = child.stdout.getReader();
    for (let left = 1 + random.integer(30); left > 0;) {
      const { value } = await told.read();
      left -= value?.length ?? left;
    }
    try {
      child.kill("SIGKILL");
    } catch (error) {
      if (!(error instanceof TypeError)) throw error; // it has just ended
    }
    await child.status;
    await told.cancel();
    const left = await stepsIn(run);
    assert.ok(left.includes(6));
    for (const { path } of await listCheckpoints(run)) (await openCheckpoint(path)).close();
    await managerOf(home.path).prune();
    assert.deepEqual(await stepsIn(run), [6]);
    const names = await Array.fromAsync(Deno.readDir(join(run, "checkpoints")), ({ name }) => name);
    assert.deepEqual(names, ["checkpoint-6"]);
  }
});

Deno.test("RetentionManager.prune() in two processes at a time removes each checkpoint once", async () => {
  await using home = await temporaryFolder();
  const run = await writeRun(home.path, {
    name: "a",
    ageHours: Object.fromEntries(Array.from({ length: 20 }, (_, i) => [i, 100 - i])),
  });
  const results = await Promise.all([1, 2, 3].map(() => managerOf(home.path).prune()));
  assert.deepEqual(results.flatMap(({ failures }) => failures), []);
  const deleted = results.flatMap(({ plan }) => plan.lines.filter((it) => it.action === "delete"));
  assert.equal(deleted.length, 19);
  assert.deepEqual(await stepsIn(run), [19]);
});

Deno.test("RetentionManager.find() takes ids, steps, runs and folders, and says what there is", async () => {
  await using home = await temporaryFolder();
  const run = await writeRun(home.path, { name: "x/a", ageHours: { 9: 2, 10: 1 } });
  const manager = managerOf(home.path);
  const idOf = async (name: string, cwd?: string) => (await manager.find(name, cwd)).id;
  assert.equal(await idOf("x/a/checkpoint-9"), "x/a/checkpoint-9");
  assert.equal(await idOf("x/a/9"), "x/a/checkpoint-9");
  assert.equal(await idOf("x/a"), "x/a/checkpoint-10");
  assert.equal(await idOf("checkpoints/checkpoint-9/", run), "x/a/checkpoint-9");
  assert.equal(await idOf("runs/x/a"), "x/a/checkpoint-10");
  await assert.rejects(manager.find("b"), /Cannot find checkpoint "b": .* the runs are x\/a/);
});
