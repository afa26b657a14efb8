import assert from "node:assert/strict";
import { lockRun } from "../../../src/core/training/run_lock.ts";
import { temporaryFolder } from "../../temporary_folder.ts";

Deno.test("lockRun() lets one trainer into the folder of a run at a time", async () => {
  await using folder = await temporaryFolder();
  {
    using _first = await lockRun(folder.path);
    await assert.rejects(
      lockRun(folder.path),
      /^UserError: Cannot train in ".*": another process trains there/,
    );
  }
  using _second = await lockRun(folder.path);
});
