/**
 * Loads a server for minutes: many connections, slow readers, cancels, malformed bodies, and the worker killed again and
 * again. Ends with status 1 if an answer was wrong or a slot was lost.
 *
 * usage: deno run -P=test tests/bench/serving_load.ts [--minutes 5] [--connections 200] [--kill-seconds 30]
 *   [--model FOLDER] [--device native] [--threads 2]
 *
 * @module
 */

import { parseArgs } from "node:util";
import { runLoad } from "../inference/load/run_load.ts";
import { sharedData } from "../shared_data.ts";
import { printLine } from "./print_line.ts";

const { values } = parseArgs({
  args: Deno.args,
  options: {
    minutes: { type: "string", default: "5" },
    connections: { type: "string", default: "200" },
    "kill-seconds": { type: "string", default: "30" },
    model: { type: "string", default: sharedData("models/TinyStories-656K") ?? "" },
    device: { type: "string", default: "native" },
    threads: { type: "string", default: "2" },
  },
});

const megabytes = (bytes: number) => `${(bytes / 2 ** 20).toFixed(0)} MiB`;

const report = await runLoad({
  model: values.model,
  device: values.device,
  threads: Number(values.threads),
  connections: Number(values.connections),
  seconds: 60 * Number(values.minutes),
  killSeconds: Number(values["kill-seconds"]),
  onSample: ({ seconds, bytes }) => printLine(`${seconds.toFixed(0)} s: ${megabytes(bytes)}`),
});
for (const [kind, counts] of Object.entries(report.counts)) {
  printLine(`${kind}: ${Object.entries(counts).map(([how, n]) => `${n} ${how}`).join(", ")}`);
}
const { wrong, kills, slopeMibPerMinute, left, answersAfterwards } = report;
printLine(
  `worker killed ${kills} times; memory grew by ${slopeMibPerMinute.toFixed(2)} MiB a minute`,
);
printLine(`left: ${left.running} running, ${left.waiting} waiting; answers: ${answersAfterwards}`);
for (const text of new Set(wrong.slice(0, 20))) printLine(`wrong: ${text}`);
printLine(`${wrong.length} wrong`);
const isGood = wrong.length === 0 && left.running + left.waiting === 0 && answersAfterwards;
Deno.exit(isGood ? 0 : 1);
