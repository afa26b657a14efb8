import assert from "node:assert/strict";
import { join } from "node:path";
import { BACKUP_DEFAULTS, BackupManager } from "../../../src/management/backup_manager.ts";
import { RETENTION_DEFAULTS } from "../../../src/management/retention_manager.ts";
import { startDaemon, testHome, until, untilDone } from "./test_daemon.ts";

/** Nothing stays for its age alone. */
const STRICT = { ...RETENTION_DEFAULTS, minAgeHours: 0, maxAgeHours: 1e-6, bestMetrics: null };

async function checkpointsOf(run: string): Promise<string[]> {
  const folder = Deno.readDir(join(run, "checkpoints"));
  const names = (await Array.fromAsync(folder)).map(({ name }) => name);
  return names.filter((name) => /^checkpoint-\d+$/.test(name)).toSorted();
}

Deno.test("runDaemon() lets old checkpoints go, makes the backup that is due and verifies it", async () => {
  await using home = await testHome({ saveSteps: 2, keepCheckpoints: 10 });
  let run = "";
  {
    await using _daemon = await startDaemon(home);
    await home.drop("a.jsonl", { seed: 1 });
    const [job] = await untilDone(home.queue, 1);
    assert.equal(job!.state, "succeeded", String(job!.error));
    const [entry] = await Array.fromAsync(Deno.readDir(home.paths.runs));
    run = join(home.paths.runs, entry!.name);
  }
  assert.deepEqual(await checkpointsOf(run), ["checkpoint-2", "checkpoint-4", "checkpoint-6"]);

  const settings = { ...BACKUP_DEFAULTS, at: "00:00", verifyDays: 0 };
  const backups = new BackupManager({ home: home.home, settings });
  await using daemon = await startDaemon(home, { upkeep: { retention: STRICT, backups } });
  const told = (words: RegExp) => daemon.log.some(({ message }) => words.test(message));
  await until(() => told(/^Retention let 2 checkpoints go$/), "pruning");
  assert.deepEqual(await checkpointsOf(run), ["checkpoint-6"], "the newest and live one stays");
  await until(() => told(/^Verified the backups/), "verification");
  assert.ok(told(/^Made backup .* of \d+ files/));
  assert.equal((await backups.list()).whole.length, 1);
  assert.deepEqual(daemon.log.filter(({ level }) => level === "error"), []);
});

Deno.test("runDaemon() goes on where a backup cannot be made, and says so", async () => {
  await using home = await testHome();
  const settings = {
    ...BACKUP_DEFAULTS,
    at: "00:00",
    destination: join(home.paths.settings, "no"),
  };
  const backups = new BackupManager({ home: home.home, settings });
  await using daemon = await startDaemon(home, { upkeep: { retention: STRICT, backups } });
  await until(() => daemon.log.some(({ message }) => /^No backup was made: /.test(message)));
  await home.drop("a.jsonl", { seed: 1 });
  const [job] = await untilDone(home.queue, 1);
  assert.equal(job!.state, "succeeded", String(job!.error));
});
