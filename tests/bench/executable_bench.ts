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
import { printLine } from "./print_line.ts";

const ROUNDS = 40;
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
  const { residentBytes, peakBytes, processes } = await idleMemory(model);
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

/** What a process and its children hold, in bytes. */
interface Memory {
  readonly residentBytes: number;
  readonly peakBytes: number;
  readonly processes: number;
}

/** Starts a server, lets it answer once that it is ready, and measures it. */
async function idleMemory(model: string): Promise<Memory> {
  const child = new Deno.Command(executable, {
    args: ["serve", "--model", model, "--port", "0"],
    stdout: "piped",
    stderr: "null",
    clearEnv: true,
    env: { HOME: folder.path, TMPDIR: folder.path },
  }).spawn();
  try {
    let text = "";
    const lines = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
    while (!/at (http:\S+)\n/.test(text)) {
      const { value, done } = await lines.read();
      if (done) throw new Error(`The server did not start: ${text}`);
      text += value;
    }
    const url = /at (http:\S+?)(?:\/v1)?\n/.exec(text)![1]!;
    await (await fetch(`${url}/ready`)).body?.cancel();
    const pids = await processTree(child.pid);
    const memories = await Promise.all(pids.map(memoryOf));
    const sum = (key: "resident" | "peak") => memories.reduce((all, each) => all + each[key], 0);
    await lines.cancel();
    return { residentBytes: sum("resident"), peakBytes: sum("peak"), processes: pids.length };
  } finally {
    child.kill("SIGTERM");
    await child.status;
  }
}

async function processTree(pid: number): Promise<readonly number[]> {
  const found = [pid];
  for await (const { name } of Deno.readDir("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const stat = await Deno.readTextFile(`/proc/${name}/stat`).catch(() => "");
    if (stat.slice(stat.lastIndexOf(")")).split(" ")[2] === String(pid)) found.push(Number(name));
  }
  return found;
}

/** Resident memory now and at its peak; pages that processes share are counted for each. */
async function memoryOf(pid: number): Promise<{ resident: number; peak: number }> {
  const status = await Deno.readTextFile(`/proc/${pid}/status`);
  const bytes = (key: string) =>
    Number(new RegExp(`^${key}:\\s+(\\d+) kB`, "m").exec(status)![1]) * 1024;
  return { resident: bytes("VmRSS"), peak: bytes("VmHWM") };
}
