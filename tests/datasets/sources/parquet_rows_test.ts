import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { temporaryFolder } from "../../temporary_folder.ts";
import { readContent, readData } from "./write_data.ts";

const FIXTURES = fileURLToPath(new URL("../../fixtures/sources", import.meta.url));
const expected = JSON.parse(await Deno.readTextFile(join(FIXTURES, "rows.json")));

for (const name of ["none", "snappy", "gzip", "zstd", "brotli", "lz4", "v2", "plain"]) {
  Deno.test(`openParquet() reads what pyarrow wrote to ${name}.parquet`, async () => {
    const { rows, descriptions, files } = await readData(
      join(FIXTURES, `${name}.parquet`),
      "mixed",
    );
    assert.deepEqual(rows.map(({ json }) => json), expected);
    assert.match(
      descriptions[0]!,
      / in Parquet, 60 rows: id, messages, tools, input_ids, score, good$/,
    );
    assert.deepEqual(
      rows.map(({ place }) => place.line),
      expected.map((_: unknown, i: number) => i + 1),
    );
    assert.match(files[0]!.sha256, /^[0-9a-f]{64}$/);
  });
}

Deno.test("openParquet() reads a file that is compressed as a whole", async () => {
  const bytes = await Deno.readFile(join(FIXTURES, "snappy.parquet"));
  const { rows, descriptions } = await readContent("a.parquet.gz", gzipSync(bytes), "messages");
  assert.deepEqual(rows.map(({ json }) => json), expected);
  assert.match(descriptions[0]!, /^messages rows in Parquet \(gzip\), 60 rows/);
});

Deno.test("openParquet() says row, not line, in problems", async () => {
  const { rows } = await readData(join(FIXTURES, "snappy.parquet"), "text");
  assert.match(
    rows[29]!.problem === undefined ? "" : rows[29]!.error.message,
    /^Cannot use row 30 of /,
  );
});

Deno.test("openParquet() refuses files that are empty, cut off or damaged", async () => {
  await assert.rejects(readData(join(FIXTURES, "empty.parquet")), /it has no rows/);
  await assert.rejects(
    readContent("a.parquet", '{"text": "a"}'),
    /Cannot use row 1 of ".*a\.parquet": it does not begin as a Parquet file does/,
  );
  const bytes = await Deno.readFile(join(FIXTURES, "gzip.parquet"));
  await assert.rejects(readContent("a.parquet", bytes.subarray(0, 3000)), {
    name: "UserError",
    message: /^Cannot use row 1 of ".*a\.parquet": the Parquet file is damaged/,
  });
  await using folder = await temporaryFolder();
  const path = join(folder.path, "a.parquet");
  bytes.fill(0, 2500, 2600); // in the second group
  await Deno.writeFile(path, bytes);
  await assert.rejects(
    readData(path),
    /^UserError: Cannot use row 26 of ".*": the Parquet file/,
  );
});
