/**
 * One process of `tokenizer_bench.ts`: tokenises a list of texts several times, in so many threads, and prints the number of
 * tokens and the seconds of each pass.
 *
 * usage: tokenizer_step.ts <folder of the tokenizer> <texts.json> <threads> <passes>
 */

import { printLine } from "./print_line.ts";
import type { ThreadStart } from "./tokenizer_thread.ts";

/** Starts a thread for part of the texts; what it returns makes a pass over them. */
async function startThread(start: ThreadStart): Promise<() => Promise<number>> {
  const url = new URL("./tokenizer_thread.ts", import.meta.url);
  const worker = new Worker(url, { type: "module" });
  const send = (message: ThreadStart | "pass"): Promise<number> =>
    new Promise((resolve) => {
      worker.onmessage = ({ data }) => resolve(data);
      worker.postMessage(message);
    });
  await send(start);
  return () => send("pass");
}

const [folder, file, threads, passes] = Deno.args as [string, string, string, string];
const texts: readonly string[] = JSON.parse(await Deno.readTextFile(file));
const count = Number(threads);
const runs = await Promise.all(
  Array.from(
    { length: count },
    (_, part) => startThread({ folder, texts: texts.filter((_, i) => i % count === part) }),
  ),
);
const seconds: number[] = [];
let tokens = 0;
for (let pass = 0; pass < Number(passes); pass++) {
  const start = performance.now();
  const counts = await Promise.all(runs.map((run) => run()));
  seconds.push((performance.now() - start) / 1000);
  tokens = counts.reduce((sum, each) => sum + each, 0);
}
printLine(JSON.stringify({ tokens, seconds }));
Deno.exit(0);
