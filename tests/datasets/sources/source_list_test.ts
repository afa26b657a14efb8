import assert from "node:assert/strict";
import { join } from "node:path";
import {
  formatSources,
  parseSources,
  resolveSources,
} from "../../../src/datasets/sources/source_list.ts";
import { temporaryFolder } from "../../temporary_folder.ts";

const source = (path: string, weight = 1) => ({ path, weight });

Deno.test("parseSources() reads files with and without weights", async () => {
  assert.deepEqual(await parseSources("a.jsonl"), [source("a.jsonl")]);
  assert.deepEqual(await parseSources("a.jsonl, b.parquet:0.3,c/:2"), [
    source("a.jsonl"),
    source("b.parquet", 0.3),
    source("c/", 2),
  ]);
  assert.deepEqual(await parseSources("C:\\data\\a.jsonl:.5"), [source("C:\\data\\a.jsonl", 0.5)]);
});

Deno.test("parseSources() takes names with commas and colons for themselves where there are such files", async () => {
  await using folder = await temporaryFolder();
  const { path } = folder;
  for (const name of ["a,b.jsonl", "c:2", "d.jsonl"]) {
    await Deno.writeTextFile(join(path, name), "");
  }
  assert.deepEqual(await parseSources("d.jsonl,a,b.jsonl:2,c:2", path), [
    source("d.jsonl"),
    source("a,b.jsonl", 2),
    source("c:2"),
  ]);
  const list = await resolveSources("a,b.jsonl,d.jsonl:3", path);
  assert.equal(list, `${join(path, "a,b.jsonl")},${join(path, "d.jsonl")}:3`);
  assert.deepEqual(await parseSources(list), [
    source(join(path, "a,b.jsonl")),
    source(join(path, "d.jsonl"), 3),
  ]);
});

Deno.test("parseSources() refuses weights of nothing and empty lists", async () => {
  await assert.rejects(parseSources("a.jsonl:0"), /"a\.jsonl:0" as the weight .* must be above 0/);
  await assert.rejects(parseSources(" , "), /it names no file/);
  assert.equal(formatSources([source("a"), source("b", 0.25)]), "a,b:0.25");
});
