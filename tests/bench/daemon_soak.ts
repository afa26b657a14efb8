/**
 * A soak of the daemon: many tiny jobs, one after the other, and what it holds meanwhile.
 *
 * usage: deno run -P=test tests/bench/daemon_soak.ts [JOBS]
 *
 * @module
 */

import { join } from "node:path";
import { startProgram } from "../core/daemon/daemon_program.ts";
import { testHome, until } from "../core/daemon/test_daemon.ts";
import { printLine } from "./print_line.ts";

const JOBS = Number(Deno.args[0] ?? 500);

/** Jobs after which the daemon is measured first: by then all is loaded. */
const WARM = Math.max(1, Math.floor(JOBS / 10));

interface Measure {
  readonly jobs: number;
  readonly rssMb: number;
  readonly handles: number;
  readonly homeMb: number;
  readonly stateMb: number;
}

await using home = await testHome({ maxSteps: 2, keepCheckpoints: 1 });
await using daemon = await startProgram(home);
const started = performance.now();
let dropped = 0;
const measures: Measure[] = [];
for (const goal of [WARM, Math.floor(JOBS / 2), JOBS]) {
  while (dropped < goal) {
    await home.drop(`${dropped % 7}/file-${dropped}.jsonl`, { seed: dropped, rows: 4 });
    dropped++;
    // some wait, so that there is a queue; not so many that all wait for all
    await until(async () => dropped - (await home.queue.counts()).succeeded < 8);
  }
  await until(async () => (await home.queue.counts()).succeeded === dropped);
  measures.push(await measure(dropped));
  printLine(JSON.stringify(measures.at(-1)));
}
const seconds = (performance.now() - started) / 1000;
const jobs = await home.queue.list();
const failed = jobs.filter(({ state }) => state !== "succeeded").length;
const latencies = jobs.map(({ createdAtMs, startedAtMs }) => startedAtMs! - createdAtMs)
  .toSorted((a, b) => a - b);
const at = (part: number) =>
  `${(latencies[Math.ceil(part * latencies.length) - 1]! / 1000).toFixed(2)} s`;
printLine(
  `${jobs.length} jobs in ${seconds.toFixed(0)} s, ${failed} not succeeded; in the queue: median ${
    at(0.5)
  }, ` +
    `p99 ${at(0.99)}, longest ${at(1)}`,
);
const [first, , last] = measures as [Measure, Measure, Measure];
const per = (key: "homeMb" | "stateMb") =>
  1000 * (last[key] - first[key]) / (last.jobs - first.jobs);
printLine(
  `from job ${first.jobs} to ${last.jobs}: ${
    (last.rssMb - first.rssMb).toFixed(1)
  } MB of memory, ` +
    `${last.handles - first.handles} handles; per job ${
      per("homeMb").toFixed(0)
    } kB in the home, ` +
    `${per("stateMb").toFixed(1)} kB of them in state.sqlite`,
);

async function measure(jobs: number): Promise<Measure> {
  const status = await Deno.readTextFile(`/proc/${daemon.pid}/status`);
  const handles = await Array.fromAsync(Deno.readDir(`/proc/${daemon.pid}/fd`));
  return {
    jobs,
    rssMb: Number(/^VmRSS:\s+(\d+)/m.exec(status)![1]) / 1000,
    handles: handles.length,
    homeMb: await sizeOf(home.home) / 1e6,
    stateMb: (await Deno.stat(home.paths.state)).size / 1e6,
  };
}

async function sizeOf(folder: string): Promise<number> {
  let size = 0;
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    const path = join(folder, name);
    size += isDirectory ? await sizeOf(path) : (await Deno.stat(path)).size;
  }
  return size;
}
