import assert from "node:assert/strict";
import { testWithData } from "../../shared_data.ts";
import { runLoad } from "./run_load.ts";

// Processes are looked at as Linux shows them.
if (Deno.build.os === "linux") {
  testWithData(
    "serve() under slow readers, cancels, nonsense and a worker that is killed answers rightly or not, and loses no slot",
    { data: "models/TinyStories-656K" },
    async (model) => {
      const report = await runLoad({
        model,
        device: "wasm",
        threads: 1,
        connections: 24,
        seconds: 20,
        killSeconds: 6,
      });
      assert.deepEqual(report.wrong, []);
      assert.ok(report.kills >= 2, `${report.kills} kills`);
      for (const kind of ["whole", "streamed", "slow", "embedding", "malformed"] as const) {
        assert.ok(
          (report.counts[kind].right ?? 0) > 0,
          `${kind}: ${JSON.stringify(report.counts)}`,
        );
      }
      assert.ok((report.counts.leaving.left ?? 0) > 0);
      assert.deepEqual(report.left, { running: 0, waiting: 0 });
      assert.ok(report.answersAfterwards);
    },
  );
}
