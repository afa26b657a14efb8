import assert from "node:assert/strict";
import { join } from "node:path";
import { openLog } from "../../../src/core/daemon/log.ts";
import { temporaryFolder } from "../../temporary_folder.ts";

Deno.test("openLog() begins a new file when one is long enough, and keeps only so many", async () => {
  await using folder = await temporaryFolder();
  const open = () =>
    openLog({ folder: folder.path, name: "d", maxBytes: 1000, maxFiles: 3, clock: () => 0 });
  {
    using log = await open();
    for (let i = 0; i < 50; i++) log.write({ level: "info", message: `line ${i}`, details: { i } });
  }
  {
    using log = await open();
    for (let i = 50; i < 55; i++) log.write({ level: "warn", message: `line ${i}` });
  }
  const names = (await Array.fromAsync(Deno.readDir(folder.path), ({ name }) => name)).toSorted();
  assert.deepEqual(names, ["d.1.log", "d.2.log", "d.log"]);
  const lines: { message: string; time: string }[] = [];
  for (const name of ["d.2.log", "d.1.log", "d.log"]) {
    const text = await Deno.readTextFile(join(folder.path, name));
    assert.ok(text.length <= 1000);
    lines.push(...text.trimEnd().split("\n").map((line) => JSON.parse(line)));
  }
  const first = 55 - lines.length;
  assert.deepEqual(lines.map(({ message }) => message), lines.map((_, i) => `line ${first + i}`));
  assert.equal(lines[0]!.time, "1970-01-01T00:00:00.000Z");
});
