/**
 * Rows and files that are damaged at random: whatever they hold, each row is used or refused with its line, and what
 * ends the reading of a file names a line too. `LLM_TRAINING_FUZZ_ROWS` says how many rows (3,000); there is a file for
 * every twenty of them.
 */

import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { FORMAT_CHOICES } from "../../../src/datasets/formats.ts";
import { parseRow } from "../../../src/datasets/parse_row.ts";
import { ROW_PROBLEMS, RowError } from "../../../src/datasets/row_error.ts";
import { UserError } from "../../../src/utils/errors.ts";
import { createRandom, type Random } from "../../../src/utils/random.ts";
import { temporaryFolder } from "../../temporary_folder.ts";
import { readData } from "./write_data.ts";

const ROWS = Number(Deno.env.get("LLM_TRAINING_FUZZ_ROWS") ?? 3000);
const FILES = Math.ceil(ROWS / 20);

const FIXTURES = fileURLToPath(new URL("../../fixtures/sources", import.meta.url));

const call = { id: "1", type: "function", function: { name: "f", arguments: '{"a": 1}' } };

/** Good rows, of every form and with every field that is read. */
const GOOD: readonly Readonly<Record<string, unknown>>[] = [
  {
    messages: [
      { role: "system", content: "Be brief." },
      { role: "user", content: [{ type: "text", text: "é😀" }], name: "Ada" },
      { role: "assistant", content: null, tool_calls: [call], weight: 0 },
      { role: "tool", content: "1", tool_call_id: "1" },
      { role: "assistant", content: "b", reasoning_content: "c", weight: 1 },
    ],
    tools: [{ type: "function", function: { name: "f", parameters: {} } }],
    parallel_tool_calls: false,
  },
  {
    conversations: [
      { from: "human", value: "a" },
      { from: "function_call", value: '{"name": "f", "arguments": {"x": [1]}}' },
      { from: "observation", value: "1" },
      { from: "gpt", value: "b" },
    ],
    system: "s",
    tools: '[{"name": "f"}]',
  },
  { prompt: "a", completion: "b" },
  { prompt: [{ role: "user", content: "a" }], completion: [{ role: "assistant", content: "b" }] },
  { instruction: "a", input: "b", output: "c", system: "d", history: [["e", "f"]] },
  { question: "a", answer: "b" },
  { text: "a text\nof two lines" },
  { input_ids: [1, 2, 3], labels: [-100, 2, 3], attention_mask: [1, 1, 1] },
  { input_ids: [1, 2, 3], completion_mask: [0, 1, 1] },
  { prompt: "a", chosen: "b", rejected: "c" },
  { messages: [{ role: "user", content: "a" }, { role: "assistant", content: "b" }], label: true },
  { chosen: [{ role: "user", content: "a" }, { role: "assistant", content: "b" }], rejected: [] },
];

const ODD_VALUES: readonly unknown[] = [
  null,
  true,
  -1,
  1e308,
  2 ** 40,
  "",
  " ",
  "[",
  "[{",
  '[{"role"',
  [],
  {},
  [[]],
  [null],
  "\ud800",
  "\0",
  "constructor",
  "__proto__",
  "assistant",
  "user",
  "messages",
  "\u2028",
  "a".repeat(5000),
  { role: "assistant" },
];

/** Pieces that mean something in one container or another. */
const PIECES = [
  '"',
  "{",
  "}",
  "[",
  "]",
  ",",
  ":",
  "\\",
  "\n",
  "\r",
  "\0",
  "\uFEFF",
  "é",
  "PAR1",
  "\\u",
  "<|endoftext|>",
];

function chooser(random: Random) {
  const below = (count: number) => random.integer(count);
  return { below, one: <T>(list: readonly T[]): T => list[below(list.length)]! };
}

/** Changes a value somewhere inside. */
function mutateValue(value: unknown, random: Random): unknown {
  const { below, one } = chooser(random);
  if (typeof value !== "object" || value === null || below(4) === 0) return one(ODD_VALUES);
  if (Array.isArray(value)) {
    if (value.length === 0 || below(6) === 0) return [...value, one(ODD_VALUES)];
    const i = below(value.length);
    return below(5) === 0 ? value.toSpliced(i, 1) : value.with(i, mutateValue(value[i], random));
  }
  const entries = Object.entries(value);
  if (entries.length === 0) return { [one(ROW_KEYS)]: one(ODD_VALUES) };
  const i = below(entries.length);
  const [key, each] = entries[i]!;
  const change = below(6);
  if (change === 0) return Object.fromEntries(entries.toSpliced(i, 1));
  if (change === 1) return { ...value, [one(ROW_KEYS)]: each };
  return { ...value, [key]: mutateValue(each, random) };
}

const ROW_KEYS = [
  ...new Set(GOOD.flatMap((row) => Object.keys(row))),
  "role",
  "content",
  "from",
  "value",
  "__proto__",
];

function mutateBytes(bytes: Uint8Array, random: Random): Uint8Array {
  const { below, one } = chooser(random);
  const changed = bytes.slice();
  const at = below(bytes.length);
  const end = Math.min(bytes.length, at + 1 + below(40));
  switch (below(6)) {
    case 0:
      return bytes.subarray(0, at);
    case 1:
      changed[at] = below(256);
      return changed;
    case 2:
      return concat(
        bytes.subarray(0, at),
        new TextEncoder().encode(one(PIECES)),
        bytes.subarray(at),
      );
    case 3:
      return concat(bytes.subarray(0, at), bytes.subarray(end));
    case 4:
      return concat(bytes.subarray(0, end), bytes.subarray(at));
    default:
      changed.fill(one([0, 255, 34, 123]), at, end);
      return changed;
  }
}

function concat(...parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

Deno.test(`parseRow() uses or refuses ${ROWS} damaged rows, and nothing else`, () => {
  const random = createRandom(1);
  const { below, one } = chooser(random);
  let used = 0;
  for (let i = 0; i < ROWS; i++) {
    let row: unknown = one(GOOD);
    for (let count = below(4); count >= 0; count--) row = mutateValue(row, random);
    let text = JSON.stringify(row) ?? "null";
    if (below(4) === 0) {
      text = new TextDecoder().decode(mutateBytes(new TextEncoder().encode(text), random));
    }
    const format = below(2) === 0 ? undefined : one(FORMAT_CHOICES);
    try {
      parseRow(text, { place: { path: "a.jsonl", line: i + 1 }, format, vocabSize: 100 });
      used++;
    } catch (error) {
      assert.ok(error instanceof RowError, `${text}: ${error}`);
      assert.ok(error.message.startsWith(`Cannot use line ${i + 1} of "a.jsonl": `), error.message);
      assert.ok(ROW_PROBLEMS.includes(error.problem.code));
    }
  }
  assert.ok(used > ROWS / 20 && used < ROWS * 0.9, `${used} of ${ROWS} were used`);
});

const CSV_ROWS = ["question,answer", 'a,"b ""c"""', '"d\ne",f', "g,h", ""].join("\n");

/** Files of each container; `undefined` stands for the Parquet files that there are. */
function goodFile(random: Random): { readonly name: string; readonly bytes: Uint8Array } {
  const { below, one } = chooser(random);
  const rows = Array.from({ length: 1 + below(6) }, () => one(GOOD));
  const text = one<() => [name: string, text: string]>([
    () => ["a.jsonl", rows.map((row) => `${JSON.stringify(row)}\n`).join("")],
    () => ["a.json", JSON.stringify(rows, null, below(3))],
    () => ["a.json", JSON.stringify({ data: rows, n: 1 }, null, below(2))],
    () => ["a.csv", CSV_ROWS],
    () => ["a.txt", "One line.\n\nA paragraph.<|endoftext|>\nMore.\n"],
    () => ["a", rows.map((row) => `${JSON.stringify(row)}\n`).join("")],
  ])();
  const bytes = new TextEncoder().encode(text[1]);
  return { name: text[0], bytes: one([(b: Uint8Array) => b, gzipSync, zstdCompressSync])(bytes) };
}

Deno.test(`readRows() reads ${FILES} damaged files to their end or names the line at which it stops`, async () => {
  const random = createRandom(2);
  const { below, one } = chooser(random);
  const parquet = await Promise.all(
    ["snappy", "gzip", "zstd", "v2", "plain"].map((name) =>
      Deno.readFile(join(FIXTURES, `${name}.parquet`))
    ),
  );
  await using folder = await temporaryFolder();
  const outcomes = { rows: 0, refused: 0, stopped: 0, whole: 0 };
  for (let i = 0; i < FILES; i++) {
    const file = below(4) === 0 ? { name: "a.parquet", bytes: one(parquet) } : goodFile(random);
    let { bytes } = file;
    for (let count = below(3); count >= 0 && bytes.length > 0; count--) {
      bytes = mutateBytes(bytes, random);
    }
    const path = join(folder.path, file.name);
    await Deno.writeFile(path, bytes);
    try {
      const { rows } = await readData(path, below(3) === 0 ? one(FORMAT_CHOICES) : undefined);
      outcomes.whole++;
      for (const { place, problem } of rows) {
        assert.ok(Number.isSafeInteger(place.line) && place.line >= 1, `file ${i}`);
        outcomes[problem === undefined ? "rows" : "refused"]++;
      }
    } catch (error) {
      assert.ok(error instanceof UserError, `file ${i}, ${file.name}: ${(error as Error).stack}`);
      assert.match(
        error.message,
        /^Cannot use (?:line|row) \d+ .*of "|: it has no rows$|: it is UTF-16; |it is a compressed Parquet/,
        `file ${i}`,
      );
      outcomes.stopped++;
    }
  }
  for (const [name, count] of Object.entries(outcomes)) assert.ok(count > 0, name);
});
