import assert from "node:assert/strict";
import { join } from "node:path";
import { testWithData } from "../shared_data.ts";
import { temporaryFolder } from "../temporary_folder.ts";
import { runCli } from "./run_cli.ts";

const CHAT = JSON.stringify({
  messages: [{ role: "user", content: "Hi" }, { role: "assistant", content: "Hello!" }],
});

Deno.test("data validate reports mistakes on standard output and ends with status 1", async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, "a.jsonl");
  await Deno.writeTextFile(path, `${CHAT}\n{"text": 3}\n`);
  const { status, stdout, stderr } = await runCli(["data", "validate", path]);
  assert.equal(status, 1);
  assert.equal(
    stdout,
    `1 rows can be used (1 messages)\nerror: Cannot use line 2 of "${path}": "text" must be a string\n`,
  );
  assert.equal(stderr, `error: Cannot train on "${path}": 1 of its lines cannot be used\n`);
});

Deno.test("data preview marks what is trained", async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, "a.jsonl");
  await Deno.writeTextFile(path, `${CHAT}\n`.repeat(3));
  const { status, stdout } = await runCli(["data", "preview", path, "--rows", "1"]);
  assert.equal(status, 0);
  assert.equal(stdout, "── line 1, messages\nuser: Hi\nassistant: ⟦Hello!⟧\n");
});

testWithData(
  "data validate and data preview read with a model's tokenizer",
  { data: "models/TinyStories-656K" },
  async (model) => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, "a.jsonl");
    await Deno.writeTextFile(path, '{"prompt": "Once upon", "completion": " a time"}\n');
    const report = await runCli(["data", "validate", path, "--model", model, "--json"]);
    assert.equal(report.status, 0, report.stderr);
    const { valid, lengths } = JSON.parse(report.stdout);
    assert.equal(valid, true);
    assert.equal(lengths.maxLength, 512);
    assert.ok(lengths.trainedTokens >= 3 && lengths.tokens > lengths.trainedTokens);
    const { stdout } = await runCli(["data", "preview", path, "--model", model]);
    assert.match(stdout, /Once upon⟦ a time.*⟧\n$/);
  },
);
