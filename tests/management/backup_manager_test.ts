import assert from "node:assert/strict";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { BackupSettings, BlobStore } from "../../src/management/backup_manager.ts";
import { RetentionManager } from "../../src/management/retention_manager.ts";
import { openCheckpoint } from "../../src/models/checkpoint/open.ts";
import { checkpointPath } from "../../src/models/checkpoint/list.ts";
import { UserError } from "../../src/utils/errors.ts";
import { temporaryFolder } from "../temporary_folder.ts";
import { filesBelow, NOW_MS, writeRun } from "./home_of_runs.ts";
import { backupsOf, stateOf, writeHome } from "./home_with_backups.ts";

Deno.test("BackupManager restores a home as it was: contents, permissions, times and links", async () => {
  await using home = await temporaryFolder();
  await using other = await temporaryFolder();
  await writeHome(home.path);
  const backups = backupsOf(home.path);
  const { snapshot } = await backups.create();
  assert.deepEqual((await backups.list()).whole.map(({ id }) => id), [snapshot.id]);
  assert.deepEqual((await backups.verify()).problems, []);
  const to = join(other.path, "new", "home");
  const restored = await backups.restore("latest", { to });
  assert.deepEqual(await stateOf(to), await stateOf(home.path));
  assert.equal(restored.files, snapshot.files);
  assert.equal((await filesBelow(to)).some((path) => path.startsWith("daemon/")), false);
  (await openCheckpoint(checkpointPath(join(to, "runs", "a"), 10))).close();
  await assert.rejects(backups.restore("latest", { to }), /something is there already/);
  await assert.rejects(backups.restore("2025", { to }), /there is none of that name/);
});

Deno.test("BackupManager.create() writes only what is new", async () => {
  await using home = await temporaryFolder();
  await writeHome(home.path);
  const backups = backupsOf(home.path);
  const first = await backups.create();
  assert.ok(first.snapshot.new_bytes > 5_000_000 && first.snapshot.new_bytes < 6_000_000);
  const again = await backups.create();
  assert.equal(again.snapshot.new_bytes, 0);
  await Deno.copyFile(
    join(home.path, "models", "tiny", "model.safetensors"),
    join(home.path, "models", "copy.safetensors"),
  );
  const copied = await backups.create();
  assert.ok(copied.snapshot.new_bytes < 5000, "a copy is no new content");
  using log = await Deno.open(join(home.path, "models", "tiny", "model.safetensors"), {
    append: true,
  });
  await log.write(new Uint8Array(100));
  const dry = await backups.create({ dryRun: true });
  const before = await filesBelow(join(home.path, "backups"));
  assert.ok(
    dry.snapshot.new_bytes > 100 && dry.snapshot.new_bytes < 1_000_000,
    "of the last piece",
  );
  const grown = await backups.create();
  assert.equal(grown.snapshot.new_bytes, dry.snapshot.new_bytes);
  assert.ok((await filesBelow(join(home.path, "backups"))).length > before.length);
});

Deno.test("BackupManager saves a database that is open as SQLite sees it", async () => {
  await using home = await temporaryFolder();
  await using other = await temporaryFolder();
  using database = new DatabaseSync(join(home.path, "state.sqlite"));
  database.exec(
    "PRAGMA journal_mode=WAL; CREATE TABLE jobs (id TEXT); INSERT INTO jobs VALUES ('a')",
  );
  await Deno.writeTextFile(join(home.path, "other.db"), "no database");
  const backups = backupsOf(home.path);
  database.exec("BEGIN; INSERT INTO jobs VALUES ('not yet')");
  await backups.create();
  database.exec("COMMIT");
  const to = join(other.path, "home");
  await backups.restore("latest", { to });
  using restored = new DatabaseSync(join(to, "state.sqlite"));
  assert.deepEqual(restored.prepare("SELECT id FROM jobs").all().map(({ id }) => id), ["a"]);
  assert.deepEqual(await filesBelow(to), ["other.db", "state.sqlite"]);
});

Deno.test("settings say what of a home is saved", async () => {
  await using home = await temporaryFolder();
  await writeHome(home.path);
  const pathsOf = async (settings: Partial<BackupSettings>) => {
    const { tree } = await backupsOf(home.path, { settings }).create({ dryRun: true });
    return tree.filter(({ kind }) => kind !== "folder").map(({ path }) => path);
  };
  assert.deepEqual(await pathsOf({ include: ["models/tiny/", "llm-training.json"] }), [
    "llm-training.json",
    "models/tiny/model.safetensors",
    "models/tiny/run.sh",
  ]);
  const without = await pathsOf({ exclude: ["runs", "models"] });
  assert.deepEqual(without, ["empty.txt", "llm-training.json"]);
  await backupsOf(home.path, { settings: { destination: "mine/b" } }).create();
  const { snapshot } = await backupsOf(home.path, { settings: { destination: "mine/b" } }).create();
  assert.equal(snapshot.new_bytes, 0, "a destination within the home is no part of the backup");
});

Deno.test("a passphrase is needed to restore, and not to make the next backup", async () => {
  await using home = await temporaryFolder();
  await using other = await temporaryFolder();
  await Deno.writeTextFile(join(home.path, "a.txt"), "a");
  await backupsOf(home.path, { secrets: { passphrase: "right" } }).create();
  await Deno.writeTextFile(join(home.path, "b.txt"), "b");
  await backupsOf(home.path).create();
  const to = join(other.path, "home");
  await assert.rejects(backupsOf(home.path).restore("latest", { to }), /give its passphrase/);
  await backupsOf(home.path, { secrets: { passphrase: "right" } }).restore("latest", { to });
  assert.deepEqual(await filesBelow(to), ["a.txt", "b.txt"]);
  for (const path of await filesBelow(join(home.path, "backups", "objects"))) {
    const stored = await Deno.readTextFile(join(home.path, "backups", "objects", path));
    assert.ok(!stored.includes("a.txt"), "nor are the names of files to be read");
  }
});

/** A store that fails once `count` blobs have been written. */
function failingStore(store: BlobStore, count: number, error: unknown): BlobStore {
  let left = count;
  return {
    ...store,
    put: (key, bytes) => left-- > 0 ? store.put(key, bytes) : Promise.reject(error),
  };
}

Deno.test("a backup that is interrupted anywhere leaves the one before whole, and the next goes on", async () => {
  await using home = await temporaryFolder();
  await using other = await temporaryFolder();
  await writeHome(home.path, 1);
  const first = await backupsOf(home.path).create();
  const before = await stateOf(home.path);
  await writeRun(home.path, { name: "b", ageHours: { 1: 2, 2: 1 } });
  const lost = new UserError("Cannot write it: the disk is full");
  const interrupted = async (count: number): Promise<boolean> => {
    const wrapStore = (store: BlobStore) => failingStore(store, count, lost);
    try {
      await backupsOf(home.path, { wrapStore }).create();
      return false;
    } catch (error) {
      assert.equal(error, lost);
      return true;
    }
  };
  const written = (await backupsOf(home.path).create({ dryRun: true })).snapshot;
  const count = Object.keys(written.objects).filter((id) => !(id in first.snapshot.objects)).length;
  assert.ok(count > 5, "there is much to be interrupted at");
  for (let done = 0; done <= count; done++) {
    assert.equal(await interrupted(done), true);
    const backups = backupsOf(home.path);
    assert.deepEqual((await backups.list()).whole.map(({ id }) => id), [first.snapshot.id]);
    assert.deepEqual((await backups.verify()).problems, []);
    if (done < count) assert.ok((await backups.prune()).objects >= done); // what was written of it
  }
  const backups = backupsOf(home.path);
  await backups.restore("latest", { to: join(other.path, "old") });
  assert.deepEqual(await stateOf(join(other.path, "old")), before);
  await backups.create();
  await backups.restore("latest", { to: join(other.path, "new") });
  assert.deepEqual(await stateOf(join(other.path, "new")), await stateOf(home.path));
  const { objects } = await backups.prune();
  assert.equal(objects, 0, "what interrupted backups left was used, or is no more than that");
});

Deno.test("a store that reads otherwise than was written is found while the backup is made", async () => {
  await using home = await temporaryFolder();
  await writeHome(home.path);
  const wrapStore = (store: BlobStore): BlobStore => ({
    ...store,
    async put(key, bytes) {
      const flipped = bytes.slice();
      if (key.startsWith("objects/")) flipped[flipped.length - 1]! ^= 1;
      await store.put(key, flipped);
    },
  });
  await assert.rejects(
    backupsOf(home.path, { wrapStore }).create(),
    /reads otherwise than it was written/,
  );
  assert.deepEqual((await backupsOf(home.path).list()).whole, []);
});

Deno.test("restore puts a folder aside and changes it for the backup at once", async () => {
  await using home = await temporaryFolder();
  await using other = await temporaryFolder();
  await writeHome(home.path);
  const settings = { destination: join(other.path, "backups") };
  const backups = backupsOf(home.path, { settings });
  const { snapshot } = await backups.create();
  const saved = await stateOf(home.path);
  await Deno.writeTextFile(join(home.path, "new.txt"), "new");
  const to = join(other.path, "home");
  await Deno.rename(home.path, to);
  await Deno.mkdir(home.path);
  const { before } = await backups.restore(snapshot.id, { to, replace: true });
  assert.equal(before, `${to}.before-${snapshot.id}`);
  assert.deepEqual(await stateOf(to), saved);
  assert.equal(await Deno.readTextFile(join(before!, "new.txt")), "new");
});

Deno.test("restore of some paths, and of a backup that would write elsewhere", async () => {
  await using home = await temporaryFolder();
  await using other = await temporaryFolder();
  await writeHome(home.path);
  const backups = backupsOf(home.path);
  await backups.create();
  const to = join(other.path, "part");
  await backups.restore("latest", { to, only: ["runs/a/checkpoints/checkpoint-5"] });
  const files = await filesBelow(to);
  assert.ok(
    files.length > 3 && files.every((path) => path.startsWith("runs/a/checkpoints/checkpoint-5/")),
  );
  await assert.rejects(
    backups.restore("latest", { to: join(other.path, "x"), only: ["runs/b"] }),
    /Cannot restore "runs\/b": backup .* does not hold it/,
  );
});

Deno.test("prune removes what no backup needs any more, and nothing else", async () => {
  await using home = await temporaryFolder();
  await using other = await temporaryFolder();
  await writeHome(home.path);
  const settings = { keepLast: 1, keepDaily: 0, keepWeekly: 0 };
  const backups = backupsOf(home.path, { settings });
  await backups.create();
  await Deno.writeFile(
    join(home.path, "models", "tiny", "model.safetensors"),
    new Uint8Array(300_000).fill(7),
  );
  const last = await backups.create();
  await Deno.writeTextFile(join(home.path, "backups", "objects", ".left.part"), "half");
  const dry = await backups.prune({ dryRun: true });
  assert.equal((await backups.list()).whole.length, 2);
  const pruned = await backups.prune();
  assert.deepEqual([pruned.objects, pruned.freedBytes], [dry.objects, dry.freedBytes]);
  assert.ok(pruned.freedBytes > 4_900_000);
  assert.deepEqual((await backups.list()).whole.map(({ id }) => id), [last.snapshot.id]);
  assert.deepEqual((await backups.verify()).problems, []);
  await backups.restore("latest", { to: join(other.path, "home") });
  const left = await filesBelow(join(home.path, "backups", "objects"));
  assert.equal(left.length, Object.keys(last.snapshot.objects).length);
});

Deno.test("one process at a time writes to a destination", async () => {
  await using home = await temporaryFolder();
  await writeHome(home.path);
  const results = await Promise.allSettled([1, 2].map(() => backupsOf(home.path).create()));
  const failed = results.filter((result) => result.status === "rejected");
  assert.equal(failed.length, 1);
  assert.match(String(failed[0]!.reason), /another process works on them/);
});

Deno.test("a destination is encrypted for whom it was first, and for nobody else", async () => {
  await using home = await temporaryFolder();
  await writeHome(home.path);
  await backupsOf(home.path).create();
  const wanted = backupsOf(home.path, { secrets: { passphrase: "p" } });
  await assert.rejects(wanted.create(), /the backups there are not encrypted/);
  await assert.rejects(
    backupsOf(home.path, { settings: { destination: "x", recipients: ["age1nobody"] } }).create(),
    /Cannot encrypt for "age1nobody": it is no public key of age/,
  );
  assert.throws(
    () => backupsOf(home.path, { settings: { destination: "ftp://x/y" } }),
    /must be a folder or s3:\/\/bucket\/prefix/,
  );
});

Deno.test("BackupManager tells what is due, and retention which checkpoints are not the only copy", async () => {
  await using home = await temporaryFolder();
  await writeHome(home.path);
  const backups = backupsOf(home.path, { settings: { at: "03:00", verifyDays: 2 } });
  assert.equal((await backups.due()).verifyAtMs, null);
  assert.ok((await backups.due()).backupAtMs! <= NOW_MS);
  const { snapshot } = await backups.create();
  const due = await backups.due();
  assert.ok(due.backupAtMs! > NOW_MS);
  assert.equal(due.verifyAtMs, Date.parse(snapshot.created_at) + 2 * 86_400_000);
  await backups.verify();
  assert.ok((await backups.due()).verifyAtMs! > due.verifyAtMs!);
  assert.deepEqual([...await backups.copies()].sort(), ["a/checkpoint-10", "a/checkpoint-5"]);

  const retention = new RetentionManager({ home: home.path });
  await retention.prune({ only: ["a/5"], dropOptimizer: true });
  assert.deepEqual([...await backups.copies()], ["a/checkpoint-10"], "it is another one now");
});
