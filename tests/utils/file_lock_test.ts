import assert from "node:assert/strict";
import { join } from "node:path";
import { isFileLocked, tryLockFile, waitForFileLock } from "../../src/utils/file_lock.ts";
import { temporaryFolder } from "../temporary_folder.ts";

Deno.test("tryLockFile() gives a lock to one, or to several that share it", async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, "a", ".lock");
  assert.equal(await isFileLocked(path), false);
  {
    using alone = await tryLockFile(path);
    assert.ok(alone !== undefined);
    assert.equal(await tryLockFile(path), undefined);
    assert.equal(await tryLockFile(path, { shared: true }), undefined);
    assert.equal(await isFileLocked(path), true);
  }
  using one = await tryLockFile(path, { shared: true });
  using other = await tryLockFile(path, { shared: true });
  assert.ok(one !== undefined && other !== undefined);
  assert.equal(await tryLockFile(path), undefined);
});

Deno.test("waitForFileLock() waits for as long as it may, and no longer", async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, ".lock");
  const held = await tryLockFile(path);
  assert.equal(await waitForFileLock(path, { timeoutMs: 60 }), undefined);
  await assert.rejects(waitForFileLock(path, { signal: AbortSignal.timeout(30) }), /timeout/i);
  const waiting = waitForFileLock(path);
  held![Symbol.dispose]();
  using lock = await waiting;
  assert.ok(lock !== undefined);
});
