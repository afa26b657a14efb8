import assert from "node:assert/strict";
import { join } from "node:path";
import { describeSources } from "../../../src/datasets/sources/describe_sources.ts";
import { validateDataset } from "../../../src/datasets/validation/validate_dataset.ts";
import {
  evaluationHash,
  readVerdict,
  verdictsOf,
  writeVerdict,
} from "../../../src/datasets/validation/verdict.ts";
import { temporaryFolder } from "../../temporary_folder.ts";
import { byteTokenizer } from "../byte_tokenizer.ts";

const row = (prompt: string, completion: string) => JSON.stringify({ prompt, completion });
const ROWS = [row("a", "b"), row("a", "b"), row("c", ""), row("long", "answer".repeat(20))];

const now = new Date(0);

async function filesOf(folder: string, contents: Readonly<Record<string, readonly string[]>>) {
  const paths = Object.keys(contents).map((name) => join(folder, name));
  for (const path of paths) {
    await Deno.writeTextFile(path, contents[path.slice(folder.length + 1)]!.join("\n"));
  }
  return await describeSources(paths.map((path) => ({ path, weight: 1 })));
}

Deno.test("verdictsOf() keeps what follows from a file's bytes alone", async () => {
  await using folder = await temporaryFolder();
  const files = await filesOf(folder.path, { "a.jsonl": ROWS, "b.jsonl": ROWS });
  const model = { tokenizer: byteTokenizer(), vocabSize: 259, maxLength: 32 };
  const evaluation = await describeSources([{ path: files[1]!.path, weight: 1 }]);
  const report = await validateDataset(files.slice(0, 1), { model, evaluation });
  const [verdict] = verdictsOf(report, { now });
  assert.deepEqual(verdict!.counts, { "empty-answer": 1, duplicate: 1 });
  assert.equal(verdict!.brokenRows, 1);
  assert.equal(verdict!.rows, 4);
  assert.ok(verdict!.findings.every((finding) => finding.source === undefined));

  const hash = evaluationHash(report.evaluation.map(({ sha256 }) => sha256!));
  const [compared] = verdictsOf(report, { now, evaluation: hash });
  assert.equal(compared!.counts["eval-leakage"], 3);
  assert.equal(compared!.evaluation, report.evaluation[0]!.sha256);

  // of several files rows are compared with each other's
  const both = verdictsOf(await validateDataset(files), { now });
  assert.deepEqual(both.map(({ level, counts }) => [level, counts]), [
    ["quick", { "empty-answer": 1 }],
    ["quick", { "empty-answer": 1 }],
  ]);
});

Deno.test("writeVerdict() does not replace a verdict that looked closer", async () => {
  await using folder = await temporaryFolder();
  const files = await filesOf(folder.path, { "a.jsonl": ROWS });
  const verdicts = join(folder.path, "verdicts");
  const write = async (level: "quick" | "deep") => {
    const [verdict] = verdictsOf(await validateDataset(files, { level }), { now });
    await writeVerdict(verdicts, verdict!);
    return verdict!;
  };
  const { sha256 } = await write("quick");
  assert.equal(await readVerdict(verdicts, sha256, { level: "standard" }), undefined);
  const deep = await write("deep");
  await write("quick");
  assert.deepEqual(await readVerdict(verdicts, sha256), deep);
  assert.equal(await readVerdict(verdicts, sha256, { format: "text" }), undefined);
  assert.equal(await readVerdict(verdicts, sha256, { evaluation: sha256 }), undefined);
  assert.equal(await readVerdict(verdicts, "0".repeat(64)), undefined);
});
