import assert from "node:assert/strict";
import fc from "fast-check";
import { readContent, summaries } from "./write_data.ts";

Deno.test("readCsvRows() gives back every field that was quoted", async () => {
  const unit = fc.constantFrom("a", "é", "😀", ",", ";", '"', "\n", "\r\n", " ", "\t");
  const texts = fc.array(fc.string({ unit, minLength: 1 }).filter((text) => text.trim() !== ""), {
    minLength: 1,
    maxLength: 8,
  });
  await fc.assert(
    fc.asyncProperty(texts, fc.constantFrom(",", ";", "\t", "|"), async (list, delimiter) => {
      const quoted = list.map((text, i) => `${i}${delimiter}"${text.replaceAll('"', '""')}"\n`);
      const { rows } = await readContent("a.csv", `id${delimiter}text\n${quoted.join("")}`);
      assert.deepEqual(
        rows.map(({ json }) => json),
        list.map((text, i) => ({ id: String(i), text })),
      );
    }),
    { numRuns: 60 },
  );
});

Deno.test("readCsvRows() names the line in which a row begins, and the row", async () => {
  const data = await readContent(
    "a.csv",
    '\uFEFFquestion,answer\r\na,b\r\n"two\nlines","c\n\nd"\r\n\r\ne,f\r\ng\r\nh,\r\n',
  );
  assert.deepEqual(data.descriptions, ["question-answer rows in CSV: question, answer"]);
  assert.deepEqual(summaries(data), [
    "line 2 (row 1): messages",
    "line 3 (row 2): messages",
    "line 8 (row 3): messages",
    "line 9 (row 4): column-count: it has 1 fields, but the first line names 2; put a field that holds " +
    "the separator or a line break into quotes",
    'line 10 (row 5): empty-answer: "answer" is empty, so there is nothing to train',
  ]);
});

Deno.test("readCsvRows() reads conversations and tools that are JSON in a field", async () => {
  const quoted = (json: unknown) => `"${JSON.stringify(json).replaceAll('"', '""')}"`;
  const messages = [{ role: "user", content: "a" }, { role: "assistant", content: "b" }];
  const { rows, descriptions } = await readContent(
    "a.tsv",
    `messages\ttools\n${quoted(messages)}\t${quoted([{ name: "f" }])}\n${quoted(messages)}\t\n`,
  );
  assert.deepEqual(descriptions, ["messages rows in TSV: messages, tools"]);
  assert.deepEqual(rows.map(({ row }) => row), [
    { kind: "messages", messages, tools: [{ type: "function", function: { name: "f" } }] },
    { kind: "messages", messages, tools: undefined },
  ]);
});

Deno.test("readCsvRows() refuses bytes that are not UTF-8, row by row, and fields of one name", async () => {
  const bytes = new TextEncoder().encode("text\ngood\nbXd\nfine\n");
  bytes[bytes.indexOf(88)] = 0xff;
  const data = await readContent("a.csv", bytes);
  assert.deepEqual(summaries(data).map((each) => each.slice(0, 28)), [
    "line 2 (row 1): good",
    "line 3 (row 2): invalid-utf8",
    "line 4 (row 3): fine",
  ]);
  await assert.rejects(readContent("a.csv", "text,text\na,b\n"), /line 1 .*"text" is there twice/);
});

Deno.test("readCsvRows() tells a table by its fields, and asks for them", async () => {
  const named = await readContent("data", "prompt;completion\na;b\n");
  assert.deepEqual(named.descriptions, ["prompt-completion rows in CSV: prompt, completion"]);
  const unnamed = await readContent("a.csv", "Hello,world\na,b\n");
  assert.deepEqual(unnamed.descriptions, ["rows of no known form in CSV: Hello, world"]);
  assert.match(
    summaries(unnamed)[0]!,
    /unknown-format: its fields are "Hello", "world"; known are tokens/,
  );
});
