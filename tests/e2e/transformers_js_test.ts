import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { generate } from "../../src/inference/generation/generate.ts";
import { loadModel } from "../../src/inference/generation/load_model.ts";
import { NEUTRAL_SAMPLING } from "../../src/inference/generation/sampling.ts";
import {
  ONNX_TYPES,
  ONNX_VARIANTS,
  type OnnxType,
} from "../../src/inference/onnx_export/weight_types.ts";
import { AVAILABLE_DEVICES } from "../available_devices.ts";
import { DIFFERENT_MODELS, readExpected } from "../models/golden_models.ts";
import { sharedData } from "../shared_data.ts";
import { temporaryFolder } from "../temporary_folder.ts";
import { generateInBrowser } from "./transformers_js/browser.ts";
import { generateInNode, type Job, type Made } from "./transformers_js/jobs.ts";
import { CHROMIUM, PACKAGES, testWith } from "./transformers_js/installation.ts";
import { exportModel } from "../inference/onnx_export/export_model.ts";

/** What TinyStories-656K loses on the first 512 tokens of Shakespeare, by PyTorch. */
const SHAKESPEARE_LOSS = 5.7908;

/** How much each type may lose more or less, relatively. */
const EXCESS: Readonly<Record<OnnxType, number>> = { f32: 1e-5, f16: 1e-4, q8_0: 2e-3, q4_0: 1e-2 };

const PROMPT = "Once upon a time, there was a little";
const NEW_TOKENS = 60;

/** Characters of Shakespeare that are 512 tokens of TinyStories-656K, its whole context. */
const READ_CHARACTERS = 1124;
const TINY_STORIES = sharedData("models/TinyStories-656K");
const GOLDEN_MODELS = sharedData("golden/models");
const SHAKESPEARE = sharedData("datasets/tinyshakespeare/input.txt");
const SMOLLM2_TOOL = pathOf("../../../shared/tools/smollm2");

const packages = { 'transformers.js: "LLM_TRAINING_TRANSFORMERS_JS"': PACKAGES };
const READ_TEXT = SHAKESPEARE === undefined
  ? ""
  : Deno.readTextFileSync(SHAKESPEARE).slice(0, READ_CHARACTERS);
const stories = { 'shared data "models/TinyStories-656K"': TINY_STORIES };

/** Continues the prompt and reads the text with every variant. */
const STORY_JOBS: readonly Job[] = ONNX_TYPES.flatMap((type) => {
  const variant = { model: "stories", dtype: ONNX_VARIANTS[type].dtype };
  return [
    { ...variant, text: PROMPT, maxNewTokens: NEW_TOKENS },
    { ...variant, lossText: READ_TEXT },
  ];
});

testWith(
  "model export --to onnx: transformers.js in Node continues with our ids and text, and loses what PyTorch loses",
  { ...packages, ...stories },
  async () => {
    await using models = await temporaryFolder();
    await exportStories(models.path);
    const byDefault = { model: "stories", text: PROMPT, maxNewTokens: NEW_TOKENS };
    const options = { packages: PACKAGES!, models: models.path };
    const [first, ...rest] = await generateInNode([byDefault, ...STORY_JOBS], options);
    assert.deepEqual(first, await generateHere(TINY_STORIES!, PROMPT));
    await assertStories(rest);
  },
);

testWith(
  "model export --to onnx: a page in Chromium continues with our ids and text, and loses what PyTorch loses, offline",
  { ...packages, ...stories, 'Chromium: "LLM_TRAINING_CHROMIUM"': CHROMIUM },
  async () => {
    await using models = await temporaryFolder();
    await exportStories(models.path);
    const options = { chromium: CHROMIUM!, packages: PACKAGES!, models: models.path };
    await assertStories(await generateInBrowser(STORY_JOBS, options));
  },
);

testWith(
  "model export --to onnx: transformers.js continues ids as transformers does",
  { ...packages, 'shared data "golden/models"': GOLDEN_MODELS },
  async () => {
    await using models = await temporaryFolder();
    for (const model of DIFFERENT_MODELS) {
      await exportModel(join(GOLDEN_MODELS!, model), { path: join(models.path, model) });
    }
    const prompts = DIFFERENT_MODELS.flatMap((model) => {
      const folder = join(GOLDEN_MODELS!, model);
      return readExpected(folder).greedy.map((greedy) => ({ model, folder, ...greedy }));
    });
    const made = await generateInNode(
      prompts.map(({ model, prompt_ids, new_ids }) => ({
        model,
        ids: prompt_ids,
        maxNewTokens: new_ids.length,
      })),
      { packages: PACKAGES!, models: models.path },
    );
    for (const [i, { model, folder, new_ids }] of prompts.entries()) {
      const config = JSON.parse(await Deno.readTextFile(join(folder, "config.json")));
      const ends = [config.eos_token_id].flat();
      const end = new_ids.findIndex((id) => ends.includes(id)); // where transformers.js stops
      assert.deepEqual(made[i]!.ids, end < 0 ? new_ids : new_ids.slice(0, end + 1), model);
    }
  },
);

testWith(
  "model export --to onnx: SmolLM2 answers in transformers.js as in transformers",
  { ...packages, '"../shared/tools/smollm2"': SMOLLM2_TOOL },
  async () => {
    await using folder = await temporaryFolder();
    const source = join(folder.path, "smollm2");
    const made = await new Deno.Command(SMOLLM2_TOOL!, { args: [source] }).output();
    assert.ok(made.success, new TextDecoder().decode(made.stderr));
    await exportModel(source, { path: join(folder.path, "model") });
    const { prompts } = JSON.parse(
      await Deno.readTextFile(sharedData("golden/SmolLM2-135M-Instruct.json")!),
    );
    const chats = (prompts as readonly SmolPrompt[]).slice(0, 2);
    const answers = await generateInNode(
      chats.map(({ messages }) => ({ model: "model", messages: messages!, maxNewTokens: 32 })),
      { packages: PACKAGES!, models: folder.path },
    );
    assert.deepEqual(
      answers,
      chats.map(({ f32 }) => ({ ids: f32.greedy_ids, text: f32.greedy_text })),
    );
  },
);

interface SmolPrompt {
  readonly messages?: readonly unknown[];
  readonly f32: { readonly greedy_ids: readonly number[]; readonly greedy_text: string };
}

/** Writes every variant, f32 last, which is the default then; its weights are in files beside it. */
async function exportStories(models: string): Promise<void> {
  const output = join(models, "stories");
  for (const type of ONNX_TYPES.slice(1)) await exportModel(TINY_STORIES!, { path: output, type });
  await exportModel(TINY_STORIES!, { path: output, type: "f32", maxFileBytes: 1_500_000 });
}

/** Greedy text is the same where weights are floating-point numbers; rounded ones leave it sooner or later. */
async function assertStories(made: readonly Made[]): Promise<void> {
  const ours = await generateHere(TINY_STORIES!, PROMPT);
  for (const [i, type] of ONNX_TYPES.entries()) {
    const [story, { loss }] = made.slice(2 * i) as [Made, Made];
    if (type === "f32" || type === "f16") assert.deepEqual(story, ours, type);
    else assert.equal(story.ids!.length, NEW_TOKENS);
    assert.ok(Math.abs(loss! / SHAKESPEARE_LOSS - 1) <= EXCESS[type], `${type}: ${loss}`);
  }
}

async function generateHere(folder: string, prompt: string): Promise<Made> {
  const device = AVAILABLE_DEVICES.find((it) => it !== "webgpu")!;
  await using model = await loadModel(folder, { device, threads: 2 });
  const ids: number[] = [];
  let text = "";
  const events = generate(model.decoder, model.tokenizer, {
    promptIds: model.tokenizer!.encode(prompt),
    sampling: { ...NEUTRAL_SAMPLING, temperature: 0 },
    seed: 1,
    eosTokenIds: model.eosTokenIds,
    maxTokens: NEW_TOKENS,
  });
  for await (const event of events) {
    if (event.type !== "output") continue;
    text += event.text;
    ids.push(...event.tokens.map(({ id }) => id));
  }
  return { ids, text };
}

function pathOf(relative: string): string | undefined {
  const path = fileURLToPath(new URL(relative, import.meta.url));
  return existsSync(path) ? path : undefined;
}
