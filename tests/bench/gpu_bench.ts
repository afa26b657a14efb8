/**
 * How fast a GPU trains through WebGPU, beside PyTorch eager on CUDA where there is one: LoRA of rank 16 on a
 * SmolLM2-135M and a whole model of 30 M, in processes of their own. A figure is the median of the steps after the first
 * three.
 *
 * usage: gpu_bench.ts --lora-config <config.json of SmolLM2-135M> --full-config <config.json of the 30 M model>
 *        [--batch 8] [--length 512] [--steps 13] [--python <python with torch and peft>] [--contenders "lora f32 plain,…"]
 */

import { parseArgs } from "node:util";
import { fileURLToPath } from "node:url";
import { sharedData } from "../shared_data.ts";
import { printLine } from "./print_line.ts";

const WARM_UP = 3;
const OURS = [
  "full f32 plain",
  "lora f32 plain",
  "lora f32 checkpointing",
  "lora f16 plain",
  "lora int8 plain",
];
const TORCH = [
  "torch full float32",
  "torch full bfloat16",
  "torch lora float32",
  "torch lora bfloat16",
];

const { values } = parseArgs({
  options: {
    "lora-config": {
      type: "string",
      default: sharedData("configs/SmolLM2-135M/config.json") ?? "",
    },
    "full-config": { type: "string", default: "" },
    batch: { type: "string", default: "8" },
    length: { type: "string", default: "512" },
    steps: { type: "string", default: "13" },
    python: { type: "string", default: Deno.env.get("LLM_TRAINING_PYTHON") ?? "python3" },
    contenders: { type: "string", default: [...OURS, ...TORCH].join() },
  },
});

function path(name: string): string {
  return fileURLToPath(new URL(name, import.meta.url));
}

function commandOf(name: string): Deno.Command {
  const details = name.split(" ");
  const torch = details[0] === "torch" ? details.shift() : undefined;
  const config = details[0] === "full" ? values["full-config"] : values["lora-config"];
  const args = [config, ...details, values.batch, values.length, values.steps];
  return torch === undefined
    ? new Deno.Command(Deno.execPath(), { args: ["run", "-A", path("./gpu_step.ts"), ...args] })
    : new Deno.Command(values.python, { args: [path("./gpu_torch.py"), ...args] });
}

const tokens = Number(values.batch) * Number(values.length);
printLine(
  `| contender, ${values.batch} × ${values.length} tokens | ms per step | tokens/s | first step, ms | losses |`,
);
printLine("|---|---:|---:|---:|---|");
for (const name of values.contenders.split(",")) {
  const { success, stdout, stderr } = await commandOf(name).output();
  if (!success) {
    const lines = new TextDecoder().decode(stderr).trim().split("\n");
    printLine(`| ${name} | failed: ${lines.slice(-3).join(" / ")} |`);
    continue;
  }
  const { times, losses }: { times: number[]; losses: number[] } = JSON.parse(
    new TextDecoder().decode(stdout).trim().split("\n").at(-1)!,
  );
  const sorted = times.slice(WARM_UP).toSorted((a, b) => a - b);
  const ms = sorted[Math.floor(sorted.length / 2)]!;
  const speed = (tokens / ms * 1000).toFixed(0);
  const course = `${losses[0]!.toFixed(3)} → ${losses.at(-1)!.toFixed(3)}`;
  printLine(`| ${name} | ${ms.toFixed(1)} | ${speed} | ${times[0]!.toFixed(0)} | ${course} |`);
}
