import assert from "node:assert/strict";
import { createRandom } from "../../../src/utils/random.ts";
import { assertOnlyWholeCheckpoints, newestWeights, readMetrics } from "../../e2e/checkpoints.ts";
import { killProcess, startProgram } from "./daemon_program.ts";
import { testHome, until, untilDone } from "./test_daemon.ts";

/** How often something is killed; the bar is 50. */
const KILLS = Number(Deno.env.get("LLM_TRAINING_DAEMON_KILLS") ?? 3);

/** A run that takes a few seconds. */
const RUN = { maxSteps: 1500, saveSteps: 100, keepCheckpoints: 2 };

Deno.test(`a job whose daemon and trainer are killed ${KILLS} times ends with the weights of one that was left alone`, async (test) => {
  await using quiet = await testHome(RUN);
  await quiet.drop("data.jsonl", { seed: 1, rows: 30 });
  const startedMs = performance.now();
  await using alone = await startProgram(quiet);
  const [undisturbed] = await untilDone(quiet.queue, 1);
  const durationMs = performance.now() - startedMs;
  assert.equal(undisturbed?.state, "succeeded", undisturbed?.error ?? "");
  const reference = String(undisturbed.result?.["run"]);
  await alone.command("stop");

  const random = createRandom(6);
  let kills = 0;
  for (let run = 1; kills < KILLS; run++) {
    await test.step(`job ${run}`, async () => {
      await using home = await testHome(RUN);
      await home.drop("data.jsonl", { seed: 1, rows: 30 });
      let daemon = await startProgram(home);
      const job = async () => (await home.queue.list())[0];
      const isOver = async () => ((await job())?.finishedAtMs ?? null) !== null;
      while (kills < KILLS && !await isOver()) {
        await new Promise((resolve) => setTimeout(resolve, random.next() * durationMs * 0.6));
        if (await isOver()) break;
        const pid = (await daemon.status())?.trainer_pid ?? null;
        if (random.next() < 0.5 && pid !== null) killProcess(pid);
        else {
          await daemon.kill();
          daemon = await startProgram(home);
        }
        kills++;
      }
      const [done] = await untilDone(home.queue, 1);
      await until(async () => (await daemon.status())?.state === "idle");
      await daemon.command("stop");
      assert.equal(await daemon.exit(), 0);
      assert.equal(done?.state, "succeeded", done?.error ?? "");
      assert.equal(done.failures, 0);
      const folder = String(done.result?.["run"]);
      await assertOnlyWholeCheckpoints(folder);
      assert.deepEqual(await readMetrics(folder), await readMetrics(reference));
      assert.deepEqual(await newestWeights(folder), await newestWeights(reference));
    });
  }
});
