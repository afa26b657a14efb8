import assert from "node:assert/strict";
import { evaluate } from "../../../src/monitoring/evaluation/evaluate.ts";
import {
  readEvaluation,
  writeEvaluation,
} from "../../../src/monitoring/evaluation/evaluation_file.ts";
import type {
  EvaluationModel,
  GeneratedText,
  LabelScores,
} from "../../../src/monitoring/evaluation/evaluation_model.ts";
import { createTask } from "../../../src/monitoring/evaluation/create_task.ts";
import { openTask } from "../../../src/monitoring/evaluation/open_task.ts";
import type { Tokenizer } from "../../../src/models/tokenizer/tokenizer.ts";
import { temporaryFolder } from "../../temporary_folder.ts";
import { jsonLines } from "./fixtures.ts";

/** One id for each character. */
const TOKENIZER: Tokenizer = {
  vocabSize: 65536,
  bosTokenId: undefined,
  eosTokenIds: [0],
  padTokenId: undefined,
  hasChatTemplate: false,
  chatTemplate: "",
  files: new Map(),
  encode: (text) => Array.from(text, (each) => each.charCodeAt(0)),
  decode: (ids) => String.fromCharCode(...ids),
  renderChat() {
    throw new Error("there is no template");
  },
};

interface FakeOptions {
  readonly maxPositions?: number;
  readonly write?: (prompt: string) => GeneratedText;
  readonly score?: (text: string, scored: string) => LabelScores;
}

function fakeModel(options: FakeOptions): EvaluationModel {
  const { maxPositions = 1000, write, score } = options;
  return {
    ...{ id: "fake", maxPositions, vocabSize: 65536, tokenizer: TOKENIZER, eosTokenIds: [0] },
    scoreLabels: ({ ids, labels }) => {
      const scored = Array.from(labels).filter((label) => label >= 0);
      return Promise.resolve(
        score!(TOKENIZER.decode(Array.from(ids)), TOKENIZER.decode(scored)),
      );
    },
    generateText: ({ promptIds }) => Promise.try(() => write!(TOKENIZER.decode(promptIds))),
  };
}

/** An item whose answer must be `answer`. */
function textTask(prompts: readonly string[], answer = "yes", maxTokens: number | "auto" = 5) {
  return createTask({
    ...{ name: "texts", version: "1", kind: "skill", seed: null, source: "test", rules: "" },
    metrics: [{ name: "accuracy", higherIsBetter: true, isBinary: true }],
    items: prompts.map((prompt) => ({
      prompt,
      expected: answer,
      request: {
        kind: "generate" as const,
        ...{ prompt: { text: prompt }, answer, stop: [], temperature: 0 },
        maxTokens: maxTokens === "auto" ? undefined : maxTokens,
        score: (text: string) => ({ scores: { accuracy: text === answer ? 1 : 0 } }),
      },
    })),
  });
}

Deno.test("evaluate() tells wrong answers, cut-off ones and errors apart", async () => {
  const model = fakeModel({
    write(prompt) {
      if (prompt === "broken") throw new Error("the device is lost");
      if (prompt === "long") return { text: "ye", reason: "length", tokens: 5 };
      if (prompt === "just") return { text: "yes", reason: "length", tokens: 5 };
      return { text: prompt === "right" ? "yes" : "no", reason: "stop", tokens: 2 };
    },
  });
  const task = textTask(["right", "wrong", "long", "just", "broken"]);
  const { results, outcomes, metrics } = await evaluate(task, { model });
  assert.deepEqual(
    results.map(({ outcome }) => outcome),
    ["correct", "wrong", "token-limit", "correct", "error"],
  );
  assert.deepEqual(outcomes, { correct: 2, wrong: 1, "token-limit": 1, scored: 0, error: 1 });
  assert.deepEqual([metrics["accuracy"]!.value, metrics["accuracy"]!.n], [0.5, 4]);
  assert.match(results[4]!.error!, /the device is lost/);
});

Deno.test("evaluate() takes a fault of a scorer for an error", async () => {
  const task = textTask(["a"]);
  const [item] = task.items;
  const request = {
    ...item!.request,
    score: () => {
      throw new Error("no scorer");
    },
  };
  const broken = { ...task, items: [{ ...item!, request }] } as typeof task;
  const model = fakeModel({ write: () => ({ text: "", reason: "stop", tokens: 0 }) });
  const { outcomes } = await evaluate(broken, { model });
  assert.equal(outcomes.error, 1);
});

Deno.test("evaluate() gives answers room for twice what the right one takes", async () => {
  const asked: number[] = [];
  const model = fakeModel({ write: () => ({ text: "", reason: "stop", tokens: 0 }) });
  const watched: EvaluationModel = {
    ...model,
    generateText(request) {
      asked.push(request.maxTokens);
      return model.generateText(request);
    },
  };
  await evaluate(textTask(["a"], "x".repeat(300), "auto"), { model: watched });
  await evaluate(textTask(["a"], "x", "auto"), { model: watched });
  assert.deepEqual(asked, [600, 64]);
});

Deno.test("evaluate() ends when it is told to", async () => {
  const controller = new AbortController();
  const model = fakeModel({
    write() {
      controller.abort(new Error("enough"));
      return { text: "yes", reason: "stop", tokens: 1 };
    },
  });
  const task = textTask(["a", "b", "c"]);
  const options = { model, concurrency: 1, signal: controller.signal };
  await assert.rejects(evaluate(task, options), /enough/);
});

Deno.test("evaluate() keeps the end of contexts that are too long, as lm-eval does", async () => {
  await using folder = await temporaryFolder();
  const path = `${folder.path}/items.jsonl`;
  const rows = [{ question: "q".repeat(200), choices: ["one", "two"], answer: 1 }];
  await Deno.writeTextFile(path, jsonLines(rows));
  const seen: [string, string][] = [];
  const model = fakeModel({
    maxPositions: 20,
    score(text, scored) {
      seen.push([text, scored]);
      return { logprob: -text.length, count: scored.length, greedy: 0 };
    },
  });
  await evaluate(await openTask(path), { model });
  assert.deepEqual(seen.map(([text]) => text.length), [21, 21]);
  assert.deepEqual(seen.map(([text, scored]) => [text.slice(-11), scored]), [
    ["Answer: one", " one"],
    ["Answer: two", " two"],
  ]);
});

Deno.test("evaluate() measures loss by tokens, and perplexity of them all", async () => {
  await using folder = await temporaryFolder();
  const path = `${folder.path}/rows.jsonl`;
  await Deno.writeTextFile(
    path,
    jsonLines([{ prompt: "ab", completion: "c" }, { prompt: "ab", completion: "cde" }]),
  );
  const scored: string[] = [];
  const model = fakeModel({
    score(_, text) {
      scored.push(text);
      return { logprob: -text.length * text.length, count: text.length, greedy: 1 };
    },
  });
  const { metrics, perplexity, results } = await evaluate(await openTask(path), { model });
  assert.deepEqual(scored, ["c\0", "cde\0"]); // the answer and the end, not the prompt
  assert.deepEqual(results.map(({ scores }) => scores["loss"]), [2, 4]);
  assert.equal(metrics["loss"]!.value, (2 * 2 + 4 * 4) / 6);
  assert.equal(perplexity, Math.exp(20 / 6));
});

Deno.test("readEvaluation() reads what writeEvaluation() wrote, one line for each item", async () => {
  await using folder = await temporaryFolder();
  const path = `${folder.path}/e.jsonl`;
  const model = fakeModel({ write: (text) => ({ text, reason: "stop", tokens: 1 }) });
  const evaluation = await evaluate(textTask(["yes", "no"]), { model });
  await writeEvaluation(path, evaluation);
  assert.equal((await Deno.readTextFile(path)).trimEnd().split("\n").length, 3);
  assert.deepEqual(await readEvaluation(path), JSON.parse(JSON.stringify(evaluation)));
  await Deno.writeTextFile(path, '{"a": 1}\n');
  await assert.rejects(readEvaluation(path), /it is no evaluation; eval writes one/);
});

Deno.test("createTask() gives the same hash to the same items alone", () => {
  const [a, again, other] = [["x", "y"], ["x", "y"], ["x", "z"]].map((each) => textTask(each));
  assert.equal(a!.hash, again!.hash);
  assert.notEqual(a!.hash, other!.hash);
  assert.notEqual(a!.hash, textTask(["x", "y"], "no").hash);
  const ids = textTask(["x", "x", "x"]).items.map(({ id }) => id);
  assert.equal(new Set(ids).size, 3);
});
