import assert from "node:assert/strict";
import { parseRow } from "../../src/datasets/parse_row.ts";
import { UserError } from "../../src/utils/errors.ts";

const place = { path: "data.jsonl", line: 7 };
const parse = (json: unknown, vocabSize?: number) =>
  parseRow(typeof json === "string" ? json : JSON.stringify(json), { place, vocabSize });

const turn = (role: string, content: unknown = "x") => ({ role, content });

Deno.test("parseRow() recognises each kind by its keys and forgives others", () => {
  const messages = [turn("system"), turn("user"), turn("assistant", "y")];
  const cases: [unknown, unknown][] = [
    [{ messages, metadata: { a: 1 } }, { kind: "messages", messages, tools: undefined }],
    [{ prompt: "a", completion: "b", id: 3 }, { kind: "completion", prompt: "a", completion: "b" }],
    [{ prompt: "a", messages }, { kind: "messages", messages, tools: undefined }],
    [{ text: "a", source: null }, { kind: "text", text: "a" }],
    [
      { input_ids: [1, 2], labels: [-100, 2], text: "a" },
      { kind: "tokens", inputIds: Int32Array.of(1, 2), labels: Int32Array.of(-100, 2) },
    ],
  ];
  for (const [json, row] of cases) assert.deepEqual(parse(json), { row, warnings: [] });
});

Deno.test("parseRow() keeps calls of tools and the fields that templates read", () => {
  const tool_calls = [{ id: "1", type: "function", function: { name: "f", arguments: "{}" } }];
  const messages = [
    turn("user"),
    { role: "assistant", content: null, tool_calls },
    { role: "tool", content: "", tool_call_id: "1", name: null },
    { role: "assistant", content: "y", reasoning_content: "because" },
  ];
  const { row, warnings } = parse({ messages, tools: [{ type: "function" }] });
  assert.deepEqual(warnings, []);
  assert.deepEqual(row, {
    kind: "messages",
    messages: [
      messages[0],
      { role: "assistant", content: "", tool_calls },
      { role: "tool", content: "", tool_call_id: "1" },
      messages[3],
    ],
    tools: [{ type: "function" }],
  });
});

Deno.test("parseRow() cuts padding off by the attention mask", () => {
  const { row } = parse({
    input_ids: [0, 5, 6, 0],
    labels: [-100, 5, 6, -100],
    attention_mask: [0, 1, 1, 0],
  });
  assert.deepEqual(row, {
    kind: "tokens",
    inputIds: Int32Array.of(5, 6),
    labels: Int32Array.of(5, 6),
  });
});

const tokens = (more: Record<string, unknown>) => ({ input_ids: [1, 2], labels: [1, 2], ...more });

/** Lines that are not rows, and what is said. */
const MISTAKES: Readonly<Record<string, readonly [unknown, RegExp]>> = {
  "broken JSON": ['{"text": "a"', /it is not valid JSON, Expected .* in JSON at position 12/],
  "no object": ["3", /it is not a JSON object but 3/],
  "null": ["null", /it is not a JSON object but null/],
  "an array": ["[]", /not a JSON object but an array/],
  "unknown keys": [
    { Title: "a", Body: "b" },
    /its fields are "Title", "Body"; known are tokens \(input_ids\), .*messages \(messages\)/,
  ],
  "no keys": [{}, /it has no fields; known are/],
  "a prompt without completion": [{ prompt: "a" }, /its fields are "prompt"/],
  "a prompt that is a number": [
    { prompt: 3, completion: "a" },
    /"prompt" must be a string: current value is 3/,
  ],
  "an empty completion": [{ prompt: "a", completion: "" }, /"completion" is empty/],
  "an empty text": [{ text: "" }, /"text" is empty/],
  "text that is a number": [{ text: 3 }, /"text" must be a string/],
  "messages that are none": [{ messages: "hello" }, /"messages" must be a list/],
  "no messages": [{ messages: [] }, /"messages" must be a list of at least one message/],
  "a message that is text": [{ messages: ["hello"] }, /"messages\[0\]" must be an object/],
  "an unknown role": [
    { messages: [turn("user"), turn("bot")] },
    /"messages\[1\]\.role" must be one of .*"assistant".*: current value is "bot"/,
  ],
  "content that is null": [
    { messages: [turn("user"), turn("assistant", null)] },
    /"messages\[1\]\.content" must be a string/,
  ],
  "content that is an object": [
    { messages: [turn("user", { text: "a" }), turn("assistant")] },
    /"messages\[0\]\.content" must be a string: current value is \{"text":"a"\}/,
  ],
  "an image": [
    { messages: [turn("user", [{ type: "image_url", image_url: {} }]), turn("assistant")] },
    /"messages\[0\]\.content\[0\]" is a part of type "image_url"; .* reads text only/,
  ],
  "empty content": [
    { messages: [turn("user"), turn("assistant", " ")] },
    /"messages\[1\]\.content" is empty; write what the assistant says or remove/,
  ],
  "a name that is no text": [
    { messages: [{ ...turn("user"), name: 3 }, turn("assistant")] },
    /"messages\[0\]\.name" must be a string/,
  ],
  "no turn of the assistant": [
    { messages: [turn("system"), turn("user")] },
    /no message of the assistant, so there is nothing to train/,
  ],
  "tools that are text": [
    { messages: [turn("user"), turn("assistant")], tools: "search" },
    /"tools" must be a list of functions, or the JSON of one/,
  ],
  "unequal lengths": [tokens({ labels: [1] }), /"input_ids" has 2 items and "labels" 1/],
  "labels that are none": [tokens({ labels: null }), /"labels" must be a list of whole numbers/],
  "an id that is text": [
    tokens({ input_ids: [1, "2"] }),
    /"input_ids\[1\]" must be a whole number: current value is "2"/,
  ],
  "a fraction": [
    tokens({ input_ids: [1, 2.5] }),
    /"input_ids\[1\]" must be a whole number: .* 2\.5/,
  ],
  "an id beyond the vocabulary": [
    tokens({ input_ids: [1, 10] }),
    /"input_ids\[1\]" is 10, but the model's token ids are from 0 to 9; was the row made/,
  ],
  "a negative id": [tokens({ input_ids: [-100, 2] }), /"input_ids\[0\]" is -100/],
  "a label beyond the vocabulary": [tokens({ labels: [1, 10] }), /0 to 9 or -100/],
  "nothing trained": [tokens({ labels: [-100, -100] }), /"labels" are all -100 after the first/],
  "only the first trained": [
    tokens({ labels: [1, -100] }),
    /"labels" are all -100 after the first/,
  ],
  "no tokens": [{ input_ids: [], labels: [] }, /nothing to train/],
  "a short mask": [
    tokens({ attention_mask: [1] }),
    /"input_ids" has 2 items and "attention_mask" 1/,
  ],
  "a mask with a hole": [
    { input_ids: [1, 2, 3], labels: [1, 2, 3], attention_mask: [1, 0, 1] },
    /"attention_mask" must be 1 for one stretch/,
  ],
  "a mask of other numbers": [tokens({ attention_mask: [2, 2] }), /"attention_mask" must be 1/],
  "a mask that hides all": [tokens({ attention_mask: [0, 0] }), /nothing to train/],
};

for (const [mistake, [json, message]] of Object.entries(MISTAKES)) {
  Deno.test(`parseRow() refuses ${mistake}`, () => {
    assert.throws(() => parse(json, 10), (error) => {
      assert.ok(error instanceof UserError);
      assert.match(error.message, /^Cannot use line 7 of "data\.jsonl": /);
      assert.match(error.message, message);
      return true;
    });
  });
}

/** Orders of roles, and the warning each brings. */
const ORDERS: readonly (readonly [string, RegExp | undefined])[] = [
  ["system user assistant user assistant", undefined],
  ["developer user assistant tool assistant", undefined],
  ["user system assistant", /a system message is not at the beginning/],
  ["assistant", /the first turn is not the user's/],
  ["user user assistant", /two turns in a row are of the same role/],
  ["user assistant user", /the last turn is not the assistant's/],
];

for (const [order, warning] of ORDERS) {
  Deno.test(`parseRow() on the order "${order}" ${warning ? "warns" : "is content"}`, () => {
    const { warnings } = parse({ messages: order.split(" ").map((role) => turn(role)) });
    assert.equal(warnings.length, warning === undefined ? 0 : 1);
    if (warning !== undefined) assert.match(warnings[0]!, warning);
  });
}
