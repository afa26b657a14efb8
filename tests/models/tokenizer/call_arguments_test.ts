import assert from "node:assert/strict";
import { withObjectArguments } from "../../../src/models/tokenizer/call_arguments.ts";
import type { ChatMessage } from "../../../src/models/tokenizer/tokenizer.ts";

const call = (given: unknown) => ({
  id: "1",
  type: "function",
  function: { name: "f", arguments: given },
});
const said = (...calls: readonly unknown[]): readonly ChatMessage[] => [
  { role: "user", content: "a" },
  { role: "assistant", content: "", tool_calls: calls },
];

Deno.test("withObjectArguments() gives templates with tojson the object that the text is", () => {
  const template = "{{ tool_call.arguments | tojson }}";
  const calls = [call('{"a": [1]}'), call({ b: 2 }), call(""), {
    name: "g",
    arguments: '{"c": 3}',
  }];
  assert.deepEqual(
    withObjectArguments(said(...calls), template),
    said(call({ a: [1] }), call({ b: 2 }), call({}), { name: "g", arguments: { c: 3 } }),
  );
});

Deno.test("withObjectArguments() leaves alone what is no object, and templates that join texts", () => {
  const messages = said(call("not JSON"), call("[1]"), call({ a: 1 }));
  assert.equal(withObjectArguments(messages, "{{ arguments | tojson }}"), messages);
  const texts = said(call('{"a": 1}'));
  assert.equal(withObjectArguments(texts, "{{ '```' + arguments + '```' }}"), texts);
});
