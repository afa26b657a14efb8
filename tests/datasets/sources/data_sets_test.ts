/**
 * Data sets as they are found, each read as what it is: the rows and the characters of their texts (UTF-16 units) are
 * those that a few lines of Python count.
 */

import assert from "node:assert/strict";
import type { FormatChoice } from "../../../src/datasets/formats.ts";
import type { Row } from "../../../src/datasets/row.ts";
import { testWithData } from "../../shared_data.ts";
import { readData } from "./write_data.ts";

interface DataSet {
  readonly name: string;
  readonly description?: string;
  readonly rows: number;
  readonly characters: number;
  readonly format?: FormatChoice;
  /** Rows that are refused: answers that are called bad. */
  readonly refused?: number;
}

const ALPACA = "alpaca rows in JSON: instruction, input, output";
const JSON_TEXT = "text rows in JSON Lines: text";
const QUESTIONS = "question-answer rows in JSON Lines: question, answer";
const PLAIN = "text rows in plain text: all of it is one document";

const DATA_SETS: readonly DataSet[] = [
  { name: "gsm8k/train.jsonl", description: QUESTIONS, rows: 7473, characters: 3_900_927 },
  { name: "gsm8k/test.jsonl", description: QUESTIONS, rows: 1319, characters: 702_700 },
  { name: "llamafactory/alpaca_en_demo.json", description: ALPACA, rows: 999, characters: 787_039 },
  { name: "llamafactory/identity.json", description: ALPACA, rows: 91, characters: 6423 },
  {
    name: "llms-from-scratch/instruction-data.json",
    description: ALPACA,
    rows: 1100,
    characters: 112_858,
  },
  { name: "llamafactory/c4_demo.jsonl", description: JSON_TEXT, rows: 300, characters: 737_165 },
  {
    name: "tiny-open-domain-books/books.jsonl",
    description: JSON_TEXT,
    rows: 453,
    characters: 2_790_061,
  },
  {
    name: "llamafactory/v1_sft_demo.jsonl",
    description: "messages rows in JSON Lines: messages",
    rows: 500,
    characters: 345_702,
  },
  {
    name: "llamafactory/reason_tool_use_demo_50.jsonl",
    description: "messages rows in JSON Lines: messages, tools",
    rows: 50,
    characters: 69_286,
  },
  {
    name: "llamafactory/glaive_toolcall_en_demo.json",
    description: "sharegpt rows in JSON: conversations, tools",
    rows: 300,
    characters: 486_889,
  },
  {
    name: "platform_validation/sy_validation.json",
    description: "messages rows in JSON: messages, metadata",
    rows: 250,
    characters: 301_099,
  },
  { name: "platform_validation/primitives", rows: 8668, characters: 705_187 },
  { name: "platform_validation/binary", rows: 300, characters: 80_994 },
  { name: "platform_validation/syllo_10level", rows: 400, characters: 859_912 },
  {
    name: "llamafactory/wiki_demo.txt",
    description: "text rows in plain text: each line is a row",
    rows: 30,
    characters: 1_026_430,
  },
  { name: "tinyshakespeare/input.txt", description: PLAIN, rows: 1, characters: 1_115_393 },
  { name: "tinyshakespeare/input.txt", rows: 32_777, characters: 1_075_394, format: "lines" },
  { name: "llms-from-scratch/the-verdict.txt", description: PLAIN, rows: 1, characters: 20_479 },
  {
    name: "tinystories/smallGPT_tiny_stories.txt",
    description: PLAIN,
    rows: 1,
    characters: 942_639,
  },
  {
    name: "tinystories/cs336_tinystories_sample.txt",
    description: "text rows in plain text: a row ends at <|endoftext|>",
    rows: 5,
    characters: 3709,
  },
  { name: "llamafactory/dpo_en_demo.json", rows: 300, characters: 991_846, format: "chosen" },
  {
    name: "llms-from-scratch/instruction-data-with-preference.json",
    rows: 1100,
    characters: 126_552,
    format: "chosen",
  },
  { name: "llamafactory/v1_dpo_demo.jsonl", rows: 10, characters: 10_676, format: "chosen" },
  {
    name: "llamafactory/kto_en_demo.json",
    rows: 300,
    characters: 412_286,
    format: "chosen",
    refused: 150,
  },
];

/** Characters of a row as it will be read. */
function charactersOf(row: Row): number {
  switch (row.kind) {
    case "messages":
      return row.messages.reduce((sum, { content }) => sum + content.length, 0);
    case "completion":
      return row.prompt.length + row.completion.length;
    case "text":
      return row.text.length;
    case "tokens":
      return 0;
  }
}

for (const { name, description, rows: count, characters, format, refused = 0 } of DATA_SETS) {
  testWithData(
    `readRows() finds in ${name}${format === undefined ? "" : ` as ${format}`} what Python finds`,
    { data: `datasets/${name}` },
    async (path) => {
      const { rows, descriptions } = await readData(path, format);
      assert.equal(rows.length, count);
      const problems = rows.flatMap(({ problem }) =>
        problem === undefined ? [] : [problem.message]
      );
      assert.equal(problems.length, refused, problems.join("; ").slice(0, 500));
      const sum = rows.reduce(
        (sum, { row }) => sum + (row === undefined ? 0 : charactersOf(row)),
        0,
      );
      assert.equal(sum, characters);
      if (description !== undefined) assert.deepEqual(descriptions, [description]);
    },
  );
}

for (const name of ["llamafactory/dpo_en_demo.json", "llamafactory/kto_en_demo.json"]) {
  testWithData(
    `readRows() says of every row of ${name} what it is for`,
    { data: `datasets/${name}` },
    async (path) => {
      const { rows, descriptions } = await readData(path);
      assert.match(descriptions[0]!, /^preference rows in JSON: /);
      assert.ok(rows.every(({ problem }) => problem?.code === "preference-row"));
    },
  );
}
