import assert from "node:assert/strict";
import { join } from "node:path";
import {
  removeIfThere,
  writeFileAtomic,
  writeFolderAtomic,
  writeSynced,
} from "../../src/utils/atomic_file.ts";
import { temporaryFolder } from "../temporary_folder.ts";

async function names(folder: string): Promise<string[]> {
  const found: string[] = [];
  for await (const { name } of Deno.readDir(folder)) found.push(name);
  return found.sort();
}

Deno.test("writeFileAtomic() writes text, bytes and pieces, and leaves nothing beside them", async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, "a");
  await writeFileAtomic(path, "tëxt");
  assert.equal(await Deno.readTextFile(path), "tëxt");
  await writeFileAtomic(path, Uint8Array.of(1, 2, 3));
  assert.deepEqual(await Deno.readFile(path), Uint8Array.of(1, 2, 3));
  await writeFileAtomic(path, async (sink) => {
    await sink.write(Uint8Array.of(4));
    await sink.write(Uint8Array.of(5, 6));
  });
  assert.deepEqual(await Deno.readFile(path), Uint8Array.of(4, 5, 6));
  assert.deepEqual(await names(folder.path), ["a"]);
});

Deno.test("writeFileAtomic() keeps the old file when writing fails half-way", async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, "a");
  await Deno.writeTextFile(path, "old");
  const failure = new Error("half-way");
  await assert.rejects(
    writeFileAtomic(path, async (sink) => {
      await sink.write(Uint8Array.of(1));
      throw failure;
    }),
    (error) => error === failure,
  );
  assert.equal(await Deno.readTextFile(path), "old");
  assert.deepEqual(await names(folder.path), ["a"]);
});

Deno.test("writeFileAtomic() names a place that is not there", async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, "missing", "a");
  await assert.rejects(writeFileAtomic(path, "x"), {
    name: "UserError",
    message: `Cannot write "${path}.part": there is no such file or folder`,
  });
});

Deno.test("writeFolderAtomic() replaces a folder and keeps it when writing fails", async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, "deep", "model");
  await writeFolderAtomic(path, (part) => writeSynced(join(part, "a"), "1"));
  await writeFolderAtomic(path, (part) => writeSynced(join(part, "b"), "2"));
  assert.deepEqual(await names(path), ["b"]);
  await assert.rejects(
    writeFolderAtomic(path, async (part) => {
      await writeSynced(join(part, "c"), "3");
      throw new Error("half-way");
    }),
    /half-way/,
  );
  assert.deepEqual(await names(path), ["b"]);
  assert.deepEqual(await names(join(folder.path, "deep")), ["model"]);
});

Deno.test({
  name: "writeFolderAtomic() on a full disk names the path and the bytes and leaves no folder",
  ignore: Deno.build.os !== "linux", // where /dev/full answers every write as a full disk does
  async fn() {
    await using folder = await temporaryFolder();
    const path = join(folder.path, "model");
    await assert.rejects(
      writeFolderAtomic(path, async (part) => {
        await writeSynced(join(part, "config.json"), "{}");
        await writeSynced("/dev/full", new Uint8Array(10));
      }),
      {
        name: "UserError",
        message: /^Cannot write "\/dev\/full": the disk is full after 0 B of it.*free some space/,
      },
    );
    assert.deepEqual(await names(folder.path), []);
  },
});

Deno.test("removeIfThere() removes files and folders and forgives their absence", async () => {
  await using folder = await temporaryFolder();
  await Deno.mkdir(join(folder.path, "a", "b"), { recursive: true });
  await removeIfThere(join(folder.path, "a"));
  await removeIfThere(join(folder.path, "a"));
  assert.deepEqual(await names(folder.path), []);
});
