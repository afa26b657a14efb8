import assert from "node:assert/strict";
import {
  createKey,
  readKeys,
  revokeKey,
  type StoredKey,
} from "../../../src/inference/keys/key_file.ts";
import { joinedKeys, keysOfFile, singleKey } from "../../../src/inference/keys/key_ring.ts";
import { UserError } from "../../../src/utils/errors.ts";
import { temporaryFolder } from "../../temporary_folder.ts";

Deno.test("createKey() stores a hash, never the key, in a file of one's own", async () => {
  await using folder = await temporaryFolder();
  const path = `${folder.path}/home/keys.json`;
  const { secret, key } = await createKey(path, { name: "alice", requestsPerMinute: 60 });
  assert.match(secret, /^lt-[0-9a-f]{12}-[0-9a-f]{64}$/);
  const written = await Deno.readTextFile(path);
  assert.ok(!written.includes(secret.slice(20)));
  if (Deno.build.os !== "windows") assert.equal((await Deno.stat(path)).mode! & 0o777, 0o600);
  const [{ sha256: _, ...stored }] = (await readKeys(path)).slice(0, 1) as [StoredKey];
  assert.deepEqual(stored, key);
});

Deno.test("keysOfFile() knows keys that were made, and no longer those that were revoked", async () => {
  await using folder = await temporaryFolder();
  const path = `${folder.path}/keys.json`;
  const ring = joinedKeys([singleKey("one", { role: "read" }), keysOfFile(path)]);
  assert.equal((await ring.find("one"))?.role, "read");
  assert.equal(await ring.find("other"), undefined);
  const first = await createKey(path, { name: "a" });
  const second = await createKey(path, { name: "b", role: "admin" });
  assert.deepEqual(await ring.find(first.secret).then((key) => key?.id), first.key.id);
  assert.deepEqual(await ring.find(second.secret).then((key) => key?.role), "admin");
  await revokeKey(path, first.key.id);
  assert.equal(await ring.find(first.secret), undefined);
  assert.equal((await ring.find(second.secret))?.name, "b");
  await assert.rejects(revokeKey(path, first.key.id), UserError);
});

Deno.test("readKeys() refuses a file that is damaged and names it", async () => {
  await using folder = await temporaryFolder();
  const path = `${folder.path}/keys.json`;
  await Deno.writeTextFile(path, '{"version": 1, "keys": [{"id": "a"}]}');
  await assert.rejects(
    readKeys(path),
    (error) => error instanceof UserError && /keys\[0\]/.test(error.message),
  );
});
