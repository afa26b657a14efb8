import assert from "node:assert/strict";
import { previewRows } from "../../../src/datasets/preview_rows.ts";
import { describeSources } from "../../../src/datasets/sources/describe_sources.ts";
import { computeStatistics } from "../../../src/datasets/stats.ts";
import type { FindingCode } from "../../../src/datasets/validation/codes.ts";
import { validateDataset } from "../../../src/datasets/validation/validate_dataset.ts";
import { testWithData } from "../../shared_data.ts";
import { byteTokenizer } from "../byte_tokenizer.ts";

/** Errors that are true of some of these files; Python counts as many rows and as many equal ones. One more file is empty. */
const TRUE_ERRORS: Readonly<Partial<Record<FindingCode, number>>> = {
  duplicate: 3849,
  "preference-row": 1710,
};

async function filesOf(root: string) {
  const sources = [];
  for await (const { name, isDirectory } of Deno.readDir(root)) {
    if (isDirectory) sources.push({ path: `${root}/${name}`, weight: 1 });
  }
  return await describeSources(sources.sort((a, b) => a.path < b.path ? -1 : 1));
}

testWithData(
  "validateDataset() invents no errors in real data sets, and counts as Python does",
  { data: "datasets" },
  async (root) => {
    const files = await filesOf(root);
    const counts: Partial<Record<FindingCode, number>> = {};
    const rows = { json: 0, text: 0 };
    for (const file of files) {
      const report = await validateDataset([file]);
      rows[file.path.endsWith(".txt") ? "text" : "json"] += report.rows;
      for (const { code } of report.errors) counts[code] = (counts[code] ?? 0) + 1;
    }
    assert.equal(files.filter(({ path }) => !path.endsWith(".txt")).length, 136);
    assert.equal(rows.json, 23_913);
    assert.deepEqual(counts, TRUE_ERRORS);
  },
);

testWithData(
  "previewRows() and computeStatistics() read every real data set",
  { data: "datasets" },
  async (root) => {
    for (const file of await filesOf(root)) {
      let shown = 0;
      for await (
        const { tokens, problem, trainedCount } of previewRows([file], {
          tokenizer: byteTokenizer(),
          maxLength: 4096,
        })
      ) {
        assert.ok(problem?.code === "preference-row" || trainedCount! > 0, file.path);
        assert.ok(problem !== undefined || tokens!.length <= 4096);
        if (++shown === 2) break;
      }
      const { rows, unusable, kinds } = await computeStatistics([file]);
      const refused = Object.values(unusable).reduce((sum, count) => sum + count, 0);
      const counted = Object.values(kinds).reduce((sum, count) => sum + count, 0);
      assert.equal(refused + counted, rows);
    }
  },
);
