/**
 * A program that runs the command line and prints, as its last line, the most memory that the process ever had.
 *
 * @module
 */

import { main } from "../../src/cli/main.ts";

if (import.meta.main) {
  const status = await main(Deno.args);
  const text = await Deno.readTextFile("/proc/self/status");
  const peakBytes = Number(/VmHWM:\s+(\d+) kB/.exec(text)![1]) * 1024;
  // deno-lint-ignore no-console -- what the benchmark reads
  console.log(JSON.stringify({ kind: "peak", peakBytes }));
  Deno.exit(status);
}
