import assert from "node:assert/strict";
import { join } from "node:path";
import { checkData, type CheckDataOptions } from "../../../src/core/training/check_data.ts";
import { type TemporaryFolder, temporaryFolder } from "../../temporary_folder.ts";

const chat = (prompt: string, answer: string) =>
  JSON.stringify({
    messages: [{ role: "user", content: prompt }, { role: "assistant", content: answer }],
  });
const GOOD = [chat("a", "b"), chat("c", "d")];
const BAD = [chat("a", "b"), chat("c", ""), chat("e", "f"), "{", chat("a", "b")];

async function write(folder: TemporaryFolder, name: string, rows: readonly string[]) {
  const path = join(folder.path, name);
  await Deno.writeTextFile(path, rows.join("\n"));
  return path;
}

const options: CheckDataOptions = { now: new Date(0) };

Deno.test("checkData() refuses a data set with rows that cannot be used, by the first of them", async () => {
  await using folder = await temporaryFolder();
  const path = await write(folder, "a.jsonl", BAD);
  await assert.rejects(checkData(path, options), {
    name: "UserError",
    message: `Cannot use line 2 of "${path}": "messages[1].content" is empty; write what the ` +
      "assistant says or remove the message (2 rows cannot be used, " +
      '"data validate" lists them, --skip-invalid-rows leaves them out)',
  });
  const good = await write(folder, "good.jsonl", GOOD);
  await assert.rejects(checkData(good, { ...options, evaluation: path }), /line 2 of ".*a\.jsonl"/);
});

Deno.test("checkData() says what is left out and what is wrong with the rest", async () => {
  await using folder = await temporaryFolder();
  const path = await write(folder, "a.jsonl", BAD);
  assert.deepEqual(await checkData(path, { ...options, skipInvalidRows: true }), [
    `"${path}": 2 of 5 rows are left out: 1 empty-answer, 1 invalid-json`,
    `"${path}": 1 duplicate; look at them with "data validate"`,
  ]);
  const good = await write(folder, "good.jsonl", GOOD);
  assert.deepEqual(await checkData(good, options), []);
  const held = await write(folder, "held.jsonl", [chat("C", "D")]);
  assert.deepEqual(await checkData(good, { ...options, evaluation: held }), [
    `"${good}": 1 eval-leakage; look at them with "data validate"`,
  ]);
  const empty = await write(folder, "empty.jsonl", [""]);
  await assert.rejects(checkData(empty, options), /Cannot use ".*empty\.jsonl": it has no rows/);
});

Deno.test("checkData() goes by the verdict on the same bytes, and by none on others", async () => {
  await using folder = await temporaryFolder();
  const path = await write(folder, "a.jsonl", BAD);
  const verdicts = { folder: join(folder.path, "verdicts") };
  const checked = { ...options, verdicts };
  await assert.rejects(checkData(path, checked));
  const names = await Array.fromAsync(Deno.readDir(verdicts.folder), ({ name }) => name);
  assert.equal(names.length, 1);

  // a verdict that says otherwise than the file shows that it is what counts
  const verdict = join(verdicts.folder, names[0]!);
  const json = JSON.parse(await Deno.readTextFile(verdict));
  const write2 = (changes: Readonly<Record<string, unknown>>) =>
    Deno.writeTextFile(verdict, JSON.stringify({ ...json, ...changes }));
  await write2({ brokenRows: 0, counts: {}, findings: [] });
  assert.deepEqual(await checkData(path, checked), []);
  await write2({ brokenRows: 0, validatorVersion: 999 });
  await assert.rejects(checkData(path, checked), /line 2/);
  await write2({ brokenRows: 0, level: "quick" });
  await assert.rejects(checkData(path, checked), /line 2/);
  await Deno.writeTextFile(verdict, "{");
  await assert.rejects(checkData(path, checked), /line 2/);

  await Deno.writeTextFile(path, GOOD.join("\n"));
  const readOnly = { ...checked, verdicts: { ...verdicts, write: false } };
  assert.deepEqual(await checkData(path, readOnly), []);
  assert.equal((await Array.fromAsync(Deno.readDir(verdicts.folder))).length, 1);
  assert.deepEqual(await checkData(path, checked), []);
  assert.equal((await Array.fromAsync(Deno.readDir(verdicts.folder))).length, 2);
  // a folder that cannot be written costs nothing but time
  const file = await write(folder, "file", ["x"]);
  const [warning] = await checkData(path, { ...options, verdicts: { folder: join(file, "v") } });
  assert.match(warning!, /^the verdict on ".*" is not kept: /);
});
