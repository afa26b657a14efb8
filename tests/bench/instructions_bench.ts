/**
 * How fast `train` teaches a SmolLM2-135M instructions by LoRA of rank 16 on all linear layers, beside PEFT with PyTorch
 * on the same rows in the same batches: tokens that are no padding, by the time of all steps but the first three. Every
 * contender runs in a process of its own, on 2 threads.
 *
 * usage: instructions_bench.ts --model <folder of SmolLM2-135M-Instruct> --dataset <alpaca rows.jsonl> [--steps 20]
 *        [--rounds 1] [--lengths 512,2048] [--python <python with peft>] [--device native]
 */

import { parseArgs } from "node:util";
import { fileURLToPath } from "node:url";
import { printLine } from "./print_line.ts";

const WARM_UP = 3;

/** How rows are batched. */
interface Batches {
  readonly kind: "packed" | "padded";
  /** Most tokens of a row. */
  readonly length: string;
}

const FLAGS: Readonly<Record<Batches["kind"], readonly string[]>> = {
  packed: ["--packing", "--batch-size", "1"],
  padded: ["--batch-size", "4"],
};

const { values } = parseArgs({
  options: {
    model: { type: "string", default: "" },
    dataset: { type: "string", default: "" },
    steps: { type: "string", default: "20" },
    rounds: { type: "string", default: "1" },
    lengths: { type: "string", default: "512" },
    device: { type: "string", default: "native" },
    python: { type: "string", default: Deno.env.get("LLM_TRAINING_PYTHON") ?? "python3" },
  },
});

function path(name: string): string {
  return fileURLToPath(new URL(name, import.meta.url));
}

/** What a step took. */
interface Step {
  readonly tokens: number;
  readonly seconds: number;
}

/** What a contender took. */
interface Figures {
  readonly steps: readonly Step[];
  readonly peakBytes: number;
}

async function output(command: Deno.Command): Promise<string> {
  const { success, stdout, stderr } = await command.output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout);
}

async function trained({ kind, length }: Batches): Promise<Figures> {
  const folder = await Deno.makeTempDir();
  const [model, dataset] = [values.model, values.dataset];
  const events = await output(
    new Deno.Command(Deno.execPath(), {
      args: [
        ...["run", "-A", path("./preflight_run.ts"), "train", "--json"],
        ...["--model", model, "--dataset", dataset],
        ...["--lora-rank", "16", "--max-length", length],
        ...["--device", values.device, "--threads", "2"],
        ...["--max-steps", values.steps, "--output", `${folder}/run`, ...FLAGS[kind]],
      ],
    }),
  );
  const lines = (await Deno.readTextFile(`${folder}/run/metrics.jsonl`)).trim().split("\n");
  await Deno.remove(folder, { recursive: true });
  const metrics = lines.map((line) => JSON.parse(line));
  return {
    steps: metrics.map(({ tokens, tokens_per_second }) => ({
      tokens,
      seconds: tokens / tokens_per_second,
    })),
    peakBytes: JSON.parse(events.trim().split("\n").at(-1)!).peakBytes,
  };
}

async function peft({ kind, length }: Batches): Promise<Figures> {
  const { model, dataset, steps, python } = values;
  const args = [path("./instructions_torch.py"), model, dataset, kind, length, steps];
  return JSON.parse((await output(new Deno.Command(python, { args }))).trim());
}

function speedOf({ steps }: Figures): number {
  const counted = steps.slice(WARM_UP);
  const sum = (of: keyof Step) => counted.reduce((total, step) => total + step[of], 0);
  return sum("tokens") / sum("seconds");
}

printLine(
  "| batches | train, tokens/s | PEFT, tokens/s | ratio | train, peak MB | PEFT, peak MB |",
);
printLine("|---|---:|---:|---:|---:|---:|");
const batches: readonly Batches[] = [
  ...values.lengths.split(",").map((length): Batches => ({ kind: "packed", length })),
  { kind: "padded", length: "512" },
];
for (let round = 0; round < Number(values.rounds); round++) {
  for (const each of batches) {
    const [ours, theirs] = [await trained(each), await peft(each)];
    const [speed, theirSpeed] = [speedOf(ours), speedOf(theirs)];
    const megabytes = ({ peakBytes }: Figures) => (peakBytes / 1e6).toFixed(0);
    printLine(
      `| ${each.kind}, ${each.length} | ${speed.toFixed(0)} | ${theirSpeed.toFixed(0)} | ${
        (speed / theirSpeed).toFixed(2)
      } × | ${megabytes(ours)} | ${megabytes(theirs)} |`,
    );
  }
}
