import assert from "node:assert/strict";
import { createServer } from "../../../src/inference/create_server.ts";
import { loadModel } from "../../../src/inference/generation/load_model.ts";
import { createLocalService } from "../../../src/inference/local_service.ts";
import { evaluate } from "../../../src/monitoring/evaluation/evaluate.ts";
import { createEvaluationModel } from "../../../src/monitoring/evaluation/evaluation_model.ts";
import { openTask } from "../../../src/monitoring/evaluation/open_task.ts";
import { copyFolder } from "../../copy_folder.ts";
import { sharedData } from "../../shared_data.ts";
import { AVAILABLE_DEVICES } from "../../available_devices.ts";
import { temporaryFolder } from "../../temporary_folder.ts";
import { CHOICE_ROWS, choiceDescription, jsonLines, numberDescription } from "./fixtures.ts";
import { HARNESS_PYTHON, HARNESS_VARIABLE } from "../../harness.ts";
import { assertSame, lmEval } from "./lm_eval.ts";

const TINY_STORIES = sharedData("models/TinyStories-656K");

/** The model's tokenizer has none but letters, digits and a few signs. */
const isPlain = (row: unknown) => !/[^\x20-\x7e]|[+$#=]/.test(JSON.stringify(row));

const TEXT_ROWS = [
  { question: "Tom has 2 apples and gets 3. How many?", answer: "5" },
  { question: "Once upon a time there were 3 bears. How many bears?", answer: "3" },
  { question: "Lily went to the park. Who went?", answer: "Lily" },
];

/** Fifty questions of multiple choice, and some of more signs. */
function manyRows(): typeof CHOICE_ROWS {
  const names = ["Tom", "Lily", "Sara", "Ben", "Mia"];
  const things = ["ball", "red car", "old tree", "big dog", "little bird that sings", "hat"];
  const verbs = ["saw", "liked", "found", "lost", "wanted to play with"];
  const drawn = Array.from({ length: 50 }, (_, i) => ({
    question: `${names[i % 5]} ${verbs[(i * 3) % 5]} a`,
    choices: Array.from({ length: 2 + i % 3 }, (_, at) => things[(i + at * 5 + (i >> 3)) % 6]!),
    answer: i % 2,
  }));
  return [...CHOICE_ROWS.filter(isPlain), ...drawn];
}

const CHAT = { applyChatTemplate: true, systemInstruction: "Be kind." };

const CHAT_TEMPLATE =
  "{% for message in messages %}{{ message.role }}: {{ message.content }}\n{% endfor %}" +
  "{% if add_generation_prompt %}assistant: {% endif %}";

const cases: readonly LmEvalCase[] = [
  { name: "texts through filters", rows: TEXT_ROWS, describe: numberDescription },
  { name: "fifty choices by likelihood", rows: manyRows(), describe: choiceDescription },
  { name: "choices in conversations", rows: manyRows(), describe: choiceDescription, chat: CHAT },
  { name: "texts in conversations", rows: TEXT_ROWS, describe: numberDescription, chat: CHAT },
];

interface LmEvalCase {
  readonly name: string;
  readonly rows: readonly unknown[];
  readonly describe: (folder: string) => string;
  readonly chat?: typeof CHAT;
}

/** Copies the model into `folder`, with a chat template. */
async function copyWithTemplate(model: string, folder: string): Promise<string> {
  await copyFolder(model, folder);
  const path = `${folder}/tokenizer_config.json`;
  const config = JSON.parse(await Deno.readTextFile(path));
  await Deno.writeTextFile(path, JSON.stringify({ ...config, chat_template: CHAT_TEMPLATE }));
  return folder;
}

for (const { name, rows, describe, chat } of cases) {
  const missing = HARNESS_PYTHON === undefined ? `no ${HARNESS_VARIABLE}` : "no shared data";
  const ignore = HARNESS_PYTHON === undefined || TINY_STORIES === undefined ||
    !AVAILABLE_DEVICES.includes("wasm");
  Deno.test({
    name: `evaluate() and a server that lm-eval asks agree on prompts, likelihoods, answers and ` +
      `verdicts: ${name}${ignore ? ` (skipped: ${missing})` : ""}`,
    ignore,
    async fn() {
      await using folder = await temporaryFolder();
      const task = `${folder.path}/task.yaml`;
      await Deno.writeTextFile(`${folder.path}/items.jsonl`, jsonLines(rows));
      await Deno.writeTextFile(task, describe(folder.path));
      const model = await copyWithTemplate(TINY_STORIES!, `${folder.path}/model`);
      const loaded = await loadModel(model, { device: "wasm", threads: 2 });
      await using service = createLocalService(loaded);
      const handler = createServer({ service });
      const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, handler);
      const url = `http://127.0.0.1:${server.addr.port}`;
      const samples = await lmEval({
        ...{ model, task, url, name: loaded.id },
        args: chat === undefined ? [] : ["--chat", "--system", chat.systemInstruction],
      });
      await server.shutdown();
      const { results } = await evaluate(await openTask(task, chat), {
        model: createEvaluationModel(loaded),
      });
      assert.equal(results.length, rows.length);
      assert.equal(new Set(samples.map(({ index }) => index)).size, rows.length);
      assertSame(results, samples, { comparesPrompts: chat === undefined });
    },
  });
}
