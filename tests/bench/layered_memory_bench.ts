/**
 * What training layer by layer saves in memory and costs in time, beside one graph of the whole model: the 15.2 M Llama
 * on 8 × 512 tokens, all of it trained, and LoRA of rank 16 on a SmolLM2-135M (random weights) on 1 × 512. Every
 * contender runs in processes of its own, in turn, in several rounds. Time is that of the fastest step, and that of both
 * processors together, which busy neighbours disturb less.
 *
 * usage: layered_memory_bench.ts [--rounds 1] [--steps 3] [--devices native,wasm] [--cases 15m,smollm2]
 */

import { parseArgs } from "node:util";
import { fileURLToPath } from "node:url";
import { findPreset } from "../../src/models/presets.ts";
import { sharedData } from "../shared_data.ts";

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "1" },
    steps: { type: "string", default: "3" },
    devices: { type: "string", default: "native,wasm" },
    cases: { type: "string", default: "15m,smollm2" },
  },
});

interface Case {
  readonly name: string;
  readonly config: string;
  readonly trained: "full" | "lora";
  readonly batch: number;
  readonly seqLen: number;
}

interface Figures {
  readonly times: readonly number[];
  readonly losses: readonly number[];
  readonly cpuMs: number;
  readonly peakBytes: number;
}

const smolLm2 = sharedData("configs/SmolLM2-135M/config.json");
const CASES: readonly Case[] = [
  {
    name: "15m",
    config: JSON.stringify(findPreset("15m")!.config),
    ...{ trained: "full", batch: 8, seqLen: 512 },
  },
  ...(smolLm2 === undefined ? [] : [{
    name: "smollm2",
    config: await Deno.readTextFile(smolLm2),
    ...{ trained: "lora", batch: 1, seqLen: 512 } as const,
  }]),
];

async function run(
  { config, trained, batch, seqLen }: Case,
  { device, mode }: { readonly device: string; readonly mode: string },
): Promise<Figures> {
  const script = fileURLToPath(new URL("./layered_memory_step.ts", import.meta.url));
  const args = [config, trained, device, mode, `${batch}`, `${seqLen}`, values.steps];
  const command = new Deno.Command(Deno.execPath(), { args: ["run", "-A", script, ...args] });
  const { success, stdout, stderr } = await command.output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  return JSON.parse(new TextDecoder().decode(stdout));
}

const print = (line: string) => Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
print("| case | device | graphs | peak RSS, MB | ms of a step | CPU ms of a step | last loss |");
print("|---|---|---|---:|---:|---:|---:|");
const cases = CASES.filter(({ name }) => values.cases.split(",").includes(name));
for (const testCase of cases) {
  for (const device of values.devices.split(",")) {
    const rounds = { whole: [] as Figures[], layered: [] as Figures[] };
    for (let round = 0; round < Number(values.rounds); round++) {
      for (const mode of ["whole", "layered"] as const) {
        rounds[mode].push(await run(testCase, { device, mode }));
      }
    }
    const [whole, layered] = (["whole", "layered"] as const).map((mode) => {
      const figures = rounds[mode];
      const best = {
        peak: Math.max(...figures.map(({ peakBytes }) => peakBytes)) / 1e6,
        ms: Math.min(...figures.flatMap(({ times }) => times)),
        cpuMs: Math.min(...figures.map(({ cpuMs }) => cpuMs)) / Number(values.steps),
      };
      const numbers = [best.peak, best.ms, best.cpuMs].map(Math.round).join(" | ");
      print(
        `| ${testCase.name} | ${device} | ${mode} | ${numbers} | ${figures[0]!.losses.at(-1)} |`,
      );
      return best;
    });
    const ratio = (key: "peak" | "ms" | "cpuMs") => (layered![key] / whole![key]).toFixed(2);
    print(
      `| ${testCase.name} | ${device} | ratio | ${ratio("peak")} | ${ratio("ms")} | ${
        ratio("cpuMs")
      } | |`,
    );
  }
}
