import assert from "node:assert/strict";
import { join } from "node:path";
import { checkpointsFolder } from "../../src/models/checkpoint/list.ts";
import { runCli } from "../cli/run_cli.ts";
import { temporaryFolder } from "../temporary_folder.ts";
import { readMetrics } from "./checkpoints.ts";
import { writeTinyModel, writeTokenRows } from "./tiny_model.ts";

interface StepMetrics {
  readonly loss: number;
  readonly grad_norm: number;
  readonly eval_loss?: number;
}

const KINDS: Readonly<Record<string, readonly string[]>> = {
  model: [],
  adapter: ["--lora-rank", "4", "--lora-dropout", "0.2", "--lora-variant", "dora"],
};

for (const [kind, flags] of Object.entries(KINDS)) {
  Deno.test(`train --gradient-checkpointing has the losses of a run without, and resumes to the bit: ${kind}`, async () => {
    await using folder = await temporaryFolder();
    const { path } = folder;
    const data = await writeTokenRows(join(path, "data.jsonl"), 20);
    const model = await writeTinyModel(join(path, "model"));
    const train = async (name: string, ...more: readonly string[]): Promise<string> => {
      const output = join(path, name);
      const { status, stderr } = await runCli([
        ...["train", "--device", "wasm", "--threads", "2", "--dataset", data, "--model", model],
        ...["--batch-size", "3", "--gradient-accumulation-steps", "2", "--learning-rate", "1e-2"],
        ...["--lr-scheduler", "constant", "--eval-dataset", data, "--eval-steps", "2"],
        ...flags,
        ...["--output", output, ...more],
      ]);
      assert.equal(status, 0, stderr);
      return output;
    };
    const metricsOf = async (run: string) => await readMetrics(run) as StepMetrics[];
    const weightsOf = async (run: string) =>
      await Deno.readFile(
        join(
          checkpointsFolder(run),
          "checkpoint-4",
          kind === "adapter" ? "adapter_model.safetensors" : "model.safetensors",
        ),
      );

    const alone = await train("alone", "--gradient-checkpointing", "--max-steps", "4");
    const layered = await metricsOf(alone);
    const whole = await metricsOf(await train("whole", "--max-steps", "4"));
    assert.equal(layered.length, 4);
    for (const [i, { loss, grad_norm, eval_loss }] of whole.entries()) {
      const step = layered[i]!;
      assert.ok(Math.abs(step.loss / loss - 1) < 1e-5, `loss ${i + 1}: ${step.loss}, not ${loss}`);
      assert.ok(Math.abs(step.grad_norm / grad_norm - 1) < 1e-4, `norm ${i + 1}`);
      if (eval_loss === undefined) continue;
      assert.ok(Math.abs(step.eval_loss! / eval_loss - 1) < 1e-5, `evaluation ${i + 1}`);
    }

    const resumed = await train("resumed", "--gradient-checkpointing", "--max-steps", "2");
    assert.equal(
      (await runCli(["train", "--resume", "--output", resumed, "--max-steps", "4"])).status,
      0,
    );
    assert.deepEqual(await metricsOf(resumed), layered);
    assert.deepEqual(await weightsOf(resumed), await weightsOf(alone));
  });
}
