import assert from "node:assert/strict";
import { openSession } from "../../../src/engine/runtime/open_session.ts";
import type { Session } from "../../../src/engine/runtime/session.ts";
import { defaultThreads } from "../../../src/engine/runtime/threads.ts";
import "../../available_devices.ts";
import { chainModel, filledSquare } from "./models.ts";

const WORST_RATIO = 8;
/** Other programs on the machine disturb as well. */
const ATTEMPTS = 3;
const PRODUCTS = 300;
const SIZE = 128;
const MEASURE_MS = 700;

/** A process that computes without end, already at it. */
async function startBusyProcess(): Promise<Deno.ChildProcess> {
  const process = new Deno.Command(Deno.execPath(), {
    args: ["eval", "--no-lock", 'console.log("busy"); for (;;);'],
    stdout: "piped",
  }).spawn();
  const reader = process.stdout.getReader();
  await reader.read();
  reader.releaseLock();
  return process;
}

/** Returns the time of one run, in milliseconds. */
async function timeRun(session: Session): Promise<number> {
  const feeds = { x: filledSquare(SIZE, 1), w: filledSquare(SIZE, 1 / SIZE) };
  const start = performance.now();
  let runs = 0;
  for (; performance.now() - start < MEASURE_MS; runs++) await session.run(feeds);
  return (performance.now() - start) / runs;
}

for (const device of ["native", "wasm"] as const) {
  Deno.test(`Session.run() on ${device} gets its share beside as many busy processes as threads`, async () => {
    const threads = defaultThreads();
    await using session = await openSession(chainModel(PRODUCTS), { device, threads });
    await timeRun(session);
    const alone = await timeRun(session);
    const processes = await Promise.all(Array.from({ length: threads }, startBusyProcess));
    try {
      let beside = Infinity;
      for (let attempt = 0; attempt < ATTEMPTS && beside > WORST_RATIO * alone; attempt++) {
        beside = await timeRun(session);
      }
      assert.ok(
        beside <= WORST_RATIO * alone,
        `${beside.toFixed(2)} ms beside busy processes, ${alone.toFixed(2)} ms alone`,
      );
    } finally {
      for (const process of processes) {
        process.kill("SIGKILL");
        await process.stdout.cancel();
        await process.status;
      }
    }
  });
}
