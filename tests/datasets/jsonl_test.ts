import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { join } from "node:path";
import fc from "fast-check";
import { readLines, type ReadLinesOptions } from "../../src/datasets/jsonl.ts";
import { temporaryFolder } from "../temporary_folder.ts";

async function linesOf(content: string | Uint8Array, options?: ReadLinesOptions) {
  await using folder = await temporaryFolder();
  const path = join(folder.path, "a.jsonl");
  const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
  await Deno.writeFile(path, bytes);
  return await Array.fromAsync(readLines(path, options));
}

Deno.test("readLines() numbers lines, skips blank ones, drops a byte order mark and returns", async () => {
  assert.deepEqual(await linesOf("\uFEFF{}\r\n\r\n  \n{é}\n[]"), [
    { line: 1, text: "{}" },
    { line: 4, text: "{é}" },
    { line: 5, text: "[]" },
  ]);
});

Deno.test("readLines() agrees with splitting the whole text", async () => {
  const texts = fc.array(
    fc.string({ unit: fc.constantFrom("a", "é", "漢", "😀", "\n", "\r", " ") }),
  );
  await fc.assert(
    fc.asyncProperty(texts, async (parts) => {
      const text = `x${parts.join("\n")}`;
      const expected = text.split("\n")
        .map((each, i) => ({ line: i + 1, text: each.replace(/\r$/, "") }))
        .filter((each) => each.text.trim() !== "");
      assert.deepEqual(await linesOf(text), expected);
    }),
    { numRuns: 40 },
  );
});

Deno.test("readLines() joins lines that lie across chunks and tells all bytes", async () => {
  const long = "é".repeat(400_000);
  const text = `short\n${long}\nend`;
  const hash = createHash("sha256");
  const lines = await linesOf(text, { onBytes: (bytes) => hash.update(bytes) });
  assert.deepEqual(lines.map(({ text }) => text.length), [5, 400_000, 3]);
  assert.equal(lines[1]!.text, long);
  assert.equal(hash.digest("hex"), createHash("sha256").update(text).digest("hex"));
});

Deno.test("readLines() names the line that is too long or not UTF-8", async () => {
  await assert.rejects(linesOf(`{}\n${"x".repeat(300_000)}`, { maxLineBytes: 1000 }), {
    name: "UserError",
    message: /^Cannot use line 2 of ".*a\.jsonl": it is longer than 1 kB/,
  });
  await assert.rejects(linesOf(Uint8Array.of(123, 125, 10, 0xff, 0xfe)), {
    name: "UserError",
    message: /^Cannot use line 2 of .*: it is not valid UTF-8/,
  });
});

Deno.test("readLines() refuses empty and missing files and stops on a signal", async () => {
  for (const content of ["", "\n\n  \r\n", "\uFEFF"]) {
    await assert.rejects(linesOf(content), { name: "UserError", message: /it has no rows$/ });
  }
  await assert.rejects(Array.fromAsync(readLines("/nowhere/a.jsonl")), {
    name: "UserError",
    message: 'Cannot read "/nowhere/a.jsonl": there is no such file or folder',
  });
  await assert.rejects(linesOf("{}", { signal: AbortSignal.abort() }), { name: "AbortError" });
});
