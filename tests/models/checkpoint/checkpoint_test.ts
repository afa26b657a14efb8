import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { checkpointPath, listCheckpoints } from "../../../src/models/checkpoint/list.ts";
import { latestCheckpoint, openCheckpoint } from "../../../src/models/checkpoint/open.ts";
import { pruneCheckpoints, saveCheckpoint } from "../../../src/models/checkpoint/save.ts";
import { createRandom } from "../../../src/utils/random.ts";
import { temporaryFolder } from "../../temporary_folder.ts";
import { sampleState, sampleTensor } from "./sample_state.ts";

const NAMES = [
  "config.json",
  "manifest.json",
  "model.safetensors",
  "optimizer.safetensors",
  "tokenizer.json",
  "trainer_state.json",
];

async function names(folder: string): Promise<string[]> {
  const found: string[] = [];
  for await (const { name } of Deno.readDir(folder)) found.push(name);
  return found.sort();
}

async function assertWhole(path: string, step: number): Promise<void> {
  using checkpoint = await openCheckpoint(path);
  assert.deepEqual(checkpoint.trainer, sampleState(step).trainer);
  assert.deepEqual(await checkpoint.model!.readWeight("weight"), sampleTensor("weight", step));
  for (const name of ["weight.exp_avg", "weight.exp_avg_sq"]) {
    assert.deepEqual(await checkpoint.optimizer!.read(name), sampleTensor(name, step));
  }
}

Deno.test("saveCheckpoint() writes what openCheckpoint() reads, and a Hugging Face folder", async () => {
  await using run = await temporaryFolder();
  const path = await saveCheckpoint(run.path, sampleState(7));
  assert.equal(path, join(run.path, "checkpoints", "checkpoint-7"));
  assert.deepEqual(await names(path), NAMES);
  await assertWhole(path, 7);
});

Deno.test("saveCheckpoint() replaces a checkpoint of the same step", async () => {
  await using run = await temporaryFolder();
  await saveCheckpoint(run.path, { ...sampleState(7), tensors: [] });
  await assertWhole(await saveCheckpoint(run.path, sampleState(7)), 7);
  assert.deepEqual(await names(join(run.path, "checkpoints")), ["checkpoint-7"]);
});

Deno.test("saveCheckpoint() leaves earlier checkpoints and nothing else when it fails", async () => {
  await using run = await temporaryFolder();
  await saveCheckpoint(run.path, sampleState(1));
  const lost = {
    dtype: "float32",
    shape: [1],
    download: () => Promise.reject(new Error("the device is lost")),
  } as const;
  await assert.rejects(
    saveCheckpoint(run.path, { ...sampleState(2), optimizer: [["a", lost]] }),
    /the device is lost/,
  );
  assert.deepEqual(await names(join(run.path, "checkpoints")), ["checkpoint-1"]);
});

Deno.test("saveCheckpoint() removes what a killed process left", async () => {
  await using run = await temporaryFolder();
  const leftover = join(run.path, "checkpoints", ".checkpoint-3.part");
  await Deno.mkdir(leftover, { recursive: true });
  await Deno.writeTextFile(join(leftover, "model.safetensors"), "half");
  assert.equal(await latestCheckpoint(run.path), undefined);
  await saveCheckpoint(run.path, sampleState(4));
  assert.deepEqual(await names(join(run.path, "checkpoints")), ["checkpoint-4"]);
});

Deno.test("listCheckpoints() orders by step as a number", async () => {
  await using run = await temporaryFolder();
  assert.deepEqual(await listCheckpoints(run.path), []);
  for (const name of ["checkpoint-9500", "checkpoint-500", "checkpoint-10000", "checkpoint-x"]) {
    await Deno.mkdir(join(run.path, "checkpoints", name), { recursive: true });
  }
  const steps = (await listCheckpoints(run.path)).map(({ step }) => step);
  assert.deepEqual(steps, [500, 9500, 10000]);
});

Deno.test("pruneCheckpoints() keeps the newest", async () => {
  await using run = await temporaryFolder();
  for (const step of [8, 9, 10, 11]) await saveCheckpoint(run.path, sampleState(step));
  const removed = await pruneCheckpoints(run.path, { keepLast: 2 });
  assert.deepEqual(removed, [8, 9].map((step) => checkpointPath(run.path, step)));
  assert.deepEqual(await names(join(run.path, "checkpoints")), ["checkpoint-10", "checkpoint-11"]);
  assert.deepEqual(await pruneCheckpoints(run.path, { keepLast: 2 }), []);
  await assert.rejects(pruneCheckpoints(run.path, { keepLast: 0 }), RangeError);
});

/** What can happen to a checkpoint on disk. */
const DAMAGES: Readonly<Record<string, readonly [(path: string) => Promise<void>, RegExp]>> = {
  "a changed byte": [
    async (path) => {
      const file = join(path, "optimizer.safetensors");
      const bytes = await Deno.readFile(file);
      bytes[bytes.length - 5]! ^= 1;
      await Deno.writeFile(file, bytes);
    },
    /optimizer\.safetensors is damaged, its checksum differs/,
  ],
  "a file cut off": [
    (path) => Deno.truncate(join(path, "model.safetensors"), 100),
    /model\.safetensors has 100 bytes instead of/,
  ],
  "a missing file": [
    (path) => Deno.remove(join(path, "tokenizer.json")),
    /tokenizer\.json": there is no such file/,
  ],
  "a missing manifest": [
    (path) => Deno.remove(join(path, "manifest.json")),
    /manifest\.json": there is no such file/,
  ],
  "a manifest without files": [
    (path) => Deno.writeTextFile(join(path, "manifest.json"), '{"format":1,"files":{}}'),
    /manifest\.json does not list config\.json/,
  ],
  "another format": [
    (path) => Deno.writeTextFile(join(path, "manifest.json"), '{"format":2,"files":{}}'),
    /it has format 2, this version reads 1/,
  ],
};

for (const [damage, [apply, message]] of Object.entries(DAMAGES)) {
  Deno.test(`latestCheckpoint() reports ${damage} and takes the one before`, async () => {
    await using run = await temporaryFolder();
    await saveCheckpoint(run.path, sampleState(5));
    const newest = await saveCheckpoint(run.path, sampleState(10));
    await apply(newest);
    const reported: string[] = [];
    using checkpoint = await latestCheckpoint(run.path, {
      onDamaged: (error) => reported.push(error.message),
    });
    assert.equal(checkpoint?.trainer.step, 5);
    assert.equal(reported.length, 1);
    assert.match(reported[0]!, message);
    assert.ok(reported[0]!.includes(newest), reported[0]);
  });
}

Deno.test("after kill -9 at random moments there is a newest checkpoint and it is whole", async () => {
  await using run = await temporaryFolder();
  const random = createRandom(2024);
  const script = fileURLToPath(new URL("./save_repeatedly.ts", import.meta.url));
  let step = 1;
  for (let round = 0; round < 8; round++) {
    const child = new Deno.Command(Deno.execPath(), {
      args: ["run", "--no-lock", "--allow-read", "--allow-write", script, run.path, String(step)],
      stdout: "piped",
    }).spawn();
    const saved = child.stdout.getReader();
    await saved.read();
    let more = random.integer(4);
    while (more-- > 0) await saved.read();
    // somewhere within the next saving, which takes some milliseconds
    const until = performance.now() + 12 * random.next();
    while (performance.now() < until);
    child.kill("SIGKILL");
    await child.status;
    await saved.cancel();

    const damaged: string[] = [];
    using newest = await latestCheckpoint(run.path, {
      onDamaged: (error) => damaged.push(error.message),
    });
    assert.deepEqual(damaged, []);
    assert.ok(newest !== undefined && newest.trainer.step >= step);
    await assertWhole(newest.path, newest.trainer.step);
    step = newest.trainer.step + 1;
  }
});
