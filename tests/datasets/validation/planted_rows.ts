/**
 * Good rows, and every kind of bad one, made at random.
 *
 * @module
 */

import type { FindingCode } from "../../../src/datasets/validation/codes.ts";
import type { Random } from "../../../src/utils/random.ts";

/** A message of a row that is being made. */
type Message = Record<string, unknown>;

/** A row that is being made. */
export interface DraftRow {
  /** The conversation. */
  messages: Message[];
  /** Anything else. */
  [key: string]: unknown;
}

/** What a bad row is made of. */
export interface PlantContext {
  /** Decides all that is arbitrary. */
  readonly random: Random;
  /** A good row that comes earlier in the file. */
  readonly earlier: DraftRow;
  /** A good row of the evaluation set. */
  readonly evaluation: DraftRow;
}

/** A kind of bad row. */
export interface Plant {
  /** What it must be found as. */
  readonly code: FindingCode;
  /** Spoils a good row: changes it, or returns what is written instead. */
  readonly spoil: (row: DraftRow, context: PlantContext) => unknown;
}

/** What is written as it is, instead of JSON. */
export class Raw {
  readonly bytes: Uint8Array;

  constructor(content: string | Uint8Array) {
    this.bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
  }
}

const WORDS =
  "amber bridge cloud dinner eagle forest glass honey island jungle kettle lemon mirror night ocean piano quartz rabbit sugar tiger umbrella violin winter yellow zebra naïve café 漢字 emoji😀 Straße"
    .split(" ");

/** Makes a sentence that hardly comes twice. */
export function sentence(random: Random): string {
  const words = Array.from({ length: 6 + random.integer(12) }, () => pick(WORDS, random));
  return `${words.join(" ")} ${random.word().toString(36)}.`;
}

function pick<T>(items: readonly T[], random: Random): T {
  return items[random.integer(items.length)]!;
}

/** Makes a row that nothing is wrong with. */
export function goodRow(random: Random): DraftRow {
  const messages: Message[] = [];
  if (random.integer(3) === 0) messages.push({ role: "system", content: sentence(random) });
  const turns = 1 + random.integer(3);
  for (let turn = 0; turn < turns; turn++) {
    messages.push({ role: "user", content: sentence(random) });
    if (random.integer(8) === 0) {
      const id = `call_${random.word()}`;
      const call = { name: "look_up", arguments: JSON.stringify({ word: pick(WORDS, random) }) };
      messages.push(
        {
          role: "assistant",
          content: null,
          tool_calls: [{ id, type: "function", function: call }],
        },
        { role: "tool", tool_call_id: id, content: random.integer(2) === 0 ? "" : "42" },
      );
    }
    const weight = turn < turns - 1 && random.integer(4) === 0 ? { weight: random.integer(2) } : {};
    messages.push({ role: "assistant", content: sentence(random), ...weight });
  }
  return random.integer(5) === 0 ? { messages, id: random.word() } : { messages };
}

const lastAnswer = ({ messages }: DraftRow): Message => messages.at(-1)!;

const answered = (content: unknown) => (row: DraftRow) => {
  lastAnswer(row).content = content;
};

/** Puts something into the middle of a message. */
const saying = (text: string) => (row: DraftRow, { random }: PlantContext) => {
  const message = random.integer(2) === 0
    ? lastAnswer(row)
    : row.messages.find(({ role }) => role === "user")!;
  const content = String(message.content);
  const at = 1 + random.integer(8);
  message.content = content.slice(0, at) + text + content.slice(at);
};

/** Every kind of bad row, by a name. */
export const PLANTS: Readonly<Record<string, Plant>> = {
  "an empty answer": { code: "empty-answer", spoil: answered("") },
  "an answer of white space": { code: "empty-answer", spoil: answered(" \n\t ") },
  "a null answer": { code: "wrong-type", spoil: answered(null) },
  "a number as answer": { code: "wrong-type", spoil: answered(42) },
  "an object as answer": { code: "wrong-type", spoil: answered({ text: "yes" }) },
  "a boolean as answer": { code: "wrong-type", spoil: answered(true) },
  "an answer that is missing": {
    code: "missing-field",
    spoil: (row) => {
      delete lastAnswer(row).content;
    },
  },
  "a role that is missing": {
    code: "missing-field",
    spoil: (row, { random }) => {
      delete pick(row.messages, random).role;
    },
  },
  "an unknown role": {
    code: "unknown-role",
    spoil: (row, { random }) => {
      pick(row.messages, random).role = pick(["robot", "User", "", "narrator"], random);
    },
  },
  "a number as role": {
    code: "unknown-role",
    spoil: (row) => {
      lastAnswer(row).role = 1;
    },
  },
  "a user who says nothing": {
    code: "empty-content",
    spoil: (row) => {
      row.messages.find(({ role }) => role === "user")!.content = "";
    },
  },
  "no turn of the assistant": {
    code: "no-assistant-turn",
    spoil: (row) => {
      row.messages = row.messages.filter(({ role }) => role === "system" || role === "user");
    },
  },
  "no messages": {
    code: "empty-messages",
    spoil: (row) => {
      row.messages = [];
    },
  },
  "messages that are a string": {
    code: "wrong-type",
    spoil: () => ({ messages: "Hello" }),
  },
  "messages that are null": { code: "wrong-type", spoil: () => ({ messages: null }) },
  "messages that are an object": {
    code: "wrong-type",
    spoil: (row) => ({ messages: row.messages[0] }),
  },
  "a message that is a string": {
    code: "wrong-type",
    spoil: (row) => {
      row.messages[0] = "Hello" as unknown as Message;
    },
  },
  "a line cut off": {
    code: "invalid-json",
    spoil: (row, { random }) => {
      const json = JSON.stringify(row);
      return new Raw(json.slice(0, 1 + random.integer(json.length - 2)));
    },
  },
  "a line that is no JSON": {
    code: "invalid-json",
    spoil: (row) => new Raw(`{'messages': ${JSON.stringify(row.messages)}}`),
  },
  "two rows in one line": {
    code: "invalid-json",
    spoil: (row, { earlier }) => new Raw(JSON.stringify(row) + JSON.stringify(earlier)),
  },
  "a list instead of an object": { code: "not-an-object", spoil: (row) => row.messages },
  "a string instead of an object": { code: "not-an-object", spoil: () => "Hello" },
  "null instead of an object": { code: "not-an-object", spoil: () => null },
  "a row without fields": { code: "unknown-format", spoil: () => ({}) },
  "a row of unknown fields": {
    code: "unknown-format",
    spoil: (row) => ({ conversation_log: row.messages, topic: "x" }),
  },
  "bytes that are not UTF-8": {
    code: "invalid-utf8",
    spoil: (row, { random }) => {
      const bytes = new TextEncoder().encode(JSON.stringify(row));
      const at = bytes.length - 12;
      bytes.set(pick([[0xff, 0x41], [0xc3, 0x28], [0xed, 0xa0], [0xe4, 0x20]], random), at);
      return new Raw(bytes);
    },
  },
  "half a character": {
    code: "lone-surrogate",
    spoil: (row, context) => {
      saying("@@")(row, context);
      const half = pick(["\\ud83d", "\\udc00"], context.random);
      return new Raw(JSON.stringify(row).replace("@@", half));
    },
  },
  "a lost character": { code: "replacement-character", spoil: saying("\ufffd") },
  "a NUL": { code: "null-character", spoil: saying("\0") },
  "a row that was there before": { code: "duplicate", spoil: (_, { earlier }) => earlier },
  "a row that was there before, written otherwise": {
    code: "duplicate",
    spoil: (_, { earlier, random }) => {
      const { messages, ...rest } = earlier;
      const turned = messages.map((each) => Object.fromEntries(Object.entries(each).reverse()));
      return new Raw(
        JSON.stringify({ id: random.word(), messages: turned, ...rest }, null, 1)
          .replaceAll("\n", " "),
      );
    },
  },
  "a row of the evaluation set": {
    code: "eval-leakage",
    spoil: (_, { evaluation }) => evaluation,
  },
  "a row that is too long": {
    code: "too-long",
    spoil: (row, { random }) => {
      lastAnswer(row).content = Array.from({ length: 300 }, () => sentence(random)).join(" ");
    },
  },
  "a tool that was not asked": {
    code: "tool-answer-without-call",
    spoil: (row) => {
      row.messages.splice(-1, 0, { role: "tool", tool_call_id: "none", content: "1" });
    },
  },
  "a tool that does not answer": {
    code: "tool-call-without-answer",
    spoil: (row) => {
      const call = { id: "c1", type: "function", function: { name: "f", arguments: "{}" } };
      row.messages.splice(-1, 0, { role: "assistant", content: "", tool_calls: [call] });
      row.messages.splice(-1, 0, { role: "user", content: "And?" });
    },
  },
  "arguments that are no JSON": {
    code: "bad-tool-call",
    spoil: (row) => {
      const call = { id: "c1", type: "function", function: { name: "f", arguments: "{a" } };
      row.messages.splice(-1, 0, { role: "assistant", content: "", tool_calls: [call] });
      row.messages.splice(-1, 0, { role: "tool", tool_call_id: "c1", content: "1" });
    },
  },
  "a weight of 3": {
    code: "bad-weight",
    spoil: (row) => {
      lastAnswer(row).weight = 3;
    },
  },
  "weights that are all 0": {
    code: "nothing-trained",
    spoil: (row) => {
      for (const each of row.messages) if (each.role === "assistant") each.weight = 0;
    },
  },
};
