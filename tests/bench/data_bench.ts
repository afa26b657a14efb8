/**
 * What it takes to train on a large JSON Lines file: how fast rows become tokens in one thread and in two, how fast they
 * are read when they are kept, how fast examples are packed, and the memory of a run that does all of it and trains for
 * a few steps. Every run is a process of its own.
 *
 * usage: data_bench.ts [--megabytes 100] [--workers 1,2] [--model <folder>] [--folder <where the file is written>]
 */

import { join } from "node:path";
import { parseArgs } from "node:util";
import { fileURLToPath } from "node:url";
import { packExamples } from "../../src/datasets/packing.ts";
import { createRandom } from "../../src/utils/random.ts";
import { sharedData } from "../shared_data.ts";
import { temporaryFolder } from "../temporary_folder.ts";
import { printLine } from "./print_line.ts";

const { values } = parseArgs({
  options: {
    megabytes: { type: "string", default: "100" },
    workers: { type: "string", default: "1,2" },
    model: { type: "string", default: sharedData("models/TinyStories-656K") ?? "demo" },
  },
});

const MEGABYTE = 1e6;

/** Writes conversations of sentences of real stories, in ever new orders, and returns how many bytes they are. */
async function writeConversations(path: string, bytes: number): Promise<number> {
  const stories = sharedData("datasets/tinystories/smallGPT_tiny_stories.txt");
  if (stories === undefined) throw new Error("Cannot measure without ../shared/data");
  const sentences = (await Deno.readTextFile(stories)).split(/(?<=[.!?])\s+/).filter((it) =>
    it.trim() !== ""
  );
  const random = createRandom(5);
  const words = () => sentences[random.integer(sentences.length)]!;
  using file = await Deno.create(path);
  const encoder = new TextEncoder();
  let written = 0;
  while (written < bytes) {
    const rows = Array.from({ length: 2000 }, () => {
      const answer = Array.from({ length: 1 + random.integer(12) }, words).join(" ");
      const messages = [{ role: "user", content: words() }, { role: "assistant", content: answer }];
      return JSON.stringify({ messages });
    });
    const chunk = encoder.encode(`${rows.join("\n")}\n`);
    for (let at = 0; at < chunk.length;) at += await file.write(chunk.subarray(at));
    written += chunk.length;
  }
  return written;
}

interface RunFigures {
  readonly tokenizeMs: number;
  readonly wholeMs: number;
  readonly peakBytes: number;
  readonly rows: number;
  readonly tokens: number;
  readonly padding: number;
}

/** Trains for three steps and returns what that took. */
async function run(args: readonly string[], home: string): Promise<RunFigures> {
  const program = fileURLToPath(new URL("preflight_run.ts", import.meta.url));
  const started = performance.now();
  const { stdout, stderr, success } = await new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "--no-check", "--allow-all", program],
      ...["train", "--json", "--max-steps", "3", "--device", "wasm", ...args],
    ],
    env: { LLM_TRAINING_HOME: home },
  }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  const events = new TextDecoder().decode(stdout).trim().split("\n").map((line) =>
    JSON.parse(line)
  );
  const of = (kind: string) => events.findLast((event) => event.kind === kind);
  const { data } = of("started");
  return {
    tokenizeMs: of("tokenizing")?.elapsedMs ?? 0,
    wholeMs: performance.now() - started,
    peakBytes: of("peak").peakBytes,
    rows: data.rows,
    tokens: data.tokens,
    padding: of("data").batching.padding,
  };
}

/** Prints how fast examples of the lengths of instruction data are packed. */
function measurePacking(count: number): void {
  const random = createRandom(3);
  const lengths = Int32Array.from({ length: count }, () => {
    return Math.min(512, Math.max(8, Math.round(Math.exp(4.6 + 0.8 * random.normal()))));
  });
  const started = performance.now();
  const packing = packExamples(lengths, { maxLength: 512 });
  const seconds = (performance.now() - started) / 1000;
  const tokens = lengths.reduce((sum, length) => sum + length, 0);
  printLine(
    `packing: ${count} examples, ${tokens} tokens into ${packing.lengths.length} rows of 512 ` +
      `(${(100 * tokens / (512 * packing.lengths.length)).toFixed(2)} % full) in ${
        seconds.toFixed(2)
      } s`,
  );
}

await using folder = await temporaryFolder();
const dataset = join(folder.path, "data.jsonl");
const bytes = await writeConversations(dataset, Number(values.megabytes) * MEGABYTE);
printLine(`${(bytes / MEGABYTE).toFixed(0)} MB of conversations, ${values.model}`);
printLine("| run | MB/s of tokenizing | whole run, s | peak RSS, MB | rows | tokens | padding |");
printLine("|---|---:|---:|---:|---:|---:|---:|");
const runs = values.workers.split(",").flatMap((workers) => [
  { name: `${workers} thread${workers === "1" ? "" : "s"}`, workers, home: `home-${workers}` },
  { name: `kept tokens`, workers, home: `home-${workers}` },
]);
for (const [index, { name, workers, home }] of runs.entries()) {
  const args = ["--dataset", dataset, "--model", values.model, "--data-workers", workers];
  const output = join(folder.path, `run-${index}`);
  const figures = await run(
    [...args, "--packing", "--max-length", "512", "--output", output],
    join(folder.path, home),
  );
  const speed = figures.tokenizeMs === 0 ? "–" : (bytes / 1000 / figures.tokenizeMs).toFixed(2);
  printLine(
    `| ${name} | ${speed} | ${(figures.wholeMs / 1000).toFixed(1)} | ${
      (figures.peakBytes / MEGABYTE).toFixed(0)
    } | ${figures.rows} | ${figures.tokens} | ${(100 * figures.padding).toFixed(1)} % |`,
  );
}
measurePacking(1_000_000);
