import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { join } from "node:path";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { readChunks } from "../../../src/datasets/sources/read_chunks.ts";
import { UnreadableError } from "../../../src/datasets/sources/unreadable.ts";
import { temporaryFolder } from "../../temporary_folder.ts";
import { readContent, readData, summaries } from "./write_data.ts";

const FIXTURES = fileURLToPath(new URL("../../fixtures/sources", import.meta.url));
const COMPRESS = { gzip: gzipSync, zstd: zstdCompressSync } as const;

for (const name of ["members.jsonl.gz", "frames.jsonl.zst"]) {
  Deno.test(`readChunks() reads all of what Python wrote to ${name}`, async () => {
    const { rows } = await readData(join(FIXTURES, name));
    const expected = JSON.parse(await Deno.readTextFile(join(FIXTURES, "rows.json")));
    assert.deepEqual(rows.map(({ json }) => json), expected);
  });
}

for (const compression of ["gzip", "zstd"] as const) {
  const text = Array.from({ length: 8_000 }, (_, i) => `{"text": "row ${i * 7919 % 8009}"}\n`)
    .join("");
  const compressed = COMPRESS[compression](new TextEncoder().encode(text));

  Deno.test(`readChunks() decompresses ${compression} of any size`, async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, "a");
    await Deno.writeFile(path, compressed);
    const decoder = new TextDecoder();
    let read = "";
    for await (const chunk of readChunks(path, { compression })) {
      read += decoder.decode(chunk, { stream: true });
    }
    assert.equal(read, text);
    for await (const _ of readChunks(path, { compression })) break; // nothing is left open
  });

  Deno.test(`readRows() names the line at which ${compression} is cut off or damaged`, async () => {
    for (const length of [compressed.length - 3, compressed.length >> 1]) {
      await assert.rejects(readContent("a.jsonl", compressed.subarray(0, length)), {
        name: "UserError",
        message: new RegExp(
          `^Cannot use line \\d+ of ".*a\\.jsonl": its ${compression} compression is`,
        ),
      });
    }
    await assert.rejects(
      readContent("a.jsonl", compressed.subarray(0, 30)),
      /Cannot use line 1 of/,
    );
  });
}

Deno.test("readChunks() tells damage from what a reader of its chunks throws", async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, "a");
  const damaged = gzipSync(new Uint8Array(100_000));
  damaged[40] = damaged[40]! ^ 0xff;
  await Deno.writeFile(path, damaged);
  await assert.rejects(Array.fromAsync(readChunks(path, { compression: "gzip" })), UnreadableError);
  await assert.rejects(
    Array.fromAsync(readChunks(path, { compression: "gzip", signal: AbortSignal.abort() })),
    { name: "AbortError" },
  );
  await assert.rejects(Array.fromAsync(readChunks(join(path, "none"))), { name: "UserError" });
});

Deno.test("readRows() reads a compressed file whatever its name is", async () => {
  const bytes = gzipSync(new TextEncoder().encode('{"text": "a"}\n{"text": "b"}\n'));
  const data = await readContent("data", bytes);
  assert.deepEqual(summaries(data), ["line 1: a", "line 2: b"]);
  assert.deepEqual(data.descriptions, ["text rows in JSON Lines (gzip): text"]);
});
