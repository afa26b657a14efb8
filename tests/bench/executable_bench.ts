/**
 * The executable beside the smallest one that can be compiled: its size, the start of `--help`, and the memory of a
 * server that waits.
 *
 * usage: deno run -P=test tests/bench/executable_bench.ts [MODEL]
 *
 * `$LLM_TRAINING_BIN` names the executable (dist/llm-training by default), `$DENORT_BIN` what the other is built on:
 * the same as that one. The two start in turns; the fastest of each counts, since a busy machine only adds to it.
 *
 * @module
 */

import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { sharedData } from "../shared_data.ts";
import { temporaryFolder } from "../temporary_folder.ts";
import { idleMemory } from "./idle_memory.ts";
import { printLine } from "./print_line.ts";

const ROUNDS = 150;
const BARS = { sizeBytes: 125e6, startRatio: 1.5, idleBytes: 250e6 } as const;

const executable = resolve(
  Deno.env.get("LLM_TRAINING_BIN") ??
    fileURLToPath(new URL("../../dist/llm-training", import.meta.url)),
);
const model = Deno.args[0] ?? sharedData("models/TinyStories-656K");

await using folder = await temporaryFolder();
const hello = await compileHello(folder.path);
const { size } = await Deno.stat(executable);
report("size, MB", size / 1e6, BARS.sizeBytes / 1e6);
const [helpMs, helloMs] = await startTimes(["--help"]);
printLine(`start of --help ${helpMs.toFixed(1)} ms, of hello-world ${helloMs.toFixed(1)} ms`);
report("start, ratio to hello-world", helpMs / helloMs, BARS.startRatio);
if (model !== undefined && Deno.build.os === "linux") {
  const { residentBytes, peakBytes, processes } = await idleMemory(executable, {
    model,
    home: folder.path,
  });
  printLine(`server of ${processes} processes: peak ${(peakBytes / 1e6).toFixed(1)} MB`);
  report("server that waits, MB", residentBytes / 1e6, BARS.idleBytes / 1e6);
}

function report(name: string, value: number, bar: number): void {
  printLine(`${name}: ${value.toFixed(2)} (at most ${bar}: ${value <= bar ? "yes" : "NO"})`);
}

async function compileHello(path: string): Promise<string> {
  const source = join(path, "hello.ts");
  const output = join(path, "hello");
  await Deno.writeTextFile(source, 'console.log("Hello");\n');
  const { success } = await new Deno.Command(Deno.execPath(), {
    args: ["compile", "--quiet", "--no-config", "--allow-all", `--output=${output}`, source],
  }).output();
  if (!success) throw new Error("Cannot compile hello-world");
  return output;
}

/** Returns the shortest time of each, in milliseconds; the first start of each, which fills caches, is left out. */
async function startTimes(args: readonly string[]): Promise<readonly [number, number]> {
  const best: [number, number] = [Infinity, Infinity];
  for (let round = 0; round <= ROUNDS; round++) {
    for (const index of round % 2 === 0 ? [0, 1] as const : [1, 0] as const) {
      const program = index === 0 ? executable : hello;
      const started = performance.now();
      await new Deno.Command(program, {
        args: index === 0 ? [...args] : [],
        stdout: "null",
        clearEnv: true,
        env: { HOME: folder.path, TMPDIR: folder.path },
      }).output();
      if (round > 0) best[index] = Math.min(best[index], performance.now() - started);
    }
  }
  return best;
}
