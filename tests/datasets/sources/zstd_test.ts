import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { zstdCompressSync } from "node:zlib";
import { unzstd } from "../../../src/datasets/sources/zstd.ts";
import { UnreadableError } from "../../../src/datasets/sources/unreadable.ts";

const FIXTURES = fileURLToPath(new URL("../../fixtures/sources", import.meta.url));

/** Three frames with checksums, as Python's zstandard writes them, each followed by one that is to be skipped. */
const frames = await Deno.readFile(join(FIXTURES, "frames.jsonl.zst"));
const rows: unknown[] = JSON.parse(await Deno.readTextFile(join(FIXTURES, "rows.json")));

/** Decompresses bytes that come in pieces of `size`. */
async function decompressed(bytes: Uint8Array, size = 1 << 14): Promise<Uint8Array> {
  async function* chunks(): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
  }
  const parts = await Array.fromAsync(unzstd(chunks()));
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

Deno.test("unzstd() reads all frames, whatever the pieces", async () => {
  for (const size of [1, 2, 3, 50, 1 << 14]) {
    const text = new TextDecoder().decode(await decompressed(frames, size));
    assert.deepEqual(text.trimEnd().split("\n").map((line) => JSON.parse(line)), rows, `${size}`);
  }
  assert.equal((await decompressed(new Uint8Array())).length, 0);
});

Deno.test("unzstd() notices every bit that has changed where there is a checksum", async () => {
  const expected = await decompressed(frames);
  let noticed = 0;
  for (let at = 0; at < frames.length; at += 7) {
    const changed = frames.slice();
    changed[at] = changed[at]! ^ (1 << (at % 8));
    try {
      // bits of what is to be skipped, or of a size that is only a hint, may change
      assert.deepEqual(await decompressed(changed), expected, `byte ${at}`);
    } catch (error) {
      assert.ok(error instanceof UnreadableError, `byte ${at}: ${error}`);
      noticed++;
    }
  }
  assert.ok(noticed > frames.length / 7 * 0.95, `${noticed} noticed`);
});

Deno.test("unzstd() notices wherever a file is cut off, with a checksum or without", async () => {
  const plain = zstdCompressSync(new TextEncoder().encode("some text\n".repeat(20)));
  for (let length = 1; length < plain.length; length++) {
    await assert.rejects(decompressed(plain.subarray(0, length)), UnreadableError, `${length}`);
  }
  const cut = frames.subarray(0, frames.length - 30);
  await assert.rejects(decompressed(cut), /zstd compression is damaged or cut off/);
  await assert.rejects(
    decompressed(Uint8Array.of(...plain, 1, 2, 3, 4)),
    /no frame where one is due/,
  );
});
