import assert from "node:assert/strict";
import { createToolCallParser, type WrittenCall } from "../../../src/inference/tools/tool_calls.ts";
import type { ToolFormat } from "../../../src/inference/tools/tool_format.ts";
import { createRandom } from "../../../src/utils/random.ts";

/** What is found in a text that comes in pieces. */
function parse(format: ToolFormat, pieces: readonly string[]) {
  const parser = createToolCallParser(format);
  const outputs = [...pieces.map((piece) => parser.push(piece)), parser.end()];
  return {
    text: outputs.map(({ text }) => text).join(""),
    calls: outputs.flatMap(({ calls }): readonly WrittenCall[] => calls),
  };
}

const F = { name: "f", arguments: '{"x":"a</tool>"}' };
const G = { name: "g", arguments: "{}" };

const CASES: readonly (readonly [ToolFormat, string, string, readonly WrittenCall[]])[] = [
  ["tags", "no call at all <tool_", "no call at all <tool_", []],
  ["tags", '<tool_call>\n{"name": "f", "arguments": {"x": "a</tool>"}}\n</tool_call>', "", [F]],
  [
    "tags",
    'I look.\n\n<tool_call>{"name": "f", "arguments": {"x": "a</tool>"}}</tool_call>\n<tool_call>\n{"name": "g"}\n</tool_call>\n',
    "I look.",
    [F, G],
  ],
  ["tags", "<tool_call>\nnot JSON\n</tool_call> ok", "<tool_call>\nnot JSON\n</tool_call> ok", []],
  ["tags", '<tool_call>\n{"name": "g", "arguments": {}}', "", [G]],
  ["tags", '<tool_call>\n{"name": "g", "argum', '<tool_call>\n{"name": "g", "argum', []],
  ["json", '{"name": "f", "parameters": {"x": "a</tool>"}}', "", [F]],
  [
    "json",
    '<|python_tag|>{"name": "g", "parameters": {}}; {"name": "f", "arguments": {"x":"a</tool>"}}',
    "",
    [G, F],
  ],
  ["json", '{"answer": 42}', '{"answer": 42}', []],
  [
    "json",
    '{"name": "g", "parameters": {}} and more',
    '{"name": "g", "parameters": {}} and more',
    [],
  ],
  ["json", "It is { warm }.", "It is { warm }.", []],
];

Deno.test("createToolCallParser() finds calls, however the text is cut into pieces", () => {
  const random = createRandom(1);
  for (const [format, written, text, calls] of CASES) {
    for (let i = 0; i < 40; i++) {
      const pieces: string[] = [];
      for (let at = 0; at < written.length;) {
        const length = i === 0 ? written.length : 1 + random.integer(i);
        pieces.push(written.slice(at, at + length));
        at += length;
      }
      assert.deepEqual(parse(format, pieces), { text, calls }, JSON.stringify(pieces));
    }
  }
});

Deno.test("createToolCallParser() passes text on at once, and holds back what may become a call", () => {
  const parser = createToolCallParser("tags");
  assert.equal(parser.push("Let me").text, "Let me");
  assert.equal(parser.push(" see <").text, " see");
  assert.equal(parser.push("b>").text, " <b>");
});
