import assert from "node:assert/strict";
import { join } from "node:path";
import { runCli } from "../cli/run_cli.ts";
import { sharedData, testWithData } from "../shared_data.ts";
import { temporaryFolder } from "../temporary_folder.ts";
import { readMetrics } from "./checkpoints.ts";

interface StepMetrics {
  readonly loss: number;
  readonly grad_norm: number;
}

const adapter = await navigator.gpu?.requestAdapter();
const DEVICES = ["wasm", ...(adapter ? ["webgpu"] : [])] as const;
const skipped = adapter ? "" : " (webgpu skipped: no GPU adapter)";

testWithData(
  `train has the same losses on ${DEVICES.join(" and ")} as on native${skipped}`,
  { data: "models/TinyStories-656K" },
  async (model) => {
    await using folder = await temporaryFolder();
    const { path } = folder;
    const stories = await Deno.readTextFile(
      sharedData("datasets/tinystories/smallGPT_tiny_stories.txt")!,
    );
    const rows = stories.split(/(?<!\n)\n(?!\n)/).slice(0, 8).map((text) =>
      JSON.stringify({ text })
    );
    const dataset = join(path, "data.jsonl");
    await Deno.writeTextFile(dataset, rows.join("\n"));
    const train = async (device: string): Promise<StepMetrics[]> => {
      const output = join(path, device);
      const { status, stderr } = await runCli([
        ...["train", "--dataset", dataset, "--model", model, "--device", device, "--threads", "2"],
        ...["--batch-size", "2", "--gradient-accumulation-steps", "2", "--max-length", "64"],
        ...["--learning-rate", "1e-3", "--max-steps", "4", "--output", output],
      ]);
      assert.equal(status, 0, stderr);
      return await readMetrics(output) as StepMetrics[];
    };
    const expected = await train("native");
    for (const device of DEVICES) {
      for (const [i, { loss, grad_norm }] of (await train(device)).entries()) {
        const { loss: wantedLoss, grad_norm: wantedNorm } = expected[i]!;
        assert.ok(Math.abs(loss / wantedLoss - 1) < 1e-4, `${device}, step ${i + 1}: ${loss}`);
        assert.ok(Math.abs(grad_norm / wantedNorm - 1) < 1e-3, `${device}, step ${i + 1}`);
      }
    }
  },
);
