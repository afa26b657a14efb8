import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { readData } from "../datasets/sources/write_data.ts";
import { testWithData } from "../shared_data.ts";
import { temporaryFolder } from "../temporary_folder.ts";
import { runCli } from "./run_cli.ts";

const ROWS = [
  { instruction: "a", input: "b", output: "c" },
  { instruction: "d", input: "", output: 'e, "f"\n' },
  { instruction: "g", input: "", output: "" },
  { instruction: "h", input: "", output: null },
];

async function alpacaFile(folder: string): Promise<string> {
  const path = join(folder, "alpaca.json");
  await Deno.writeTextFile(path, JSON.stringify(ROWS));
  return path;
}

Deno.test("data convert writes rows in another form and says which it left out", async () => {
  await using folder = await temporaryFolder();
  const input = await alpacaFile(folder.path);
  const output = join(folder.path, "chat.jsonl");
  const { status, stdout, stderr } = await runCli([
    "data",
    "convert",
    input,
    "--to",
    "messages",
    "--output",
    output,
  ]);
  assert.equal(status, 0, stderr);
  assert.deepEqual(stdout.trimEnd().split("\n"), [
    `${input}: alpaca rows in JSON: instruction, input, output`,
    `wrote 2 of 4 rows to ${output}`,
    `left out 1: "output" is empty, so there is nothing to train (the first is line 1 (row 3) of "${input}")`,
    `left out 1: "output" must be a string: current value is null (the first is line 1 (row 4) of "${input}")`,
  ]);
  const lines = (await Deno.readTextFile(output)).trimEnd().split("\n").map((line) =>
    JSON.parse(line)
  );
  assert.deepEqual(lines, [
    { messages: [{ role: "user", content: "a\nb" }, { role: "assistant", content: "c" }] },
    { messages: [{ role: "user", content: "d" }, { role: "assistant", content: 'e, "f"\n' }] },
  ]);
});

Deno.test("data convert --json counts rows by reason", async () => {
  await using folder = await temporaryFolder();
  const input = await alpacaFile(folder.path);
  const output = join(folder.path, "a.csv.gz");
  const { stdout } = await runCli([
    "data",
    "convert",
    input,
    "--to",
    "alpaca",
    "--output",
    output,
    "--json",
  ]);
  const report = JSON.parse(stdout);
  assert.deepEqual({ ...report, reasons: report.reasons.length }, {
    output,
    form: "alpaca",
    container: "csv",
    compression: "gzip",
    rows: 4,
    converted: 2,
    refused: 2,
    reasons: 2,
  });
  assert.deepEqual(report.reasons[0], {
    reason: '"output" is empty, so there is nothing to train',
    rows: 1,
    source: input,
    line: 1,
  });
  const text = new TextDecoder().decode(gunzipSync(await Deno.readFile(output)));
  assert.equal(
    text,
    'instruction,input,output,system,history\n"a\nb","",c,,\nd,"","e, ""f""\n",,\n',
  );
});

for (const ending of ["jsonl", "jsonl.gz", "jsonl.zst", "json", "json.zst", "csv", "tsv.gz"]) {
  Deno.test(`data convert writes .${ending} that reads as what it was`, async () => {
    await using folder = await temporaryFolder();
    const input = join(folder.path, "in.jsonl");
    const rows = Array.from({ length: 3000 }, (_, i) => ({
      messages: [
        { role: "user", content: `${i} é😀\t"quoted", and\nmore` },
        { role: "assistant", content: `answer ${i}` },
      ],
    }));
    await Deno.writeTextFile(input, rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
    const output = join(folder.path, `out.${ending}`);
    const { status, stderr } = await runCli(["data", "convert", input, "--output", output]);
    assert.equal(status, 0, stderr);
    const before = await readData(input);
    const after = await readData(output);
    assert.deepEqual(after.rows.map(({ row }) => row), before.rows.map(({ row }) => row));
  });
}

Deno.test("data convert keeps preference rows as they are and writes plain text", async () => {
  await using folder = await temporaryFolder();
  const input = join(folder.path, "in.jsonl");
  const output = join(folder.path, "out.json");
  await Deno.writeTextFile(input, '{"prompt": "a", "chosen": "b", "rejected": "c"}\n');
  await runCli(["data", "convert", input, "--output", output]);
  assert.equal(
    await Deno.readTextFile(output),
    '[\n{"prompt":"a","chosen":"b","rejected":"c"}\n]\n',
  );
  await Deno.writeTextFile(input, '{"text": "a"}\n{"prompt": "b", "completion": " c"}\n');
  const text = join(folder.path, "out.txt");
  await runCli(["data", "convert", input, "--format", "mixed", "--output", text]);
  assert.equal(await Deno.readTextFile(text), "a\n<|endoftext|>\nb c\n<|endoftext|>\n");
});

Deno.test("data convert refuses what it cannot write and leaves nothing behind", async () => {
  await using folder = await temporaryFolder();
  const input = await alpacaFile(folder.path);
  const run = async (...args: string[]) => {
    const { status, stderr } = await runCli(["data", "convert", input, ...args]);
    assert.notEqual(status, 0);
    return stderr;
  };
  const at = (name: string) => join(folder.path, name);
  assert.match(await run("--output", at("a.parquet")), /its name must end in \.jsonl, \.json/);
  assert.match(await run("--output", at("a.txt"), "--to", "messages"), /plain text has no fields/);
  assert.match(await run("--output", at("a.json"), "--to", "jsonl"), /let its name end in \.jsonl/);
  assert.match(
    await run("--output", at("a.jsonl"), "--to", "text"),
    /none of the 4 rows can be converted/,
  );
  assert.match(await run("--output", input), /it is there already; add --force/);
  const left = (await Array.fromAsync(Deno.readDir(folder.path))).map(({ name }) => name);
  assert.deepEqual(left, ["alpaca.json"]);
  assert.ok(!existsSync(at("a.jsonl.part")));
});

testWithData(
  "data convert brings calls of functions from ShareGPT's form to OpenAI's and back",
  { data: "datasets/llamafactory/glaive_toolcall_en_demo.json" },
  async (input) => {
    await using folder = await temporaryFolder();
    const chat = join(folder.path, "chat.jsonl.zst");
    const back = join(folder.path, "back.json");
    await runCli(["data", "convert", input, "--to", "messages", "--output", chat]);
    await runCli(["data", "convert", chat, "--to", "sharegpt", "--output", back]);
    const first = await readData(input);
    for (const path of [chat, back]) {
      const { rows } = await readData(path);
      assert.deepEqual(rows.map(({ row }) => row), first.rows.map(({ row }) => row));
    }
  },
);
