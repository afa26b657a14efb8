import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { join } from "node:path";
import type { FormatChoice } from "../../../src/datasets/formats.ts";
import { describeSources } from "../../../src/datasets/sources/describe_sources.ts";
import {
  validateDataset,
  type ValidateDatasetOptions,
  type ValidationReport,
} from "../../../src/datasets/validation/validate_dataset.ts";
import { createRandom, type Random } from "../../../src/utils/random.ts";
import { temporaryFolder } from "../../temporary_folder.ts";
import { byteTokenizer } from "../byte_tokenizer.ts";
import { type DraftRow, goodRow, PLANTS, Raw, sentence } from "./planted_rows.ts";

type Content = string | Uint8Array | readonly unknown[];

interface Options extends Omit<ValidateDatasetOptions, "evaluation"> {
  readonly evaluation?: Content;
  readonly name?: string;
  readonly format?: FormatChoice;
}

/** Validates a file with this content: rows become JSON, a string stays as it is. */
async function validate(content: Content, options: Options = {}): Promise<ValidationReport> {
  const { name = "a.jsonl", format, evaluation, ...rest } = options;
  await using folder = await temporaryFolder();
  const open = async (name: string, content: Content, format?: FormatChoice) => {
    const path = join(folder.path, name);
    await Deno.writeFile(path, bytesOf(content));
    return await describeSources([{ path, weight: 1 }], { format });
  };
  const files = await open(name, content, format);
  return await validateDataset(files, {
    ...rest,
    ...evaluation === undefined ? {} : { evaluation: await open("eval.jsonl", evaluation) },
  });
}

function bytesOf(content: Content): Uint8Array {
  if (content instanceof Uint8Array) return content;
  if (typeof content === "string") return new TextEncoder().encode(content);
  const parts = content.flatMap((row) => [
    row instanceof Raw ? row.bytes : new TextEncoder().encode(JSON.stringify(row)),
    Uint8Array.of(10),
  ]);
  return Buffer.concat(parts);
}

const chat = (prompt: string, answer: string) => ({
  messages: [{ role: "user", content: prompt }, { role: "assistant", content: answer }],
});

const found = ({ errors, warnings }: ValidationReport) =>
  [...errors, ...warnings].map(({ line, code }) => `${line} ${code}`);

/** Rows with every kind of bad one planted twice among good ones, and what must be found. */
function plantedRows(random: Random, count: number) {
  const evaluation = Array.from({ length: 200 }, () => goodRow(random));
  const kinds = Object.values(PLANTS).flatMap((plant) => [plant, plant]);
  const places = new Map<number, (typeof kinds)[number]>();
  for (const plant of kinds) {
    for (;;) {
      const place = 500 + random.integer(count - 500);
      if (places.has(place)) continue;
      places.set(place, plant);
      break;
    }
  }
  const rows: unknown[] = [];
  const expected: string[] = [];
  const good: DraftRow[] = [];
  const copied = new Set<DraftRow>();
  for (let i = 0; i < count; i++) {
    const row = goodRow(random);
    const plant = places.get(i);
    if (plant === undefined) {
      good.push(row);
      rows.push(row);
      continue;
    }
    let earlier = good[random.integer(good.length)]!;
    while (copied.has(earlier)) earlier = good[random.integer(good.length)]!;
    copied.add(earlier);
    const context = { random, earlier, evaluation: evaluation[expected.length % 200]! };
    const spoiled = plant.spoil(row, context);
    rows.push(spoiled === undefined ? row : spoiled);
    expected.push(`${i + 1} ${plant.code}`);
  }
  return { rows, evaluation, expected };
}

Deno.test("validateDataset() finds every planted row among 10,000 by line and kind, and invents none", async () => {
  const { rows, evaluation, expected } = plantedRows(createRandom(20), 10_000);
  const model = { tokenizer: byteTokenizer(), vocabSize: 259, maxLength: 4096 };
  const report = await validate(rows, { model, evaluation });
  assert.ok(Object.keys(PLANTS).length >= 35);
  assert.deepEqual(report.errors.map(({ line, code }) => `${line} ${code}`), expected);
  assert.equal(report.rows, 10_000);
  assert.equal(report.errorCount, expected.length);
  const lines = new Set(expected.map((each) => parseInt(each)));
  assert.deepEqual(report.warnings.filter(({ line }) => !lines.has(line)), []);
  assert.ok(report.errors.every(({ message, fix }) => message !== "" && fix !== ""));

  // without a tokenizer and an evaluation set, all but what is found by these
  const alone = await validate(rows);
  assert.deepEqual(
    alone.errors.map(({ line, code }) => `${line} ${code}`),
    expected.filter((each) => !/ (?:too-long|eval-leakage)$/.test(each)),
  );
  assert.deepEqual(
    alone.warnings.filter(({ code }) => code === "unusually-long").map(({ line }) => line),
    expected.filter((each) => each.endsWith(" too-long")).map((each) => parseInt(each)),
  );
  const quick = await validate(rows, { level: "quick" });
  assert.deepEqual(
    quick.errors.map(({ line, code }) => `${line} ${code}`),
    expected.filter((each) => !/ (?:too-long|eval-leakage|duplicate)$/.test(each)),
  );
});

Deno.test("validateDataset() tells of an evaluation set's rows, its prompts and what is like them", async () => {
  const random = createRandom(4);
  const [prompt, answer] = [sentence(random), `${sentence(random)} ${sentence(random)}`];
  const rows = [
    chat(prompt.toUpperCase(), ` ${answer} `),
    chat(prompt, "Otherwise."),
    chat(`${prompt} Now`, answer),
    chat(sentence(random), sentence(random)),
  ];
  const evaluation = [chat(prompt, answer)];
  const report = await validate(rows, { level: "deep", evaluation });
  assert.deepEqual(found(report), [
    "1 eval-leakage",
    "2 conflicting-answers",
    "2 eval-prompt-leakage",
    "3 near-duplicate",
    "3 near-leakage",
  ]);
  assert.match(report.errors[0]!.message, /evaluation set, line 1 of ".*eval\.jsonl"$/);
  assert.match(report.errors[0]!.source!, /a\.jsonl$/);
  const broken = await validate(rows, { evaluation: [...evaluation, {}] });
  assert.deepEqual(broken.errors.map(({ code }) => code), ["eval-leakage", "unknown-format"]);
  assert.match(broken.errors[1]!.source!, /eval\.jsonl$/);
  assert.equal(broken.rows, 4);
});

Deno.test("validateDataset() tells of prompts that are answered twice, and of what is nearly the same", async () => {
  const text = "The quick brown fox jumps over the lazy dog while the band plays on and on.";
  const rows = [
    chat("What is up?", "Nothing."),
    chat("what is  up?", "Much."),
    chat("Repeat after me.", text),
    chat("Repeat after me!", text.replace("dog", "hog")),
  ];
  assert.deepEqual(found(await validate(rows)), ["2 conflicting-answers"]);
  assert.deepEqual(found(await validate(rows, { level: "deep" })), [
    "2 conflicting-answers",
    "4 near-duplicate",
  ]);
});

Deno.test("validateDataset() measures rows in tokens", async () => {
  const model = { tokenizer: byteTokenizer(), vocabSize: 259, maxLength: 8 };
  const rows = [
    ...Array.from({ length: 18 }, (_, i) => ({ text: `abc${i % 9}` })), // 6 tokens, 5 of them trained
    { prompt: "much too long", completion: "c" }, // 16 tokens
    { text: "abcdefghijklmnopqrstuvwxyz" }, // 28 tokens
  ];
  const report = await validate(rows, { model, format: "mixed" });
  assert.deepEqual(report.lengths, {
    tokens: 18 * 6 + 16 + 28,
    trainedTokens: 18 * 5 + 2 + 27,
    min: 6,
    median: 6,
    p95: 16,
    max: 28,
    maxLength: 8,
    longerRows: 2,
    droppedRows: 1,
  });
  assert.equal(report.counts["answer-cut-off"], 1);
  assert.equal(report.counts.duplicate, 9);
  assert.equal(report.usableRows, 19);
  const long = [{ prompt: "a", completion: "bcdefghijklm" }];
  assert.deepEqual(found(await validate(long, { model })), ["1 too-long"]);
  const small = await validate([{ text: "a" }], { model: { ...model, vocabSize: 200 } });
  assert.match(small.errors[0]!.message, /token id 256, but the model has only 200/);
});

Deno.test("validateDataset() has a chat template judge the order of turns", async () => {
  const model = { tokenizer: byteTokenizer(), vocabSize: 259, maxLength: 512 };
  const { messages } = chat("a", "b");
  const rows = [{ messages: [...messages, { role: "system", content: "c" }, ...messages] }];
  assert.deepEqual(found(await validate(rows)), ["1 system-not-first"]);
  const report = await validate(rows, { model });
  assert.deepEqual(found(report), ["1 template", "1 system-not-first"]);
  assert.match(report.errors[0]!.message, /^the chat template refuses it/);
});

Deno.test("validateDataset() limits rows by characters where there is no tokenizer", async () => {
  const rows = [chat("a", "b ".repeat(50)), chat("a", "c ".repeat(500))];
  assert.deepEqual(found(await validate(rows, { maxLength: 100 })), [
    "2 too-long",
    "2 conflicting-answers",
  ]);
});

Deno.test("validateDataset() tells of files that are empty or cut off", async () => {
  assert.deepEqual(found(await validate("")), ["0 empty-file"]);
  assert.deepEqual(found(await validate("\n \n")), ["0 empty-file"]);
  const json = JSON.stringify([chat("a", "b"), chat("c", "d"), chat("e", "f")], null, 1);
  const cut = await validate(json.slice(0, -30), { name: "a.json" });
  assert.equal(cut.errors.length, 1);
  assert.ok(cut.errors[0]!.line > 1 && cut.rows >= 2);
  assert.equal(cut.valid, false);
});

Deno.test("validateDataset() counts the findings that it does not list", async () => {
  const report = await validate(Array.from({ length: 50 }, () => ({ text: "" })), {
    maxFindings: 3,
    format: "text",
  });
  assert.equal(report.errors.length, 3);
  assert.equal(report.errorCount, 50);
  assert.equal(report.counts["empty-content"], 50);
  assert.equal(report.usableRows, 0);
});
