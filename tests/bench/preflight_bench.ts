/**
 * What training said of the memory that it would take, beside what it took: the peak of the process, on models and
 * shapes of many kinds. A folder with SmolLM2-135M-Instruct may be given as the first argument.
 *
 * @module
 */

import { sharedData } from "../shared_data.ts";
import { type MeasuredRun, measureMemory } from "./measured_memory.ts";
import { printLine } from "./print_line.ts";

/** The configurations that can be run here. */
function configurations(smollm2: string | undefined): Record<string, Omit<MeasuredRun, "device">> {
  const stories = sharedData("models/TinyStories-656K");
  const lora = ["--lora-rank", "16"];
  return {
    ...(stories && { "TinyStories-656K 4 × 512": { model: stories, batchSize: 4, seqLen: 512 } }),
    "15m 4 × 128": { model: "15m", batchSize: 4, seqLen: 128 },
    "15m 8 × 512": { model: "15m", batchSize: 8, seqLen: 512 },
    ...(smollm2 && {
      "SmolLM2 LoRA 1 × 512": { model: smollm2, batchSize: 1, seqLen: 512, flags: lora },
      "SmolLM2 LoRA 4 × 128": { model: smollm2, batchSize: 4, seqLen: 128, flags: lora },
      "SmolLM2 LoRA checkpointing": {
        model: smollm2,
        batchSize: 1,
        seqLen: 512,
        flags: [...lora, "--gradient-checkpointing"],
      },
      "SmolLM2 LoRA int8 1 × 512": {
        model: smollm2,
        batchSize: 1,
        seqLen: 512,
        flags: [...lora, "--base-dtype", "int8"],
      },
      "SmolLM2 LoRA f16 1 × 512": {
        model: smollm2,
        batchSize: 1,
        seqLen: 512,
        flags: [...lora, "--base-dtype", "f16"],
      },
    }),
    "30m 2 × 256, 4 accumulated": {
      model: "30m",
      batchSize: 2,
      seqLen: 256,
      flags: ["--gradient-accumulation-steps", "4"],
    },
  };
}

if (import.meta.main) {
  const [smollm2, wanted = ""] = Deno.args;
  for (const device of ["native", "wasm"]) {
    for (const [name, run] of Object.entries(configurations(smollm2))) {
      if (!`${device} ${name}`.includes(wanted)) continue;
      const { estimate, peak } = await measureMemory({ ...run, device });
      const megabytes = (bytes: number) => `${Math.round(bytes / 1e6)} MB`.padStart(8);
      printLine(
        `${device.padEnd(7)} ${name.padEnd(27)} estimate ${megabytes(estimate)}  peak ${
          megabytes(peak)
        }  ratio ${(estimate / peak).toFixed(2)}`,
      );
    }
  }
}
