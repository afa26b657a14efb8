import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { loadModel } from "../../../src/inference/generation/load_model.ts";
import { evaluate } from "../../../src/monitoring/evaluation/evaluate.ts";
import { createEvaluationModel } from "../../../src/monitoring/evaluation/evaluation_model.ts";
import { openTask } from "../../../src/monitoring/evaluation/open_task.ts";
import { sharedData } from "../../shared_data.ts";
import { temporaryFolder } from "../../temporary_folder.ts";
import { CHOICE_ROWS, choiceDescription, jsonLines, numberDescription } from "./fixtures.ts";

const MAKER = fileURLToPath(new URL("lm_eval_golden.py", import.meta.url));
const TINY_STORIES = sharedData("models/TinyStories-656K");

/** What lm-eval says of an item, once for each filter. */
interface Sample {
  readonly index: number;
  readonly filter: string;
  readonly prompt: string;
  readonly response: string | null;
  readonly logprobs: readonly number[] | null;
  readonly acc?: number;
  readonly acc_norm?: number;
  readonly exact_match?: number;
}

const python = await pythonWithLmEval();

async function pythonWithLmEval(): Promise<string | undefined> {
  const command = Deno.env.get("LLM_TRAINING_PYTHON");
  if (command === undefined) return undefined;
  const code = "import importlib.util as u, sys; sys.exit(u.find_spec('lm_eval') is None)";
  try {
    const { success } = await new Deno.Command(command, { args: ["-c", code] }).output();
    return success ? command : undefined;
  } catch {
    return undefined;
  }
}

async function lmEval(model: string, task: string): Promise<readonly Sample[]> {
  const output = await new Deno.Command(python!, { args: [MAKER, model, task] }).output();
  const text = new TextDecoder().decode(output.stdout);
  const line = text.split("\n").find((each) => each.startsWith("RESULT "));
  assert.ok(line, new TextDecoder().decode(output.stderr));
  return JSON.parse(line.slice("RESULT ".length));
}

/** The model's tokenizer has none but letters, digits and a few signs. */
const isPlain = (row: unknown) => !/[^\x20-\x7e]|[+$#=]/.test(JSON.stringify(row));

const TEXT_ROWS = [
  { question: "Tom has 2 apples and gets 3. How many?", answer: "5" },
  { question: "Once upon a time there were 3 bears. How many bears?", answer: "3" },
  { question: "Lily went to the park. Who went?", answer: "Lily" },
];

const cases = [
  { name: "choices by likelihood", rows: CHOICE_ROWS.filter(isPlain), describe: choiceDescription },
  { name: "texts through filters", rows: TEXT_ROWS, describe: numberDescription },
] as const;

for (const { name, rows, describe } of cases) {
  const missing = python === undefined ? "no LLM_TRAINING_PYTHON with lm_eval" : "no shared data";
  const ignore = python === undefined || TINY_STORIES === undefined;
  Deno.test({
    name: `evaluate() gives lm-eval's prompts, answers and verdicts: ${name}${
      ignore ? ` (skipped: ${missing})` : ""
    }`,
    ignore,
    async fn() {
      await using folder = await temporaryFolder();
      const description = `${folder.path}/task.yaml`;
      await Deno.writeTextFile(`${folder.path}/items.jsonl`, jsonLines(rows));
      await Deno.writeTextFile(description, describe(folder.path));
      const samples = await lmEval(TINY_STORIES!, description);
      await using loaded = await loadModel(TINY_STORIES!, { device: "wasm", threads: 1 });
      const { results } = await evaluate(await openTask(description), {
        model: createEvaluationModel(loaded),
      });
      assert.equal(results.length, rows.length);
      for (const sample of samples) {
        const result = results[sample.index]!;
        assert.equal(result.prompt, sample.prompt);
        const suffix = sample.exact_match === undefined ? "" : `,${sample.filter}`;
        for (const metric of ["acc", "acc_norm", "exact_match"] as const) {
          const wanted = sample[metric];
          if (wanted !== undefined) assert.equal(result.scores[metric + suffix], wanted);
        }
        if (sample.response !== null) assert.equal(result.output, sample.response);
        sample.logprobs?.forEach((logprob, i) =>
          assert.ok(Math.abs(logprob - result.logprobs![i]!) < 1e-3)
        );
      }
    },
  });
}
