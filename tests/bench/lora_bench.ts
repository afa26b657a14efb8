/**
 * How fast an adapter trains, and in how much memory: LoRA of rank 16 on all linear layers of a SmolLM2-135M, one row of
 * 512 tokens, 2 threads, on each CPU device and with each storage of the base, beside PEFT with PyTorch. Every contender
 * runs in processes of its own, in turn, in several rounds; a figure is the median over rounds of the fastest step.
 * "products" are those with the frozen matrices alone, of either library: what neither can do without.
 *
 * usage: lora_bench.ts --config <config.json of SmolLM2-135M> [--rounds 3] [--steps 5] [--python <python with peft>]
 *        [--contenders "native f32 plain,native int8 plain,…"]
 */

import { parseArgs } from "node:util";
import { fileURLToPath } from "node:url";
import { sharedData } from "../shared_data.ts";

const TOKENS = 512;
const OURS = [
  "native f32 plain",
  "native f32 products",
  "native int8 plain",
  "native f32 checkpointing",
  "native int8 checkpointing",
  "wasm f32 plain",
  "wasm int8 checkpointing",
];
const PEFT = ["peft plain", "peft products", "peft checkpointing"];

const { values } = parseArgs({
  options: {
    config: { type: "string", default: sharedData("configs/SmolLM2-135M/config.json") ?? "" },
    rounds: { type: "string", default: "3" },
    steps: { type: "string", default: "5" },
    python: { type: "string", default: Deno.env.get("LLM_TRAINING_PYTHON") ?? "python3" },
    contenders: { type: "string", default: [...OURS, ...PEFT].join() },
  },
});

function path(name: string): string {
  return fileURLToPath(new URL(name, import.meta.url));
}

interface Figures {
  readonly bestMs: number[];
  peakBytes: number;
}

function commandOf(name: string): Deno.Command {
  const [kind, ...details] = name.split(" ") as [string, ...string[]];
  const { config, steps, python } = values;
  if (kind === "peft") {
    return new Deno.Command(python, { args: [path("./lora_torch.py"), config, ...details, steps] });
  }
  const args = details.at(-1) === "products"
    ? [path("./lora_products.ts"), config, kind, steps]
    : [path("./lora_step.ts"), config, kind, ...details, steps];
  return new Deno.Command(Deno.execPath(), { args: ["run", "-A", ...args] });
}

async function run(name: string, figures: Figures): Promise<void> {
  const { success, stdout, stderr } = await commandOf(name).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  const { times, peakBytes = 0 } = JSON.parse(
    new TextDecoder().decode(stdout).trim().split("\n").at(-1)!,
  );
  figures.bestMs.push(Math.min(...times));
  figures.peakBytes = Math.max(figures.peakBytes, peakBytes);
}

const names = values.contenders.split(",");
const figures = new Map(
  names.map((name): [string, Figures] => [name, { bestMs: [], peakBytes: 0 }]),
);
for (let round = 0; round < Number(values.rounds); round++) {
  // In turn, and backwards every other time, so that drift of the machine's speed hits all alike.
  for (const name of round % 2 === 0 ? names : names.toReversed()) {
    await run(name, figures.get(name)!);
  }
}

const median = (numbers: readonly number[]): number =>
  numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)]!;
const print = (line: string) => Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
const peft = figures.get("peft plain");
print("| contender | ms per step | tokens/s | against PEFT | peak RSS, MB |");
print("|---|---:|---:|---:|---:|");
for (const [name, { bestMs, peakBytes }] of figures) {
  const ms = median(bestMs);
  const ratio = peft === undefined ? "" : `${(median(peft.bestMs) / ms).toFixed(2)} ×`;
  const speed = (TOKENS / ms * 1000).toFixed(0);
  print(`| ${name} | ${ms.toFixed(0)} | ${speed} | ${ratio} | ${(peakBytes / 1e6).toFixed(0)} |`);
}
