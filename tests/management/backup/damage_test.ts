import assert from "node:assert/strict";
import { join } from "node:path";
import { temporaryFolder } from "../../temporary_folder.ts";
import { filesBelow } from "../home_of_runs.ts";
import { backupsOf, encrypted, stateOf, writeHome } from "../home_with_backups.ts";

/** What can happen to what is stored, and what verify says of it. */
const DAMAGES: Readonly<Record<string, readonly [(path: string) => Promise<void>, RegExp]>> = {
  "a flipped bit": [
    async (path) => {
      const bytes = await Deno.readFile(path);
      bytes[Math.floor(bytes.length / 2)]! ^= 4;
      await Deno.writeFile(path, bytes);
    },
    /its checksum differs/,
  ],
  "a missing file": [(path) => Deno.remove(path), /it is missing/],
  "a file cut off": [(path) => Deno.truncate(path, 30), /it is cut off/],
  "another object's content": [
    async (path) => {
      for await (const other of objectsIn(join(path, "..", "..", ".."))) {
        if (other !== path) return await Deno.copyFile(other, path);
      }
    },
    /it holds another content|it belongs elsewhere/,
  ],
};

async function* objectsIn(destination: string): AsyncGenerator<string> {
  for (const path of await filesBelow(join(destination, "objects"))) {
    yield join(destination, "objects", path);
  }
}

/** The object of the largest file's first piece. */
async function largestObject(destination: string): Promise<string> {
  let [largest, most] = ["", 0];
  for await (const path of objectsIn(destination)) {
    const { size } = await Deno.stat(path);
    if (size > most) [largest, most] = [path, size];
  }
  return largest;
}

for (const [damage, [apply, message]] of Object.entries(DAMAGES)) {
  for (const kind of ["a backup", "an encrypted backup"]) {
    Deno.test(`verify finds ${damage} in ${kind}, restore refuses, the next backup mends it`, async () => {
      await using home = await temporaryFolder();
      await using other = await temporaryFolder();
      await writeHome(home.path);
      const backups = backupsOf(home.path, kind === "a backup" ? {} : await encrypted());
      await backups.create();
      const destination = join(home.path, "backups");
      await apply(await largestObject(destination));
      const to = join(other.path, "home");
      await assert.rejects(backups.restore("latest", { to }), message);
      assert.deepEqual(await filesBelow(other.path), [], "nothing is left of it");
      const { problems } = await backups.verify();
      assert.equal(problems.length, 1);
      assert.match(problems[0]!.problem, message);
      assert.deepEqual(problems[0]!.files, ["models/tiny/model.safetensors"]);
      await backups.create();
      assert.deepEqual((await backups.verify()).problems, []);
      await backups.restore("latest", { to });
      assert.deepEqual(await stateOf(to), await stateOf(home.path));
    });
  }
}

Deno.test("verify finds a damaged record, list and restore pass it over, and no object goes for it", async () => {
  await using home = await temporaryFolder();
  await using other = await temporaryFolder();
  await writeHome(home.path);
  const backups = backupsOf(home.path, { settings: { keepLast: 1, keepDaily: 0, keepWeekly: 0 } });
  const first = await backups.create();
  await Deno.remove(join(home.path, "models"), { recursive: true });
  const second = await backups.create();
  const record = join(home.path, "backups", "snapshots", `${first.snapshot.id}.json`);
  const text = await Deno.readTextFile(record);
  await Deno.writeTextFile(record, text.replace('"files":', '"Files":'));
  assert.match((await backups.verify()).problems[0]!.problem, /its checksum differs/);
  const { whole, broken } = await backups.list();
  assert.deepEqual([whole.map(({ id }) => id), broken.map(({ id }) => id)], [
    [second.snapshot.id],
    [first.snapshot.id],
  ]);
  const to = join(other.path, "home");
  await assert.rejects(backups.restore(first.snapshot.id, { to }), /its checksum differs/);
  const pruned = await backups.prune();
  assert.match(pruned.blocked!, /it is not known which objects they need/);
  await Deno.writeTextFile(record, text);
  await backups.restore(first.snapshot.id, { to });
});

Deno.test("verify without the key still finds a flipped bit", async () => {
  await using home = await temporaryFolder();
  await writeHome(home.path);
  const { settings = {}, secrets = {} } = await encrypted();
  await backupsOf(home.path, { settings, secrets }).create();
  const keyless = backupsOf(home.path);
  const clean = await keyless.verify();
  assert.deepEqual([clean.problems.length, clean.sealed], [0, clean.objects]);
  const path = await largestObject(join(home.path, "backups"));
  await DAMAGES["a flipped bit"]![0](path);
  assert.match((await keyless.verify()).problems[0]!.problem, /its checksum differs/);
  await assert.rejects(
    keyless.restore("latest", { to: join(home.path, "x") }),
    /give --identity <file>/,
  );
  const stranger = backupsOf(home.path, { ...await encrypted(), settings: {} });
  await assert.rejects(
    stranger.restore("latest", { to: join(home.path, "x") }),
    /the key that was given is not one of those they are for/,
  );
});
