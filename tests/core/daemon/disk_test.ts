import assert from "node:assert/strict";
import { createRandom } from "../../../src/utils/random.ts";
import { assertOnlyWholeCheckpoints, newestWeights, readMetrics } from "../../e2e/checkpoints.ts";
import { canMount, mountSmallDisk } from "./small_disk.ts";
import { startDaemon, testHome, until, untilDone } from "./test_daemon.ts";

const DISK_BYTES = 6 * 2 ** 20;

/** How often the disk is filled while a job runs. */
const ROUNDS = Number(Deno.env.get("LLM_TRAINING_DISK_ROUNDS") ?? 3);

const isAllowed = await canMount();
const suffix = isAllowed ? "" : " (skipped: no file system can be mounted)";

Deno.test({
  name:
    `a disk that is full while a job runs fails nothing; the job goes on when there is room${suffix}`,
  ignore: !isAllowed,
  async fn() {
    const settings = { maxSteps: 400, saveSteps: 10, keepCheckpoints: 2 };
    await using quiet = await testHome(settings);
    await quiet.drop("a.jsonl", { seed: 1, rows: 30 });
    await using _alone = await startDaemon(quiet);
    const [undisturbed] = await untilDone(quiet.queue, 1);
    const reference = String(undisturbed?.result?.["run"]);

    const random = createRandom(1);
    for (let round = 0; round < ROUNDS; round++) {
      const disk = (await mountSmallDisk(DISK_BYTES))!;
      await using home = await testHome(settings, { folder: disk });
      await home.drop("a.jsonl", { seed: 1, rows: 30 });
      await using daemon = await startDaemon(home);
      const from = random.integer(150);
      await until(async () => {
        const { job } = await daemon.status();
        return Number(job?.progress?.["step"] ?? 0) > from;
      });
      await disk.fill(round === 0 ? 0 : random.integer(200_000));
      const waiting = await until(async () => {
        const { state, reason, queue } = await daemon.status();
        assert.equal(queue.failed, 0);
        return (state === "waiting_for_disk" || queue.succeeded === 1) && { state, reason };
      }, `the disk in round ${round}`);
      if (round === 0) assert.equal(waiting.state, "waiting_for_disk", "not a byte was left");
      if (waiting.reason !== null) assert.match(waiting.reason, /disk/);
      await disk.free();
      await home.drop("b.jsonl", { seed: 2, rows: 4 });
      const [done, next] = await untilDone(home.queue, 2);
      assert.deepEqual([done?.state, done?.failures, next?.state], ["succeeded", 0, "succeeded"]);
      const run = String(done?.result?.["run"]);
      await assertOnlyWholeCheckpoints(run);
      assert.deepEqual(await readMetrics(run), await readMetrics(reference));
      assert.deepEqual(await newestWeights(run), await newestWeights(reference));
    }
  },
});

Deno.test({
  name: `a file that comes while the disk is full stays in the inbox until there is room${suffix}`,
  ignore: !isAllowed,
  async fn() {
    const disk = (await mountSmallDisk(DISK_BYTES))!;
    await using home = await testHome({ maxSteps: 2 }, { folder: disk });
    await using daemon = await startDaemon(home);
    await home.drop("a.jsonl", { seed: 1, rows: 2000 });
    await disk.fill(0);
    await until(() => daemon.log.some(({ message }) => /^Waiting for the disk/.test(message)));
    assert.equal((await daemon.status()).queue.failed, 0);
    await disk.free();
    const [job] = await untilDone(home.queue, 1);
    assert.equal(job?.state, "succeeded");
  },
});

Deno.test("little room on the disk makes the daemon wait and say so; nothing fails", async () => {
  await using home = await testHome({ maxSteps: 1 });
  {
    await using daemon = await startDaemon(home, { settings: { minFreeBytes: 2 ** 52 } });
    await home.drop("a.jsonl", { seed: 1 });
    await home.drop("b.jsonl", { seed: 2 });
    await until(async () => (await home.queue.counts()).queued === 2);
    const { state, reason, queue } = await daemon.status();
    assert.equal(state, "waiting_for_disk");
    assert.match(reason!, /^the disk has .* left and .* are wanted; free some space$/);
    assert.deepEqual([queue.failed, queue.running], [0, 0]);
  }
  await using _daemon = await startDaemon(home);
  const jobs = await untilDone(home.queue, 2);
  assert.deepEqual(jobs.map(({ state, attempts }) => [state, attempts]), [
    ["succeeded", 1],
    ["succeeded", 1],
  ]);
});
