import assert from "node:assert/strict";
import { join } from "node:path";
import { loadTokenizer } from "../../src/models/tokenizer/load_tokenizer.ts";
import type { Tokenizer } from "../../src/models/tokenizer/tokenizer.ts";
import { runCli } from "../cli/run_cli.ts";
import { sharedData, testWithData } from "../shared_data.ts";
import { temporaryFolder } from "../temporary_folder.ts";
import { readMetrics } from "./checkpoints.ts";

const TINY_STORIES = { data: "models/TinyStories-656K" };
const STORIES = "datasets/tinystories/smallGPT_tiny_stories.txt";
const SHAKESPEARE = "datasets/tinyshakespeare/input.txt";

/** The model's context. */
const CONTEXT = 512;

/** Characters at the beginning of Shakespeare that are never trained on. */
const HELD_OUT = 3000;

/** What a model trained on stories loses on the first 512 tokens of Shakespeare, by PyTorch. */
const SHAKESPEARE_LOSS = 5.7908;

interface StepMetrics {
  readonly loss: number;
  readonly eval_loss?: number;
  readonly trained_tokens: number;
}

testWithData(
  "train and its evaluation lose on real text what PyTorch loses, within 0.01 per token",
  TINY_STORIES,
  async (model) => {
    await using folder = await temporaryFolder();
    const { path } = folder;
    const tokenizer = (await loadTokenizer(model))!;
    const golden = JSON.parse(await Deno.readTextFile(sharedData("golden/TinyStories-656K.json")!));
    const stories = (await readText(STORIES)).split(/(?<!\n)\n(?!\n)/).slice(0, 30);
    const tokens = stories.reduce((sum, story) => sum + tokenizer.encode(story.trim()).length, 0);
    assert.equal(tokens - stories.length, golden.nll.tokens);
    const evalDataset = await writeTokens(join(path, "stories.jsonl"), stories, tokenizer);
    const play = (await readText(SHAKESPEARE)).slice(0, HELD_OUT);
    const dataset = await writeTokens(join(path, "play.jsonl"), [play], tokenizer);
    const output = join(path, "run");
    const step = await measure({ model, dataset, output }, ["--eval-dataset", evalDataset]);
    assert.equal(step.trained_tokens, CONTEXT - 1);
    assertClose(step.loss, SHAKESPEARE_LOSS);
    assertClose(step.eval_loss!, golden.nll.tinystories_nll_first30);
  },
);

testWithData(
  "train brings a model of stories under 4.6 per token of Shakespeare that it has not seen",
  TINY_STORIES,
  async (model) => {
    await using folder = await temporaryFolder();
    const { path } = folder;
    const tokenizer = (await loadTokenizer(model))!;
    const play = await readText(SHAKESPEARE);
    const rows = (play.slice(HELD_OUT, 400_000).match(/[^]{1,2000}/g) ?? [])
      .map((text) => JSON.stringify({ text }));
    const dataset = join(path, "data.jsonl");
    await Deno.writeTextFile(dataset, rows.join("\n"));
    const tuned = join(path, "tuned");
    const { status, stderr } = await runCli([
      ...["train", "--model", model, "--dataset", dataset, "--device", "native", "--threads", "2"],
      ...["--output", tuned, "--max-steps", "150", "--batch-size", "8", "--max-length", "128"],
      ...["--learning-rate", "4e-3", "--sample-prompt", "KING RICHARD:"],
    ]);
    assert.equal(status, 0, stderr);
    const sample = /sample: (".*")/.exec(stderr)?.[1];
    assert.ok(sample !== undefined, stderr);
    const heldOut = join(path, "held-out.jsonl");
    await writeTokens(heldOut, [play.slice(0, HELD_OUT)], tokenizer);
    const measured = join(path, "measured");
    const { loss } = await measure({ model: tuned, dataset: heldOut, output: measured });
    const report = `${SHAKESPEARE_LOSS} becomes ${loss.toFixed(2)}: ${sample}\n`;
    await Deno.stdout.write(new TextEncoder().encode(report));
    assert.ok(loss < 4.6, report);
  },
);

/** Makes one step at the learning rate 0, which changes nothing, and returns its metrics. */
async function measure(
  { model, dataset, output }: Readonly<Record<"model" | "dataset" | "output", string>>,
  flags: readonly string[] = [],
): Promise<StepMetrics> {
  const { status, stderr } = await runCli([
    ...["train", "--model", model, "--dataset", dataset, "--output", output, ...flags],
    ...["--device", "native", "--learning-rate", "0", "--max-steps", "1", "--batch-size", "1"],
  ]);
  assert.equal(status, 0, stderr);
  const [step] = await readMetrics(output) as StepMetrics[];
  return step!;
}

async function readText(name: string): Promise<string> {
  return await Deno.readTextFile(sharedData(name)!);
}

/** Writes each text as one row of at most a context's tokens, with the token that begins it but none at its end. */
async function writeTokens(
  path: string,
  texts: readonly string[],
  tokenizer: Tokenizer,
): Promise<string> {
  const rows = texts.map((text) => {
    const ids = tokenizer.encode(text.trim()).slice(0, CONTEXT);
    return JSON.stringify({ input_ids: ids, labels: ids });
  });
  await Deno.writeTextFile(path, rows.join("\n"));
  return path;
}

function assertClose(actual: number, expected: number): void {
  assert.ok(Math.abs(actual - expected) <= 0.01, `${actual} instead of ${expected}`);
}
