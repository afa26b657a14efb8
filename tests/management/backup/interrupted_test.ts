import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { BACKUP_DEFAULTS, BackupManager } from "../../../src/management/backup_manager.ts";
import { RetentionManager } from "../../../src/management/retention_manager.ts";
import { listCheckpoints } from "../../../src/models/checkpoint/list.ts";
import { openCheckpoint } from "../../../src/models/checkpoint/open.ts";
import { createRandom } from "../../../src/utils/random.ts";
import { mountSmallDisk } from "../../core/daemon/small_disk.ts";
import { temporaryFolder } from "../../temporary_folder.ts";
import { filesBelow, writeRun } from "../home_of_runs.ts";

Deno.test("after kill -9 at random moments every backup that is listed is whole", async () => {
  await using home = await temporaryFolder();
  await Deno.mkdir(join(home.path, "models"));
  const script = fileURLToPath(new URL("./back_up_repeatedly.ts", import.meta.url));
  const random = createRandom(5);
  const backups = new BackupManager({ home: home.path });
  let before = 0;
  for (let round = 0; round < 6; round++) {
    const child = new Deno.Command(Deno.execPath(), {
      args: ["run", "--no-lock", "-A", script, home.path],
      stdout: "piped",
    }).spawn();
    const told = child.stdout.getReader();
    for (let left = 2 + random.integer(2); left > 0; left--) await told.read();
    const until = performance.now() + 30 * random.next();
    while (performance.now() < until);
    child.kill("SIGKILL");
    await child.status;
    await told.cancel();
    const { whole, broken } = await backups.list();
    assert.deepEqual(broken, []);
    assert.ok(whole.length > before);
    before = whole.length;
    assert.deepEqual((await backups.verify()).problems, []);
  }
  await using other = await temporaryFolder();
  await backups.create();
  await backups.prune();
  const left = await filesBelow(join(home.path, "backups"));
  assert.ok(left.every((path) => !path.endsWith(".part")), "what kills left is gone");
  await backups.restore("latest", { to: join(other.path, "home") });
  assert.deepEqual(
    await filesBelow(join(other.path, "home", "models")),
    await filesBelow(join(home.path, "models")),
  );
});

const disk = await mountSmallDisk(2 ** 20);
const lack = disk === undefined ? " (skipped: no small disk can be mounted)" : "";
await disk?.[Symbol.asyncDispose]();

Deno.test({
  name: `a full disk damages neither backups, restored homes nor checkpoints${lack}`,
  ignore: disk === undefined,
  async fn() {
    await using disk = await mountSmallDisk(3 * 2 ** 20);
    await using home = await temporaryFolder();
    await writeRun(home.path, { name: "a", ageHours: { 1: 90, 2: 80 } });
    const settings = { ...BACKUP_DEFAULTS, destination: join(disk!.path, "backups") };
    const backups = new BackupManager({ home: home.path, settings });
    const { snapshot } = await backups.create();
    await Deno.mkdir(join(home.path, "models"));
    await Deno.writeFile(
      join(home.path, "models", "m"),
      crypto.getRandomValues(new Uint8Array(50_000)),
    );
    for (const rest of [0, 20_000, 45_000]) {
      await disk!.fill(rest);
      await assert.rejects(backups.create(), /the disk is full/);
      await assert.rejects(
        backups.restore("latest", { to: join(disk!.path, "home") }),
        /the disk is full/,
      );
      await disk!.free();
      assert.deepEqual((await backups.list()).whole.map(({ id }) => id), [snapshot.id]);
      assert.deepEqual((await backups.verify()).problems, []);
      const names = await Array.fromAsync(Deno.readDir(disk!.path), ({ name }) => name);
      assert.deepEqual(names, ["backups"]);
    }
    await backups.create();
    assert.deepEqual((await backups.verify()).problems, []);

    const run = await writeRun(disk!.path, { name: "a", ageHours: { 1: 90, 2: 80, 3: 70 } });
    await disk!.fill(0);
    const retention = new RetentionManager({ home: disk!.path });
    await retention.prune({ only: ["a/1"] });
    await disk!.free();
    await disk!.fill(0);
    const { failures } = await retention.prune({ dropOptimizer: true, only: ["a/2", "a/3"] });
    assert.match(failures[0]!.message, /the disk is full/);
    await disk!.free();
    for (const { path, step } of await listCheckpoints(run)) {
      using opened = await openCheckpoint(path);
      assert.ok(
        opened.optimizer !== undefined || failures.every(({ id }) => id !== `a/checkpoint-${step}`),
      );
    }
    await retention.prune({ dropOptimizer: true, only: ["a/2", "a/3"] });
    assert.deepEqual((await listCheckpoints(run)).map(({ step }) => step), [2, 3]);
  },
});
