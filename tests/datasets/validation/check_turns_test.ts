import assert from "node:assert/strict";
import type { ChatMessage } from "../../../src/models/tokenizer/tokenizer.ts";
import { checkTurns } from "../../../src/datasets/validation/check_turns.ts";

const call = (...ids: string[]): ChatMessage => ({
  role: "assistant",
  content: "",
  tool_calls: ids.map((id) => ({
    ...id === "" ? {} : { id },
    type: "function",
    function: { name: "f", arguments: "{}" },
  })),
});
const answer = (tool_call_id?: string): ChatMessage => ({
  role: "tool",
  content: "1",
  ...tool_call_id === undefined ? {} : { tool_call_id },
});
const say = (role: string): ChatMessage => ({ role, content: "x" });
const [user, assistant, system] = [say("user"), say("assistant"), say("system")];

Deno.test("checkTurns() judges the order of turns and the answers of tools", () => {
  const cases: readonly [messages: readonly ChatMessage[], codes: readonly string[]][] = [
    [[user, assistant], []],
    [[system, user, assistant, user, assistant], []],
    [[system, say("developer"), user, assistant], []],
    [[user, assistant, system, user, assistant], ["system-not-first"]],
    [[assistant], ["first-turn-not-user"]],
    [[user, user, assistant], ["repeated-role"]],
    [[user, assistant, user], ["last-turn-untrained"]],
    [[user, call("a"), answer("a"), assistant], []],
    [[user, call("a", "b"), answer("b"), answer("a"), assistant], []],
    [[user, call("a", "b"), answer(), answer(), assistant], []],
    [[user, call("a", "b"), answer(), assistant], []],
    [[user, call(""), answer(), assistant], []],
    [[user, call("a"), answer("a"), call("b"), answer("b"), assistant], []],
    [[user, call("a")], []],
    [[user, call("a"), assistant], ["repeated-role", "tool-call-without-answer"]],
    [[user, call("a", "b"), answer("a"), assistant], ["tool-call-without-answer"]],
    [[user, call(""), user, assistant], ["tool-call-without-answer"]],
    [[user, answer("a"), assistant], ["tool-answer-without-call"]],
    [[user, call("a"), answer("b"), assistant], ["tool-answer-without-call"]],
    [[user, call("a"), answer("a"), answer("a"), assistant], ["tool-answer-without-call"]],
    [[user, assistant, answer(), assistant], ["tool-answer-without-call"]],
  ];
  for (const [messages, codes] of cases) {
    const shown = JSON.stringify(messages);
    assert.deepEqual(checkTurns(messages).map(({ code }) => code), codes, shown);
  }
});
