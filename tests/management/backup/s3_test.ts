import assert from "node:assert/strict";
import { join } from "node:path";
import { BACKUP_DEFAULTS, BackupManager } from "../../../src/management/backup_manager.ts";
import { s3Store } from "../../../src/management/backup/s3_store.ts";
import { UserError } from "../../../src/utils/errors.ts";
import { temporaryFolder } from "../../temporary_folder.ts";
import { filesBelow, writeRun } from "../home_of_runs.ts";
import { lackOf, startS3 } from "./python.ts";

const LACK = lackOf(["moto.server"]);
const CREDENTIALS = { accessKeyId: "test", secretAccessKey: "secret" };
const KEY = "objects/5d/a+b c~é/%41";

async function makeBucket(url: string, bucket: string): Promise<void> {
  const response = await fetch(`${url}/${bucket}`, { method: "PUT" });
  await response.body?.cancel();
  assert.equal(response.status, 200);
}

Deno.test({
  name: `s3Store() puts, lists page by page, gets and removes objects of any name${LACK}`,
  ignore: LACK !== "",
  async fn() {
    await using server = await startS3();
    await makeBucket(server.url, "bucket");
    const options = { bucket: "bucket", endpoint: server.url, region: "eu-central-1" };
    const store = s3Store({ ...options, prefix: "pre/fix", credentials: CREDENTIALS });
    const bytes = crypto.getRandomValues(new Uint8Array(3000));
    await store.put(KEY, bytes);
    assert.deepEqual(await store.get(KEY), bytes);
    assert.equal(await store.get("objects/none"), undefined);
    const [entry] = await Array.fromAsync(store.list("objects/5d"));
    assert.deepEqual([entry!.key, entry!.sizeBytes], [KEY, 3000]);
    assert.ok(Math.abs(entry!.writtenAtMs - Date.now()) < 120_000);
    const all = s3Store({ ...options, prefix: "", credentials: CREDENTIALS });
    assert.deepEqual((await Array.fromAsync(all.list(""))).map(({ key }) => key), [
      `pre/fix/${KEY}`,
    ]);
    const names = Array.from({ length: 1005 }, (_, i) => `many/${i}`);
    for (let at = 0; at < names.length; at += 50) {
      await Promise.all(names.slice(at, at + 50).map((key) => store.put(key, new Uint8Array(1))));
    }
    const listed = (await Array.fromAsync(store.list("many/"))).map(({ key }) => key);
    assert.deepEqual(listed.sort(), names.sort());
    await store.remove(KEY);
    await store.remove(KEY);
    assert.equal(await store.get(KEY), undefined);
    const other = s3Store({ ...options, bucket: "none", prefix: "", credentials: CREDENTIALS });
    await assert.rejects(other.get("x"), /Cannot read "s3:\/\/none\/x": .*404 \(NoSuchBucket/);
  },
});

Deno.test({
  name: `BackupManager backs up to S3, verifies, restores and prunes there${LACK}`,
  ignore: LACK !== "",
  async fn() {
    await using server = await startS3();
    await makeBucket(server.url, "bucket");
    await using home = await temporaryFolder();
    await using other = await temporaryFolder();
    const run = await writeRun(home.path, { name: "a", ageHours: { 5: 3, 10: 2 } });
    const env = {
      AWS_ACCESS_KEY_ID: "a",
      AWS_SECRET_ACCESS_KEY: "b",
      AWS_ENDPOINT_URL: server.url,
    };
    const settings = {
      ...BACKUP_DEFAULTS,
      destination: "s3://bucket/llm/",
      keepLast: 1,
      keepDaily: 0,
    };
    let now = Date.now();
    const backups = new BackupManager({
      home: home.path,
      settings: { ...settings, keepWeekly: 0 },
      env,
      clock: () => now,
    });
    await backups.create();
    await writeRun(home.path, { name: "b", ageHours: { 5: 3 } });
    const second = await backups.create();
    assert.ok(second.snapshot.new_bytes < 40_000);
    assert.deepEqual((await backups.verify()).problems, []);
    const to = join(other.path, "home");
    await backups.restore("latest", { to });
    for (const path of await filesBelow(run)) {
      assert.deepEqual(
        await Deno.readFile(join(to, "runs", "a", path)),
        await Deno.readFile(join(run, path)),
      );
    }
    await Deno.remove(run, { recursive: true });
    await backups.create();
    assert.equal((await backups.prune()).objects, 0, "another machine may be about to name them");
    now += 25 * 3_600_000;
    assert.ok((await backups.prune()).objects > 0);
    assert.deepEqual((await backups.verify()).problems, []);

    const store = s3Store({
      ...{ bucket: "bucket", prefix: "llm", endpoint: server.url, region: "us-east-1" },
      credentials: CREDENTIALS,
    });
    const [object] = await Array.fromAsync(store.list("objects/"));
    const bytes = await store.get(object!.key);
    bytes![bytes!.length - 1]! ^= 1;
    await store.put(object!.key, bytes!);
    assert.match((await backups.verify()).problems[0]!.problem, /its checksum differs/);
  },
});

Deno.test("s3Store() tries again what fails for a while, and names what cannot be reached", async () => {
  let calls = 0;
  await using server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, () => {
    calls++;
    return new Response(calls < 3 ? "busy" : "content", { status: calls < 3 ? 503 : 200 });
  });
  const { port } = server.addr;
  const options = { bucket: "b", prefix: "", region: "us-east-1", credentials: CREDENTIALS };
  const store = s3Store({ ...options, endpoint: `http://127.0.0.1:${port}` });
  assert.equal(new TextDecoder().decode(await store.get("x")), "content");
  assert.equal(calls, 3);
  calls = -100;
  const once = s3Store({ ...options, endpoint: `http://127.0.0.1:${port}`, attempts: 1 });
  await assert.rejects(once.put("x", new Uint8Array(1)), /Cannot write "s3:\/\/b\/x": .* 503/);
  await server.shutdown();
  await assert.rejects(
    once.get("x"),
    (error) => error instanceof UserError && /cannot be reached/.test(error.message),
  );
});

Deno.test("BackupManager names the variables that S3 wants", async () => {
  const settings = { ...BACKUP_DEFAULTS, destination: "s3://bucket" };
  await using home = await temporaryFolder();
  const backups = new BackupManager({ home: home.path, settings });
  await assert.rejects(
    backups.create(),
    /set the variables AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY/,
  );
});
