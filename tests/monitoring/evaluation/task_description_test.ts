import assert from "node:assert/strict";
import { openTask } from "../../../src/monitoring/evaluation/open_task.ts";
import { parsePythonLiteral } from "../../../src/monitoring/evaluation/python_literal.ts";
import { createPythonRandom } from "../../../src/monitoring/evaluation/python_random.ts";
import { compilePythonRegex } from "../../../src/monitoring/evaluation/python_regex.ts";
import { parseFilterList } from "../../../src/monitoring/evaluation/response_filter.ts";
import type { GenerateRequest, Task } from "../../../src/monitoring/evaluation/task.ts";
import { testWithData } from "../../shared_data.ts";
import { temporaryFolder } from "../../temporary_folder.ts";
import {
  CHOICE_ROWS,
  choiceDescription,
  jsonLines,
  NUMBER_ROWS,
  numberDescription,
} from "./fixtures.ts";

async function taskOf(rows: readonly unknown[], yaml: string | ((folder: string) => string)) {
  await using folder = await temporaryFolder();
  await Deno.writeTextFile(`${folder.path}/items.jsonl`, jsonLines(rows));
  const path = `${folder.path}/task.yaml`;
  await Deno.writeTextFile(path, typeof yaml === "string" ? yaml : yaml(folder.path));
  return await openTask(path);
}

const scoreText = ({ items }: Task, index: number, text: string) =>
  (items[index]!.request as GenerateRequest).score(text).scores;

Deno.test("openTask() puts description, examples and question before the choices", async () => {
  const task = await taskOf(CHOICE_ROWS, choiceDescription);
  const { prompt, request } = task.items[0]!;
  assert.match(prompt, /^Choose well\.\n\nQuestion: .*\nAnswer: .*\n\nQuestion: .*\nAnswer: /);
  assert.ok(prompt.endsWith("Question: Who says meow?\nAnswer:"));
  assert.ok(request.kind === "choices");
  assert.deepEqual(
    request.continuations.map(({ continuation }) => continuation),
    [" a cat", " a very big old dog", " the sun"],
  );
  // three characters are likelier each than nineteen together, and less likely each
  assert.deepEqual(request.score([-3, -2, -9], []), { acc: 0, acc_norm: 0 });
  assert.deepEqual(request.score([-3, -10, -30], []), { acc: 1, acc_norm: 0 });
});

Deno.test("openTask() takes answers out of texts by the filters of the description", async () => {
  const task = await taskOf(NUMBER_ROWS, numberDescription);
  assert.deepEqual(task.metrics.map(({ name }) => name), [
    "exact_match,strict-match",
    "exact_match,flexible-extract",
  ]);
  const cases: readonly [string, number, number][] = [
    [" 1000 - 10 = 990\n#### 990", 1, 1],
    [" It is 990.", 0, 1],
    [" #### 1,0 and then 990", 0, 1],
    [" #### 990 apples", 1, 1],
    [" #### 99", 0, 0],
    ["", 0, 0],
  ];
  for (const [text, strict, flexible] of cases) {
    assert.deepEqual(scoreText(task, 1, text), {
      "exact_match,strict-match": strict,
      "exact_match,flexible-extract": flexible,
    }, text);
  }
  const { prompt } = task.items[1]!;
  assert.ok(
    prompt.startsWith(`Question: ${NUMBER_ROWS[0]!.question}\nAnswer: 2 + 3 = 5\n#### 5\n\n`),
  );
});

Deno.test("openTask() reads ARC, HellaSwag and MMLU by name from local files", async () => {
  await using folder = await temporaryFolder();
  const path = `${folder.path}/rows.jsonl`;
  const open = async (name: string, row: unknown) => {
    await Deno.writeTextFile(path, jsonLines([row]));
    const { items: [item] } = await openTask(name, { data: path });
    return { prompt: item!.prompt, expected: item!.expected };
  };
  const arc = {
    question: "What is hot?",
    choices: { text: ["ice", "fire"], label: ["A", "B"] },
    answerKey: "B",
  };
  assert.deepEqual(await open("arc_easy", arc), {
    prompt: "Question: What is hot?\nAnswer:",
    expected: "fire",
  });
  const hellaswag = {
    activity_label: "Washing",
    ctx_a: "[header] A man [title] washes.",
    ctx_b: "HE",
    endings: ["sings [step].", "runs"],
    label: "1",
  };
  assert.deepEqual(await open("hellaswag", hellaswag), {
    prompt: "Washing:  A man. washes. He".replace("  ", " "),
    expected: "runs",
  });
  const mmlu = { question: " Which? ", choices: ["a", "b", "c", "d"], answer: 2 };
  assert.deepEqual(await open("mmlu", mmlu), {
    prompt: "Which?\nA. a\nB. b\nC. c\nD. d\nAnswer:",
    expected: "C",
  });
});

testWithData(
  "openTask() reads GSM8K with its examples from a folder",
  { data: "datasets/gsm8k" },
  async (data) => {
    const task = await openTask("gsm8k", { data, limit: 3 });
    assert.equal(task.items.length, 3);
    assert.equal(task.items[0]!.prompt.split("Question: ").length, 7);
    assert.deepEqual(scoreText(task, 0, " So\n#### 18"), {
      "exact_match,strict-match": 1,
      "exact_match,flexible-extract": 1,
    });
    const plain = await openTask("gsm8k", { data, limit: 3, numFewshot: 0 });
    assert.notEqual(plain.hash, task.hash);
  },
);

Deno.test("openTask() takes rows of multiple choice in many spellings", async () => {
  await using folder = await temporaryFolder();
  const path = `${folder.path}/rows.jsonl`;
  const choices = ["red", "green"];
  const rows = [
    { question: "q", choices, answer: 1 },
    { question: "q", choices, answer: "B" },
    { question: "q", choices, answer: "green" },
    { prompt: "q", options: choices, label: "1" },
    { query: "q", choices: { text: choices, label: ["x", "y"] }, answerKey: "y" },
    { question: "q", options: { A: "red", B: "green" }, answer: "B" },
    { ctx: "q", endings: choices, label: 1 },
  ];
  await Deno.writeTextFile(path, jsonLines(rows));
  const task = await openTask(path);
  assert.equal(task.kind, "multiple_choice");
  assert.deepEqual(task.items.map(({ expected }) => expected), rows.map(() => "green"));
  assert.deepEqual(task.items.at(-1)!.prompt, "q");
  await Deno.writeTextFile(path, jsonLines([{ question: "q", choices, answer: "blue" }]));
  await assert.rejects(openTask(path), /row 1 of .*: its answer "blue" is none of/);
});

Deno.test("openTask() says what is wrong with a description", async () => {
  const base = "task: t\ndoc_to_text: q\ndoc_to_target: a\n";
  const cases: readonly [string, RegExp][] = [
    ["- a\n", /it is no description of a task/],
    ["a: [\n", /it is not YAML/],
    [`${base}output_type: loglikelihood_rolling\n`, /"output_type" must be multiple_choice or/],
    [`${base}process_results: !function utils.f\n`, /"process_results" is not supported/],
    [`${base}process_docs: !function utils.f\n`, /"process_docs" is Python code \(utils\.f\)/],
    ["task: t\ndoc_to_text: !function u.f\ndoc_to_target: a\n", /"doc_to_text" is Python code/],
    [
      `${base}metric_list: [{metric: bleu}]\ndataset_path: items.jsonl\n`,
      /there is no metric "bleu"/,
    ],
    [
      `${base}filter_list: [{name: a, filter: [{function: x}]}]\ndataset_path: items.jsonl\n`,
      /no filter "x"/,
    ],
    [`${base}dataset_path: owner/name\n`, /"owner\/name" is not a file here; give --data <file>/],
    [`${base}dataset_path: items.jsonl\nnum_fewshot: 9\n`, /there are 1 rows for them/],
  ];
  for (const [yaml, wanted] of cases) {
    await assert.rejects(taskOf([{ q: "1", a: "2" }], yaml), wanted, yaml);
  }
  await assert.rejects(openTask("no_such_task"), /Cannot find task "no_such_task".*builtin:syllo/);
});

Deno.test("parsePythonLiteral() reads what Python prints, and nothing else", () => {
  const cases: readonly [string, unknown][] = [
    ["['a', \"it's\"]", ["a", "it's"]],
    ["['a\\n\\u00e9\\x41', 1, -2.5, True, None]", ["a\né" + "A", 1, -2.5, true, null]],
    ["('a', ('b',))", ["a", ["b"]]],
    ["[]", []],
    ["[1, x]", undefined],
    ["['a", undefined],
    ["", undefined],
  ];
  for (const [source, value] of cases) assert.deepEqual(parsePythonLiteral(source), value, source);
});

Deno.test("createPythonRandom() draws what Python 3.11 draws", () => {
  const random = createPythonRandom(1234);
  const range = (n: number) => Array.from({ length: n }, (_, i) => i);
  assert.deepEqual(random.sample(range(10), 4), [7, 1, 0, 9]);
  assert.deepEqual(random.sample(range(5000), 5), [4769, 286, 687, 806, 2905]);
  assert.deepEqual(random.sample(range(100), 8), [30, 2, 3, 44, 82, 79, 61, 78]);
  assert.deepEqual(
    random.sample(range(5000), 9),
    [3797, 1216, 747, 1499, 937, 119, 4121, 3987, 2046],
  );
});

Deno.test("compilePythonRegex() reads Python's spellings", () => {
  const cut = (pattern: string, text: string) =>
    text.replace(compilePythonRegex(pattern, "t.yaml"), "");
  assert.equal(cut("(?s).*#### ", "a\nb\n#### 5"), "5");
  assert.equal(cut("(?i)ABC", "xabcx"), "xx");
  assert.equal(cut("\\.$", "5.\n"), "5\n");
  assert.equal(cut("[$]", "$5"), "5");
  assert.equal(cut("(?P<a>x)(?P=a)", "xxy"), "y");
  assert.equal(cut("\\Aab\\Z", "ab"), "");
  assert.throws(() => compilePythonRegex("(", "t.yaml"), /regular expression "\(" of "t\.yaml"/);
});

Deno.test("parseFilterList() applies filters in their order", () => {
  const [pipeline] = parseFilterList([
    {
      name: "letter",
      filter: [
        { function: "regex", regex_pattern: "answer is (\\w)", fallback: "none" },
        { function: "uppercase" },
        { function: "map", mapping_dict: { A: "first" }, default_value: "other" },
        { function: "take_first" },
      ],
    },
  ], "t.yaml");
  assert.equal(pipeline!.apply("the answer is a"), "first");
  assert.equal(pipeline!.apply("no idea"), "other");
});
