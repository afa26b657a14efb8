import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { testWithData } from "../shared_data.ts";
import { temporaryFolder } from "../temporary_folder.ts";
import { type CliResult, runCli } from "./run_cli.ts";

const chat = (prompt: string) => ({
  messages: [{ role: "user", content: prompt }, { role: "assistant", content: "Hello!" }],
});
const CHAT = JSON.stringify(chat("Hi"));

/** Runs a command on a file with these rows. */
async function runOn(
  rows: readonly string[],
  args: (path: string) => readonly string[],
): Promise<CliResult & { readonly verdicts: number }> {
  await using folder = await temporaryFolder();
  const path = join(folder.path, "a.jsonl");
  await Deno.writeTextFile(path, rows.map((row) => `${row}\n`).join(""));
  const home = join(folder.path, "home");
  const result = await runCli(args(path), { env: { LLM_TRAINING_HOME: home } });
  const verdicts = join(home, "data", "verdicts");
  const clean = (text: string) => text.replaceAll(folder.path, "");
  return {
    status: result.status,
    stdout: clean(result.stdout),
    stderr: clean(result.stderr),
    verdicts: existsSync(verdicts) ? (await Array.fromAsync(Deno.readDir(verdicts))).length : 0,
  };
}

Deno.test("data validate reports mistakes on standard output, ends with status 1 and keeps the verdict", async () => {
  const { status, stdout, stderr, verdicts } = await runOn(
    [CHAT, '{"messages": []}', CHAT],
    (path) => ["data", "validate", path],
  );
  assert.equal(status, 1);
  assert.equal(
    stdout,
    "messages rows in JSON Lines: messages\n" +
      "3 rows, 2 can be used (2 messages)\n" +
      'error: line 2: "messages" must be a list of at least one message; add messages, or remove the row [empty-messages]\n' +
      "error: line 3: it says what line 1 says; remove one of the two [duplicate]\n",
  );
  assert.equal(stderr, 'error: Cannot train on "/a.jsonl": 1 of its 3 rows cannot be used\n');
  assert.equal(verdicts, 1);
});

Deno.test("data validate --json prints one object and looks as closely as --level says", async () => {
  const quick = await runOn(
    [CHAT, CHAT],
    (path) => ["data", "validate", path, "--json", "--level", "quick"],
  );
  assert.equal(quick.status, 0);
  const { rows, errors, warnings, level, format, sha256 } = JSON.parse(quick.stdout);
  assert.deepEqual(
    { rows, errors, warnings, level, format },
    { rows: 2, errors: [], warnings: [], level: "quick", format: "messages" },
  );
  assert.match(sha256, /^[0-9a-f]{64}$/);
  const standard = await runOn([CHAT, CHAT], (path) => ["data", "validate", path, "--json"]);
  assert.equal(standard.status, 1);
  assert.deepEqual(JSON.parse(standard.stdout).errors, [{
    line: 2,
    code: "duplicate",
    message: "it says what line 1 says",
    fix: "remove one of the two",
  }]);
});

Deno.test("data preview marks what is trained", async () => {
  const { status, stdout } = await runOn(
    [CHAT, "{", CHAT],
    (path) => ["data", "preview", path, "--rows", "2"],
  );
  assert.equal(status, 0);
  const [description, legend, ...rows] = stdout.split("\n");
  assert.equal(description, "messages rows in JSON Lines: messages");
  assert.equal(legend, "⟦trained⟧, the rest is only read");
  assert.deepEqual(rows.slice(0, 4), [
    ...["── line 1, messages", "user: Hi", "assistant: ⟦Hello!⟧"],
    "── line 2, cannot be used",
  ]);
  assert.match(rows[4]!, /^error: it is not valid JSON/);
  const second = await runOn(
    [CHAT, JSON.stringify(chat("Bye"))],
    (path) => ["data", "preview", path, "--row", "2", "--json"],
  );
  const { line, segments } = JSON.parse(second.stdout);
  assert.equal(line, 2);
  assert.equal(segments.length, 4);
  const none = await runOn([CHAT], (path) => ["data", "preview", path, "--row", "2"]);
  assert.equal(none.stderr, 'error: Cannot show row 2 of "/a.jsonl": there are 1\n');
});

Deno.test("data stats counts rows and draws how long they are", async () => {
  const rows = [...Array.from({ length: 30 }, (_, i) => JSON.stringify(chat("x".repeat(i)))), "{"];
  const { status, stdout } = await runOn(rows, (path) => ["data", "stats", path]);
  assert.equal(status, 0);
  assert.match(stdout, /^31 rows: 29 messages; cannot be used: 1 empty-content, 1 invalid-json$/m);
  assert.match(stdout, /^ *\d+–\d+ {2}█+[▏▎▍▌▋▊▉]? \d+$/m);
  const json = await runOn(rows, (path) => ["data", "stats", path, "--json"]);
  assert.equal(JSON.parse(json.stdout).characters.max, 29 + 6);
});

testWithData(
  "data validate, preview and stats read with a model's tokenizer",
  { data: "models/TinyStories-656K" },
  async (model) => {
    const rows = ['{"prompt": "Once upon", "completion": " a time"}'];
    const run = (...args: string[]) =>
      runOn(rows, (path) => ["data", args[0]!, path, "--model", model, ...args.slice(1)]);
    const report = await run("validate", "--json");
    assert.equal(report.status, 0, report.stderr);
    const { valid, lengths } = JSON.parse(report.stdout);
    assert.equal(valid, true);
    assert.equal(lengths.maxLength, 512);
    assert.ok(lengths.trainedTokens >= 3 && lengths.tokens > lengths.trainedTokens);
    const preview = await run("preview");
    assert.match(preview.stdout, /Once upon⟦ a time.*⟧\n$/);
    const { tokens, tokenCount, trainedCount } = JSON.parse(
      (await run("preview", "--json")).stdout,
    );
    assert.equal(tokens.length, tokenCount);
    assert.equal(
      tokens.filter(({ trained }: { trained: boolean }) => trained).length,
      trainedCount,
    );
    assert.match(tokens.map(({ text }: { text: string }) => text).join(""), /Once upon a time/);
    const ids = await run("preview", "--ids", "--max-length", "3");
    assert.match(ids.stdout, new RegExp(`‹${tokens[0].id}›.*‹${tokens[2].id}›`));
    assert.match(ids.stdout, /^✂ \d+ more tokens, beyond --max-length$/m);
    const stats = JSON.parse((await run("stats", "--json")).stdout);
    assert.equal(stats.tokens.total, tokenCount);
    assert.equal(stats.tokens.trainedTokens, trainedCount);
  },
);
