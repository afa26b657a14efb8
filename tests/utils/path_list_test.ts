import assert from "node:assert/strict";
import { join } from "node:path";
import { joinPaths, resolvePaths, splitPaths } from "../../src/utils/path_list.ts";
import { temporaryFolder } from "../temporary_folder.ts";

const listed = (path: string, weight = 1) => ({ path, weight });

Deno.test("splitPaths() reads paths with and without weights", () => {
  assert.deepEqual(splitPaths("a.jsonl"), [listed("a.jsonl")]);
  assert.deepEqual(splitPaths("a.jsonl, b.parquet:0.3,c/:2,"), [
    listed("a.jsonl"),
    listed("b.parquet", 0.3),
    listed("c/", 2),
  ]);
  assert.deepEqual(splitPaths("C:\\data\\a.jsonl:.5"), [listed("C:\\data\\a.jsonl", 0.5)]);
  assert.equal(joinPaths([listed("a"), listed("b", 0.25)]), "a,b:0.25");
});

Deno.test("splitPaths() takes names with commas and colons for themselves where there are such files", async () => {
  await using folder = await temporaryFolder();
  const { path } = folder;
  for (const name of ["a,b.jsonl", "c:2", "d:0", "e.jsonl"]) {
    await Deno.writeTextFile(join(path, name), "");
  }
  assert.deepEqual(splitPaths("e.jsonl,a,b.jsonl:2,c:2,d:0", path), [
    listed("e.jsonl"),
    listed("a,b.jsonl", 2),
    listed("c:2"),
    listed("d:0"),
  ]);
  const list = resolvePaths("a,b.jsonl,e.jsonl:3", path);
  assert.equal(list, `${join(path, "a,b.jsonl")},${join(path, "e.jsonl")}:3`);
  assert.deepEqual(splitPaths(list), [
    listed(join(path, "a,b.jsonl")),
    listed(join(path, "e.jsonl"), 3),
  ]);
  assert.equal(
    resolvePaths("~/a.jsonl:2,b.jsonl", "/x", "/home/ada"),
    "/home/ada/a.jsonl:2,/x/b.jsonl",
  );
});

Deno.test("splitPaths() refuses weights of nothing and empty lists", () => {
  assert.throws(() => splitPaths("a.jsonl:0"), /"a\.jsonl:0" as the weight .* must be above 0/);
  assert.throws(() => splitPaths(" , "), /it names no file/);
});
