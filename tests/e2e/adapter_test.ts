import assert from "node:assert/strict";
import { join } from "node:path";
import { cliCommand, runCli } from "../cli/run_cli.ts";
import { testWithData } from "../shared_data.ts";
import { temporaryFolder } from "../temporary_folder.ts";
import { readMetrics } from "./checkpoints.ts";
import { interruptAfterStep } from "./interrupt.ts";

/** Rows of text from the example data, short enough for few tokens. */
async function writeTexts(path: string): Promise<string> {
  const rows = Array.from(
    { length: 12 },
    (_, i) => ({ text: `One day ${"Tom and Anna ".repeat(i)}` }),
  );
  await Deno.writeTextFile(path, rows.map((row) => JSON.stringify(row)).join("\n"));
  return path;
}

testWithData(
  "train makes an adapter, goes on from it bit for bit, and merge puts it into the model",
  { data: "models/TinyStories-656K" },
  async (model) => {
    await using folder = await temporaryFolder();
    const { path } = folder;
    const data = await writeTexts(join(path, "data.jsonl"));
    const flags = [
      ...["train", "--json", "--device", "wasm", "--threads", "2"],
      ...["--dataset", data, "--model", model, "--lora-rank", "4", "--lora-dropout", "0.2"],
      ...["--lora-variant", "dora", "--lora-modules-to-save", "lm_head"],
      ...["--batch-size", "2", "--gradient-accumulation-steps", "2", "--max-length", "32"],
      ...["--learning-rate", "1e-2", "--max-steps", "12"],
    ];
    const alone = join(path, "alone");
    const undisturbed = await runCli([...flags, "--output", alone]);
    assert.equal(undisturbed.status, 0, undisturbed.stderr);

    const output = join(path, "run");
    const [program, ...head] = cliCommand();
    const interrupted = await interruptAfterStep(3, {
      program,
      args: [...head, ...flags, "--output", output],
    });
    assert.equal(interrupted, 130);
    const resumed = await runCli(["train", "--json", "--resume", "--output", output]);
    assert.equal(resumed.status, 0, resumed.stderr);
    assert.deepEqual(await readMetrics(output), await readMetrics(alone));
    const last = (run: string) => join(run, "checkpoints", "checkpoint-12");
    assert.deepEqual(
      await Deno.readFile(join(last(output), "adapter_model.safetensors")),
      await Deno.readFile(join(last(alone), "adapter_model.safetensors")),
    );

    const merged = join(path, "merged");
    const merge = await runCli([
      "model",
      "merge",
      "--adapter",
      output,
      "--output",
      merged,
      "--json",
    ]);
    assert.equal(merge.status, 0, merge.stderr);
    assert.ok(JSON.parse(merge.stdout).difference < 1e-5, merge.stdout);
    const generate = async (...options: string[]) => {
      const { status, stdout, stderr } = await runCli([
        ...["generate", "--prompt", "One day", "--max-tokens", "12", "--temperature", "0"],
        ...["--device", "wasm", "--threads", "2", ...options],
      ]);
      assert.equal(status, 0, stderr);
      return stdout;
    };
    const text = await generate("--model", merged);
    assert.equal(await generate("--model", output), text);
    assert.equal(await generate("--model", model, "--adapter", output), text);
    assert.notEqual(await generate("--model", model), text);
  },
);

const MISTAKES: Readonly<Record<string, { flags: readonly string[]; message: RegExp }>> = {
  "a target that no layer has": {
    flags: ["--lora-target-modules", "q_proj,query"],
    message: /no linear layer "query"; it has q_proj, k_proj,/,
  },
  "a module to save that the model does not have": {
    flags: ["--lora-rank", "4", "--lora-modules-to-save", "head"],
    message: /"head"/,
  },
  "an adapter that is there already and another rank": {
    flags: ["--adapter", "somewhere", "--lora-rank", "4"],
    message: /--adapter.*--lora-rank/,
  },
  "small storage without an adapter": {
    flags: ["--base-dtype", "f16"],
    message: /f16.*--lora-rank/,
  },
};

for (const [what, { flags, message }] of Object.entries(MISTAKES)) {
  testWithData(
    `train names ${what} in one line`,
    { data: "models/TinyStories-656K" },
    async (model) => {
      await using folder = await temporaryFolder();
      const { path } = folder;
      const data = await writeTexts(join(path, "data.jsonl"));
      const { status, stderr } = await runCli([
        ...["train", "--dataset", data, "--model", model, "--output", join(path, "run"), ...flags],
      ]);
      assert.equal(status, 1);
      assert.match(stderr.trimEnd().split("\n").at(-1)!, message);
    },
  );
}
