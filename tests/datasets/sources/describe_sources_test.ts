import assert from "node:assert/strict";
import { join } from "node:path";
import type { Container } from "../../../src/datasets/sources/data_file.ts";
import { describeSources } from "../../../src/datasets/sources/describe_sources.ts";
import { temporaryFolder } from "../../temporary_folder.ts";
import { readContent, readData, summaries } from "./write_data.ts";

const TEXT = '{"text": "a"}';

/** Contents, and what they are taken for. */
const CONTAINERS:
  readonly (readonly [name: string, content: string, container: Container, rows: number])[] = [
    ["a.jsonl", `${TEXT}\n${TEXT}\n`, "jsonl", 2],
    ["a.json", `${TEXT}\n${TEXT}\n`, "jsonl", 2],
    ["a.json", `[${TEXT},${TEXT}]`, "json", 2],
    ["a.jsonl", `[\n${TEXT},\n${TEXT}\n]\n`, "json", 2],
    ["a.json", `{"data": [${TEXT}, ${TEXT}]}`, "json", 2],
    ["a.json", `{\n  "data": [\n    ${TEXT}\n  ]\n}\n`, "json", 1],
    ["a.json", '{\n  "text": "a"\n}\n', "json", 1],
    ["a.json", TEXT, "jsonl", 1],
    ["a", `${TEXT}\n`, "jsonl", 1],
    ["a", ` [ ${TEXT} ]`, "json", 1],
    ["a.csv", `${TEXT}\n${TEXT}\n`, "jsonl", 2],
    ["a.jsonl", `[1, 2]\n${TEXT}\n${TEXT}\n`, "jsonl", 3],
    ["a.jsonl", `{"text": "no end\n${TEXT}\n${TEXT}\n`, "jsonl", 3],
    ["a", `{"text": "no end\n${TEXT}\n${TEXT}\n`, "jsonl", 3],
    ["a.jsonl", `not JSON\n${TEXT}\n`, "jsonl", 2],
    ["a.txt", "[Enter Hamlet]\nTo be\n", "text", 2],
    ["a.txt", "{ not JSON }\nat all\n", "text", 2],
    ["a.md", "# Title\n\ntext, more text\n", "text", 1],
    ["a", "text\n", "text", 1],
    ["a.csv", "text\na\n", "csv", 1],
    ["a.tsv", "text\tid\na, b\t1\n", "csv", 1],
  ];

for (const [name, content, container, count] of CONTAINERS) {
  Deno.test(`describeSources() takes ${name} with ${JSON.stringify(content)} for ${container}`, async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, name);
    await Deno.writeTextFile(path, content);
    const [file] = await describeSources(path);
    assert.equal(file!.container, container);
    assert.equal((await readData(path)).rows.length, count);
  });
}

Deno.test("describeSources() lets the first rows vote, and strays are refused by their line", async () => {
  const chat = JSON.stringify({
    conversations: [{ from: "human", value: "a" }, { from: "gpt", value: "b" }],
  });
  const data = await readContent("a.jsonl", `${chat}\n${chat}\n${TEXT}\n${chat}\n{"x": 1}\n`);
  assert.deepEqual(data.descriptions, ["sharegpt rows in JSON Lines: conversations, text, x"]);
  assert.deepEqual(summaries(data).filter((each) => !each.endsWith("messages")), [
    "line 3: other-format: it is a text row (text) among sharegpt rows; write it like the others, or " +
    'give "--format mixed" to read each row by its own fields',
    'line 5: unknown-format: its fields are "x"; known are tokens (input_ids), preference (chosen, ' +
    "rejected), messages (messages), sharegpt (conversations), prompt-completion (prompt, completion), " +
    "alpaca (instruction, output), question-answer (question, answer), text (text)",
  ]);
  const mixed = await readContent("a.jsonl", `${chat}\n${TEXT}\n${chat}\n`, "mixed");
  assert.deepEqual(summaries(mixed), ["line 1: messages", "line 2: a", "line 3: messages"]);
});

Deno.test("describeSources() takes a file whose rows are of several forms for mixed", async () => {
  const pair = JSON.stringify({ prompt: "a", completion: "b" });
  const data = await readContent("a.jsonl", `${pair}\n${TEXT}\n${pair}\n${TEXT}\n${pair}\n`);
  assert.deepEqual(data.descriptions, [
    "rows of several forms (prompt-completion, text) in JSON Lines: prompt, completion, text",
  ]);
  assert.ok(data.rows.every(({ problem }) => problem === undefined));
});

Deno.test("describeSources() reads rows as --format says", async () => {
  const row = { instruction: "a", output: "b", chosen: "c", rejected: "d", text: "e" };
  const content = `${JSON.stringify(row)}\n`;
  const read = async (format?: "alpaca" | "chosen" | "text") =>
    summaries(await readContent("a.jsonl", content, format))[0];
  assert.match((await read())!, /^line 1: preference-row: .*not there yet; give "--format chosen"/);
  assert.equal(await read("alpaca"), "line 1: messages");
  assert.equal(await read("chosen"), "line 1: messages");
  assert.equal(await read("text"), "line 1: e");
});

Deno.test("describeSources() reads all data in a folder in the order of names, and its folders", async () => {
  await using folder = await temporaryFolder();
  const { path } = folder;
  const files: Readonly<Record<string, string>> = {
    "b.jsonl": '{"text": "b"}\n',
    "a.csv": "text\na\n",
    "part/2.json": '[{"text": "2"}]',
    "part/10.json": '[{"text": "10"}]',
    "README.md": "# no data",
    "LICENSE.txt": "no data",
    "dataset_info.json": '{"x": {}}',
    ".hidden.jsonl": "no data",
    "script.py": "no data",
    "empty.jsonl": "",
  };
  await Deno.mkdir(join(path, "part"));
  for (const [name, text] of Object.entries(files)) {
    await Deno.writeTextFile(join(path, name), text);
  }
  const { rows, files: read } = await readData(path);
  assert.deepEqual(rows.map(({ json }) => json?.text), ["a", "b", "10", "2"]);
  assert.deepEqual(read.map(({ rows }) => rows), [1, 1, 1, 1]);
  await Deno.mkdir(join(path, "none"));
  await assert.rejects(
    readData(join(path, "none")),
    /there is no \.jsonl, .* file in this folder$/,
  );
});

Deno.test("describeSources() names what is missing, empty or in another encoding", async () => {
  await assert.rejects(readData("/nowhere/a.jsonl"), {
    name: "UserError",
    message: 'Cannot read "/nowhere/a.jsonl": there is no such file or folder',
  });
  for (const content of ["", "\n\n  \r\n", "\uFEFF", "[]"]) {
    await assert.rejects(readContent("a.jsonl", content), /^UserError: .*it has no rows$/);
  }
  const utf16 = Uint8Array.from([0xff, 0xfe, 123, 0, 125, 0]);
  await assert.rejects(readContent("a.jsonl", utf16), /it is UTF-16; save the file as UTF-8/);
});
