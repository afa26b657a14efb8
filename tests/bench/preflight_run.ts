/**
 * A program that runs the command line and prints, as its last line, the most memory that the process ever had.
 *
 * @module
 */

import { main } from "../../src/cli/main.ts";
import { printLine } from "./print_line.ts";

if (import.meta.main) {
  const status = await main(Deno.args);
  const text = await Deno.readTextFile("/proc/self/status");
  const peakBytes = Number(/VmHWM:\s+(\d+) kB/.exec(text)![1]) * 1024;
  printLine(JSON.stringify({ kind: "peak", peakBytes }));
  Deno.exit(status);
}
