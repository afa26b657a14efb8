import assert from "node:assert/strict";
import { readContent, summaries } from "./write_data.ts";

Deno.test("readTextRows() takes a text with blank lines for one document", async () => {
  const data = await readContent("a.txt", "\n\nOne line\r\nand another.\n\nA paragraph.\n");
  assert.deepEqual(data.descriptions, ["text rows in plain text: all of it is one document"]);
  assert.deepEqual(summaries(data), ["line 3 (row 1): One line\nand another.\n\nA paragraph."]);
});

Deno.test("readTextRows() takes each line for a row where none between them is blank", async () => {
  const data = await readContent("names.txt", "Ada\nGrace\r\nJoan\n\n");
  assert.deepEqual(data.descriptions, ["text rows in plain text: each line is a row"]);
  assert.deepEqual(summaries(data), ["line 1: Ada", "line 2: Grace", "line 3: Joan"]);
});

Deno.test("readTextRows() ends documents at the separator", async () => {
  const text =
    "One.\n\nStill.<|endoftext|>\nTwo.\n<|endoftext|>Three<|endoftext|>\n<|endoftext|>\n\nFour\n";
  const data = await readContent("a.txt", text);
  assert.deepEqual(summaries(data), [
    "line 1: One.\n\nStill.",
    "line 4 (row 2): Two.",
    "line 5 (row 3): Three",
    "line 8 (row 4): Four",
  ]);
});

Deno.test("readTextRows() does as --format says", async () => {
  const lines = await readContent("a.txt", "a\n\nb\n", "lines");
  assert.deepEqual(summaries(lines), ["line 1: a", "line 3: b"]);
  const document = await readContent("a.txt", "a\nb\n", "document");
  assert.deepEqual(summaries(document), ["line 1: a\nb"]);
  const json = await readContent("a.jsonl", '{"text": "a"}\n', "lines");
  assert.deepEqual(summaries(json), ['line 1: {"text": "a"}']);
});

Deno.test("readTextRows() gives a document that is very long in pieces that lose nothing", async () => {
  const paragraph = `${"word ".repeat(200)}\n\n`;
  const text = paragraph.repeat(9000); // 9 million characters
  const { rows } = await readContent("a.txt", text);
  assert.equal(rows.length, 3);
  const texts = rows.map(({ row }) => row?.kind === "text" ? row.text : "");
  assert.equal(texts.join("\n\n").trim(), text.trim());
});

Deno.test("readTextRows() refuses the lines that are not UTF-8 and keeps the others", async () => {
  const bytes = new TextEncoder().encode("a\nbX\nc\n");
  bytes[bytes.indexOf(88)] = 0xff;
  assert.deepEqual(summaries(await readContent("a.txt", bytes)), [
    "line 1: a",
    "line 2: invalid-utf8: it is not valid UTF-8; save the file as UTF-8",
    "line 3: c",
  ]);
});
