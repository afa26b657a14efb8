import assert from "node:assert/strict";
import { join } from "node:path";
import {
  JsonLinesReader,
  JsonLinesWriter,
  readJsonLines,
} from "../../../src/monitoring/runs/json_lines.ts";
import { temporaryFolder } from "../../temporary_folder.ts";

Deno.test("JsonLinesWriter cuts off a line that a killed process had begun, however long", async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, "lines.jsonl");
  for (const rest of ['{"b":', `{"b":"${"x".repeat(10_000)}`]) {
    await Deno.writeTextFile(path, `{"a":1}\n${rest}`);
    {
      using writer = new JsonLinesWriter(path);
      writer.append({ c: 3 });
      assert.equal(writer.bytes, (await Deno.stat(path)).size);
    }
    assert.equal(await Deno.readTextFile(path), '{"a":1}\n{"c":3}\n');
  }
});

Deno.test("JsonLinesWriter keeps only as much as it is told to", async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, "lines.jsonl");
  await Deno.writeTextFile(path, '{"a":1}\n{"a":2}\n{"a":3}\n');
  using writer = new JsonLinesWriter(path, { keepBytes: 16 });
  writer.append({ a: "new" });
  assert.deepEqual(readJsonLines(path), [{ a: 1 }, { a: 2 }, { a: "new" }]);
});

Deno.test("JsonLinesReader returns each line once, as soon as it is whole", async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, "lines.jsonl");
  const reader = new JsonLinesReader(path);
  assert.deepEqual(reader.read(), [], "there is no file yet");
  const write = (text: string) => Deno.writeTextFile(path, text, { append: true });
  await write('{"a":1}\n{"b');
  assert.deepEqual(reader.read(), [{ a: 1 }]);
  assert.deepEqual(reader.read(), []);
  await write('":"ä"}\n[1]\nno JSON\n{"c":3}\n');
  assert.deepEqual(reader.read(), [{ b: "ä" }, { c: 3 }]);
  const long = { d: "y".repeat(1000) };
  await write(`${JSON.stringify(long)}\n`);
  assert.deepEqual(reader.read(100), [long], "longer than what is read at once");
});
