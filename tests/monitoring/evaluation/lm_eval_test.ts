import assert from "node:assert/strict";
import { createServer } from "../../../src/inference/create_server.ts";
import { loadModel } from "../../../src/inference/generation/load_model.ts";
import { createLocalService } from "../../../src/inference/local_service.ts";
import { evaluate } from "../../../src/monitoring/evaluation/evaluate.ts";
import { createEvaluationModel } from "../../../src/monitoring/evaluation/evaluation_model.ts";
import { openTask } from "../../../src/monitoring/evaluation/open_task.ts";
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

/** Fifty questions of multiple choice. */
function manyRows(): typeof CHOICE_ROWS {
  const names = ["Tom", "Lily", "Sara", "Ben", "Mia"];
  const things = ["ball", "red car", "old tree", "big dog", "little bird that sings", "hat"];
  const verbs = ["saw", "liked", "found", "lost", "wanted to play with"];
  return Array.from({ length: 50 }, (_, i) => ({
    question: `${names[i % 5]} ${verbs[(i * 3) % 5]} a`,
    choices: Array.from({ length: 2 + i % 3 }, (_, at) => things[(i + at * 5 + (i >> 3)) % 6]!),
    answer: i % 2,
  }));
}

const cases = [
  { name: "choices by likelihood", rows: CHOICE_ROWS.filter(isPlain), describe: choiceDescription },
  { name: "texts through filters", rows: TEXT_ROWS, describe: numberDescription },
  { name: "fifty choices by likelihood", rows: manyRows(), describe: choiceDescription },
] as const;

for (const { name, rows, describe } of cases) {
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
      const loaded = await loadModel(TINY_STORIES!, { device: "wasm", threads: 2 });
      await using service = createLocalService(loaded);
      const handler = createServer({ service });
      const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, handler);
      const url = `http://127.0.0.1:${server.addr.port}`;
      const samples = await lmEval({ model: TINY_STORIES!, task, url, name: loaded.id });
      await server.shutdown();
      const { results } = await evaluate(await openTask(task), {
        model: createEvaluationModel(loaded),
      });
      assert.equal(results.length, rows.length);
      assert.equal(new Set(samples.map(({ index }) => index)).size, rows.length);
      assertSame(results, samples);
    },
  });
}
