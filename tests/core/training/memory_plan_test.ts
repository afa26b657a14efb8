import assert from "node:assert/strict";
import { testWithData } from "../../shared_data.ts";
import { measureMemory } from "../../bench/measured_memory.ts";

/** How far what a run says may be from what it takes. */
const TOLERANCE = 0.25;

/** Only Linux tells the peak of a process. */
if (Deno.build.os === "linux") {
  for (const device of ["native", "wasm"]) {
    testWithData(
      `planMemory() is within 25 % of what training takes at its peak on ${device}`,
      { data: "models/TinyStories-656K" },
      async (model) => {
        for (const [batchSize, seqLen] of [[4, 512], [2, 128]] as const) {
          const { estimate, peak } = await measureMemory({ model, batchSize, seqLen, device });
          const ratio = estimate / peak;
          assert.ok(
            Math.abs(ratio - 1) <= TOLERANCE,
            `${batchSize} × ${seqLen}: ${estimate} bytes said, ${peak} taken`,
          );
        }
      },
    );
  }
}
