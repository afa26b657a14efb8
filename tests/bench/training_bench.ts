/**
 * How fast the 15.2 M Llama trains (4 × 128 tokens, 2 threads, f32): ours on each CPU device, beside the matrix products
 * of the same step alone and beside PyTorch. Every contender runs in processes of its own, in turn, in several rounds;
 * a contender's figure is the median over rounds of the fastest step of each, ratios are of those.
 *
 * usage: training_bench.ts [--rounds 3] [--steps 8] [--python <python with torch>] [--devices native,wasm]
 */

import { parseArgs } from "node:util";
import { fileURLToPath } from "node:url";

const TOKENS = 4 * 128;

/** Forward and backward: two operations per weight and token, three times; the optimizer is not counted. */
const FLOPS = 6 * 15_191_712 * TOKENS;

interface Contender {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
}

interface Figures {
  readonly bestMs: number[];
  peakBytes: number;
}

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "3" },
    steps: { type: "string", default: "8" },
    python: { type: "string", default: Deno.env.get("LLM_TRAINING_PYTHON") ?? "python3" },
    devices: { type: "string", default: "native,wasm" },
  },
});

function path(name: string): string {
  return fileURLToPath(new URL(name, import.meta.url));
}

async function contenders(): Promise<Contender[]> {
  const ours = (device: string, mode: string): Contender => ({
    name: `${device} ${mode}`,
    command: Deno.execPath(),
    args: ["run", "-A", path("./training_step.ts"), device, mode, values.steps],
  });
  const devices = values.devices.split(",");
  const all = devices.flatMap((device) => [ours(device, "full"), ours(device, "products")]);
  const torch = {
    name: "torch",
    command: values.python,
    args: [path("./training_torch.py"), values.steps],
  };
  const probe = await new Deno.Command(values.python, { args: ["-c", "import torch"] }).output();
  return probe.success ? [...all, torch] : all;
}

async function run({ command, args }: Contender, figures: Figures): Promise<void> {
  const { success, stdout, stderr } = await new Deno.Command(command, { args: [...args] }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  const { times, peakBytes } = JSON.parse(new TextDecoder().decode(stdout));
  figures.bestMs.push(Math.min(...times));
  figures.peakBytes = Math.max(figures.peakBytes, peakBytes);
}

function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)]!;
}

const all = await contenders();
const figures = new Map(
  all.map(({ name }): [string, Figures] => [name, { bestMs: [], peakBytes: 0 }]),
);
for (let round = 0; round < Number(values.rounds); round++) {
  // In turn, and backwards every other time, so that drift of the machine's speed hits all alike.
  for (const contender of round % 2 === 0 ? all : all.toReversed()) {
    await run(contender, figures.get(contender.name)!);
  }
}

const print = (line: string) => Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
print("| contender | ms per step | tokens/s | GFLOP/s | peak RSS, MB |");
print("|---|---:|---:|---:|---:|");
for (const [name, { bestMs, peakBytes }] of figures) {
  const ms = median(bestMs);
  const speed = [TOKENS / ms * 1000, FLOPS / ms / 1e6, peakBytes / 1e6].map(Math.round);
  print(`| ${name} | ${ms.toFixed(0)} | ${speed.join(" | ")} |`);
}
const ms = (name: string): number | undefined => {
  const found = figures.get(name);
  return found && median(found.bestMs);
};
print("");
const torch = ms("torch");
if (torch === undefined) {
  print(`PyTorch is missing: ${values.python} does not import torch; give --python`);
}
for (const device of values.devices.split(",")) {
  const full = ms(`${device} full`)!;
  if (torch !== undefined) print(`${device}: ${(torch / full).toFixed(2)} × PyTorch's tokens/s`);
  print(
    `${device}: ${(full / ms(`${device} products`)!).toFixed(2)} × the time of its products alone`,
  );
}
