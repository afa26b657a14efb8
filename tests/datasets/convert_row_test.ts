import assert from "node:assert/strict";
import {
  CONVERT_FORMS,
  type ConvertForm,
  convertRow,
  FORM_FIELDS,
} from "../../src/datasets/convert_row.ts";
import { parseRecord } from "../../src/datasets/parse_row.ts";
import type { JsonObject } from "../../src/utils/json.ts";

const place = { path: "a.jsonl", line: 1 };
const parse = (json: JsonObject) => parseRecord(json, { place }).row;
const convert = (json: JsonObject, form: ConvertForm) => convertRow(parse(json), form);

const user = (content: string) => ({ role: "user", content });
const assistant = (content: string) => ({ role: "assistant", content });
const call = { id: "call00001", type: "function", function: { name: "f", arguments: { x: 1 } } };

/** Rows with everything that a form may have. */
const ROWS: readonly JsonObject[] = [
  { messages: [user("a"), assistant("b")] },
  {
    messages: [
      { role: "system", content: "s" },
      user("a"),
      assistant("b"),
      user("c"),
      assistant("d"),
    ],
  },
  { messages: [user("a"), { ...assistant("b"), weight: 0 }, user("c"), assistant("d")] },
  {
    messages: [
      user("a"),
      { role: "assistant", content: "", tool_calls: [call] },
      { role: "tool", content: "1", tool_call_id: "call00001" },
      assistant("b"),
    ],
    tools: [{ type: "function", function: { name: "f" } }],
  },
  {
    messages: [user("a"), { ...assistant("b"), reasoning_content: "c" }],
    parallel_tool_calls: true,
    chat_template_kwargs: { enable_thinking: true },
  },
  {
    messages: [{ role: "developer", content: "s" }, { ...user("a"), name: "Ada" }, assistant("b")],
  },
  { prompt: "a", completion: "b" },
  { text: "a" },
  { input_ids: [1, 2], labels: [1, 2] },
];

Deno.test("convertRow() loses nothing: what is written reads as it was, or it is refused", () => {
  const kept: Record<string, number> = {};
  for (const json of ROWS) {
    for (const form of CONVERT_FORMS) {
      const { json: converted, reason } = convert(json, form);
      if (converted === undefined) {
        assert.ok(reason.length > 10);
        continue;
      }
      kept[form] = (kept[form] ?? 0) + 1;
      assert.ok(Object.keys(converted).every((key) => FORM_FIELDS[form].includes(key)));
      const row = parse(json);
      if (row.kind === "completion" && form !== "prompt-completion") continue; // two texts become turns
      const back = parse(converted);
      // turns of a prompt are not trained anyway
      const spelled = JSON.stringify(back).replace(/,"trained":\[[^\]]*\]/, "");
      const expected = JSON.stringify(row).replace(/,"trained":\[[^\]]*\]/, "");
      assert.equal(spelled, expected, form);
    }
  }
  assert.deepEqual(kept, { messages: 7, "prompt-completion": 6, alpaca: 3, sharegpt: 4, text: 2 });
});

Deno.test("convertRow() writes the fields that each form is known by", () => {
  const row = {
    messages: [
      { role: "system", content: "s" },
      user("a"),
      assistant("b"),
      user("c"),
      assistant("d"),
    ],
  };
  assert.deepEqual(convert(row, "alpaca").json, {
    instruction: "c",
    input: "",
    output: "d",
    system: "s",
    history: [["a", "b"]],
  });
  assert.deepEqual(convert(row, "sharegpt").json, {
    conversations: [
      { from: "human", value: "a" },
      { from: "gpt", value: "b" },
      { from: "human", value: "c" },
      { from: "gpt", value: "d" },
    ],
    system: "s",
  });
  assert.deepEqual(convert({ question: "a", answer: "b" }, "messages").json, {
    messages: [user("a"), assistant("b")],
  });
  assert.deepEqual(convert({ instruction: "a", output: "b" }, "prompt-completion").json, {
    prompt: [user("a")],
    completion: [assistant("b")],
  });
});

/** What a form has no place for. */
const REFUSED: readonly (readonly [JsonObject, ConvertForm, RegExp])[] = [
  [ROWS[1]!, "prompt-completion", /more than one answer is trained/],
  [ROWS[2]!, "alpaca", /no field for turns that are not trained/],
  [ROWS[3]!, "alpaca", /no field for tools/],
  [ROWS[4]!, "sharegpt", /no field for variables of the chat template/],
  [ROWS[5]!, "sharegpt", /no field for names/],
  [{ messages: [user("a"), user("b"), assistant("c")] }, "alpaca", /do not take turns/],
  [{ messages: [user("a"), assistant("b"), user("c")] }, "alpaca", /last turn is not answered/],
  [
    { messages: [{ role: "developer", content: "s" }, user("a"), assistant("b")] },
    "sharegpt",
    /no field for a message of the developer/,
  ],
  [{ text: "a" }, "messages", /a text has no turns/],
  [ROWS[0]!, "text", /only by the chat template/],
  [ROWS.at(-1)!, "messages", /token ids has no turns/],
];

for (const [json, form, reason] of REFUSED) {
  Deno.test(`convertRow() refuses ${JSON.stringify(json).slice(0, 60)} as ${form}`, () => {
    assert.match(convert(json, form).reason ?? "", reason);
  });
}
