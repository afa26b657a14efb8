import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { join } from "node:path";
import { describeSources } from "../../../src/datasets/sources/describe_sources.ts";
import { FINDING_CODES } from "../../../src/datasets/validation/codes.ts";
import { isUnusable } from "../../../src/datasets/validation/finding.ts";
import { usableRows } from "../../../src/datasets/validation/usable_rows.ts";
import { readRows } from "../../../src/datasets/sources/read_rows.ts";
import { validateDataset } from "../../../src/datasets/validation/validate_dataset.ts";
import { createRandom, type Random } from "../../../src/utils/random.ts";
import { temporaryFolder } from "../../temporary_folder.ts";
import { byteTokenizer } from "../byte_tokenizer.ts";
import { goodRow } from "./planted_rows.ts";

/** How many rows are mutated; `LLM_TRAINING_FUZZ` says otherwise. */
const ROWS = Number(Deno.env.get("LLM_TRAINING_FUZZ") ?? 4000);

const ROWS_OF_FILE = 500;

const VALUES: readonly unknown[] = [
  ...[null, true, 0, -1, 1.5, 1e300, "", " ", "x", "\0", "\ud800", "\ufffd", "<|im_end|>"],
  ...[[], {}, [[]], [null], [{}], "user", "assistant", "tool", "system", "[]", "{"],
];

function pick<T>(items: readonly T[], random: Random): T {
  return items[random.integer(items.length)]!;
}

/** Returns a value with one of its parts replaced, removed, doubled or moved to another key. */
function mutated(value: unknown, random: Random): unknown {
  if (random.integer(6) === 0) return pick(VALUES, random);
  if (Array.isArray(value) && value.length > 0) {
    const at = random.integer(value.length);
    switch (random.integer(4)) {
      case 0:
        return value.toSpliced(at, 1);
      case 1:
        return [...value, value[at]];
      case 2:
        return value.toReversed();
      default:
        return value.with(at, mutated(value[at], random));
    }
  }
  if (typeof value === "object" && value !== null) {
    const entries = Object.entries(value);
    if (entries.length === 0) return pick(VALUES, random);
    const [key, part] = pick(entries, random);
    const others = entries.filter(([other]) => other !== key);
    switch (random.integer(4)) {
      case 0:
        return Object.fromEntries(others);
      case 1:
        return { ...Object.fromEntries(others), [pick(KEYS, random)]: part };
      default:
        return { ...value, [key]: mutated(part, random) };
    }
  }
  return pick(VALUES, random);
}

const KEYS = [
  ...["role", "content", "weight", "tool_calls", "tool_call_id", "name", "messages", "tools"],
  ...[
    "prompt",
    "completion",
    "text",
    "input_ids",
    "labels",
    "from",
    "value",
    "__proto__",
    "chosen",
  ],
];

/** Other forms of rows, so that their parsers are reached too. */
const SEEDS: readonly unknown[] = [
  { prompt: "a b c", completion: "d e f" },
  { instruction: "a", input: "b", output: "c", history: [["d", "e"]] },
  { conversations: [{ from: "human", value: "a" }, { from: "gpt", value: "b" }], system: "c" },
  { input_ids: [1, 2, 3, 4], labels: [-100, 2, 3, 4], attention_mask: [1, 1, 1, 1] },
  { question: "a", answer: "b" },
  { text: "some text" },
];

/** Returns one mutated line; in every third bytes are changed as well. */
function mutatedLine(random: Random): Uint8Array {
  let row: unknown = random.integer(2) === 0 ? goodRow(random) : pick(SEEDS, random);
  for (let times = 1 + random.integer(3); times > 0; times--) row = mutated(row, random);
  const bytes = Buffer.from((JSON.stringify(row) ?? "null").replaceAll("\n", " "));
  if (random.integer(3) > 0 || bytes.length === 0) return bytes;
  const at = random.integer(bytes.length);
  if (random.integer(2) === 0) return bytes.subarray(0, at);
  bytes[at] = random.integer(256);
  return bytes.map((byte) => byte === 10 ? 32 : byte);
}

Deno.test(`validateDataset() takes whatever is in a file, names lines, and agrees with training (${ROWS} rows)`, async () => {
  await using folder = await temporaryFolder();
  const model = { tokenizer: byteTokenizer(), vocabSize: 259, maxLength: 64 };
  for (let file = 0; file * ROWS_OF_FILE < ROWS; file++) {
    const random = createRandom(file);
    const path = join(folder.path, `${file}.jsonl`);
    const lines = Array.from({ length: ROWS_OF_FILE }, () => mutatedLine(random));
    await Deno.writeFile(path, Buffer.concat(lines.flatMap((line) => [line, Uint8Array.of(10)])));
    const files = await describeSources([{ path, weight: 1 }]);
    const blank = lines.filter((line) => new TextDecoder().decode(line).trim() === "").length;
    for (const level of ["quick", "deep"] as const) {
      const report = await validateDataset(files, level === "deep" ? { level, model } : { level });
      assert.equal(report.rows, ROWS_OF_FILE - blank);
      for (const { line, code, message, fix } of [...report.errors, ...report.warnings]) {
        assert.ok(line >= 1 && line <= ROWS_OF_FILE, `${line}`);
        assert.ok(FINDING_CODES.includes(code) && message !== "" && fix !== "");
      }
      if (level !== "quick") continue;
      const refused: number[] = [];
      const used = usableRows(readRows(files), { onSkipped: (_, { line }) => refused.push(line) });
      assert.equal((await Array.fromAsync(used)).length, report.usableRows);
      const unusable = new Set(report.errors.filter(isUnusable).map(({ line }) => line));
      assert.deepEqual(refused, [...unusable]);
    }
    await Deno.remove(path);
  }
});
