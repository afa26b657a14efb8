import assert from "node:assert/strict";
import type { FormatChoice } from "../../src/datasets/formats.ts";
import { parseRecord } from "../../src/datasets/parse_row.ts";
import type { MessagesRow, Row } from "../../src/datasets/row.ts";
import { RowError, type RowProblemCode } from "../../src/datasets/row_error.ts";

const place = { path: "a.jsonl", line: 3 };
const parse = (json: Readonly<Record<string, unknown>>, format?: FormatChoice): Row =>
  parseRecord(json, { place, format }).row;

const user = (content: string) => ({ role: "user", content });
const assistant = (content: string) => ({ role: "assistant", content });

/** Returns the turns of a conversation as `role: content`, `*` before those that are trained. */
function turnsOf(row: Row): string[] {
  assert.equal(row.kind, "messages");
  const { messages, trained } = row as MessagesRow;
  return messages.map(({ role, content }, i) =>
    `${role === "assistant" && trained?.[i] !== false ? "*" : ""}${role}: ${content}`
  );
}

/** Rows as they are found on the hub and elsewhere, and the conversation that each is. */
const CONVERSATIONS: Readonly<
  Record<string, readonly [Record<string, unknown>, readonly string[]]>
> = {
  "Alpaca": [{ instruction: "a", input: "", output: "b" }, ["user: a", "*assistant: b"]],
  "Alpaca with all fields": [
    { instruction: "a", input: "b", output: "c", system: "s", history: [["d", "e"], ["f", "g"]] },
    [
      "system: s",
      "user: d",
      "*assistant: e",
      "user: f",
      "*assistant: g",
      "user: a\nb",
      "*assistant: c",
    ],
  ],
  "Dolly": [
    { instruction: "a", context: "b", response: "c", category: "qa" },
    ["user: a\nb", "*assistant: c"],
  ],
  "ShareGPT": [
    {
      system: "s",
      conversations: [{ from: "human", value: "a" }, { from: "gpt", value: "b" }],
    },
    ["system: s", "user: a", "*assistant: b"],
  ],
  "ShareGPT with a system turn": [
    {
      system: "",
      conversations: [
        { from: "system", value: "s" },
        { from: "user", value: "a" },
        { from: "assistant", value: "b" },
      ],
    },
    ["system: s", "user: a", "*assistant: b"],
  ],
  "messages under another key": [
    { conversation: [user("a"), assistant("b")] },
    ["user: a", "*assistant: b"],
  ],
  "messages as JSON in a text": [
    { messages: JSON.stringify([user("a"), assistant("b")]) },
    ["user: a", "*assistant: b"],
  ],
  "parts": [
    {
      messages: [
        { role: "user", content: [{ type: "text", text: "a" }, { type: "text", text: "b" }] },
        { role: "assistant", content: ["c", { type: "text", value: "d" }] },
      ],
    },
    ["user: ab", "*assistant: cd"],
  ],
  "weights": [
    {
      messages: [
        user("a"),
        { ...assistant("b"), weight: 0 },
        user("c"),
        { ...assistant("d"), weight: 1 },
        { ...user("e"), weight: 0 },
        assistant("f"),
      ],
    },
    ["user: a", "assistant: b", "user: c", "*assistant: d", "user: e", "*assistant: f"],
  ],
  "LLaMA-Factory's weights": [
    {
      messages: [
        { role: "user", content: "a", loss_weight: 0.0 },
        { role: "assistant", content: "b", loss_weight: 1.0 },
      ],
    },
    ["user: a", "*assistant: b"],
  ],
  "a prompt that is a conversation": [
    { prompt: [user("a"), assistant("b"), user("c")], completion: [assistant("d")] },
    ["user: a", "assistant: b", "user: c", "*assistant: d"],
  ],
  "a prompt that is a conversation and a text": [
    { prompt: [user("a")], completion: "b" },
    ["user: a", "*assistant: b"],
  ],
  "gsm8k": [{ question: "a", answer: "b" }, ["user: a", "*assistant: b"]],
  "Orca": [
    { system_prompt: "s", question: "a", response: "b", id: "1" },
    ["system: s", "user: a", "*assistant: b"],
  ],
  "prompt and response": [{ prompt: "a", response: "b" }, ["user: a", "*assistant: b"]],
  "input and output": [{ input: "a", output: "b" }, ["user: a", "*assistant: b"]],
  "MetaMath": [{ query: "a", response: "b", type: "c" }, ["user: a", "*assistant: b"]],
  "the Python platform's skills": [
    { id: "1", user_prompt: "a", assistant_response: "b", rubric: "c" },
    ["user: a", "*assistant: b"],
  ],
  "the Python platform's puzzles": [
    { prompt: "a", solution: "b", solution_text: "c" },
    ["user: a", "*assistant: b"],
  ],
};

for (const [name, [json, turns]] of Object.entries(CONVERSATIONS)) {
  Deno.test(`parseRecord() reads the form of ${name}`, () => {
    assert.deepEqual(turnsOf(parse(json)), turns);
  });
}

/** Preference rows, and what `chosen` makes of them. */
const PREFERENCES: Readonly<Record<string, readonly [Record<string, unknown>, readonly string[]]>> =
  {
    "DPO": [{ prompt: "a", chosen: "b", rejected: "c" }, ["user: a", "*assistant: b"]],
    "DPO with conversations": [
      {
        prompt: [user("a"), assistant("b"), user("c")],
        chosen: [assistant("d")],
        rejected: [assistant("e")],
      },
      ["user: a", "assistant: b", "user: c", "*assistant: d"],
    ],
    "DPO whose prompt is in the answers": [
      { chosen: [user("a"), assistant("b")], rejected: [user("a"), assistant("c")] },
      ["user: a", "*assistant: b"],
    ],
    "DPO whose prompt is there twice": [
      { prompt: "a", chosen: [user("a"), assistant("b")], rejected: [user("a"), assistant("c")] },
      ["user: a", "*assistant: b"],
    ],
    "ShareGPT": [
      {
        conversations: [{ from: "human", value: "a" }],
        chosen: { from: "gpt", value: "b" },
        rejected: { from: "gpt", value: "c" },
      },
      ["user: a", "*assistant: b"],
    ],
    "Alpaca": [
      { instruction: "a", input: "b", output: "c", chosen: "d", rejected: "e" },
      ["user: a\nb", "*assistant: d"],
    ],
    "LLaMA-Factory": [
      {
        chosen_messages: [user("a"), assistant("b")],
        rejected_messages: [user("a"), assistant("c")],
      },
      ["user: a", "*assistant: b"],
    ],
    "KTO": [
      { messages: [user("a"), assistant("b")], label: true },
      ["user: a", "*assistant: b"],
    ],
    "KTO in ShareGPT's form": [
      {
        conversations: [{ from: "human", value: "a" }, { from: "gpt", value: "b" }],
        kto_tag: true,
      },
      ["user: a", "*assistant: b"],
    ],
  };

const assertProblem = (run: () => unknown, code: RowProblemCode, message: RegExp) =>
  assert.throws(run, (error) => {
    assert.ok(error instanceof RowError);
    assert.equal(error.problem.code, code, error.message);
    assert.match(error.message, message);
    return true;
  });

for (const [name, [json, turns]] of Object.entries(PREFERENCES)) {
  Deno.test(`parseRecord() tells preference rows of ${name} and reads their chosen answer`, () => {
    assertProblem(
      () => parse(json),
      "preference-row",
      /training by preference \(DPO, KTO\), which is not there yet; give "--format chosen"/,
    );
    assert.deepEqual(turnsOf(parse(json, "chosen")), turns);
  });
}

Deno.test("parseRecord() passes over fields that are null, as rows of tables have them", () => {
  const nothing = { messages: null, conversations: null, chosen: null, rejected: null, text: null };
  const pair = { ...nothing, question: null, query: "a", answer: null, response: "b" };
  assert.deepEqual(turnsOf(parse(pair)), ["user: a", "*assistant: b"]);
  assert.deepEqual(turnsOf(parse({ ...nothing, conversation: [user("a"), assistant("b")] })), [
    "user: a",
    "*assistant: b",
  ]);
  assert.deepEqual(parse({ ...nothing, text: "a" }), { kind: "text", text: "a" });
  assertProblem(() => parse({ messages: null }), "wrong-type", /"messages" must be a list/);
  assertProblem(() => parse({ question: "a", answer: null }), "wrong-type", /"answer" .* is null/);
});

Deno.test("parseRecord() finds mistakes in preference rows", () => {
  const bad = { messages: [user("a"), assistant("b")], label: false };
  assertProblem(() => parse(bad, "chosen"), "preference-row", /its answer is called bad/);
  assertProblem(
    () => parse({ ...bad, label: "yes" }, "chosen"),
    "wrong-type",
    /"label" must be true/,
  );
  const row = { prompt: "a", chosen: "b" };
  assertProblem(() => parse({ ...row, rejected: "" }), "empty-answer", /"rejected" is empty/);
  assertProblem(() => parse({ ...row, rejected: 3 }), "wrong-type", /"rejected" must be a list/);
  assertProblem(
    () => parse({ ...row, text: "c" }, "chosen"),
    "missing-field",
    /"chosen" and "rejected"/,
  );
});

Deno.test("parseRecord() reads calls of functions in every spelling", () => {
  const expected = { type: "function", function: { name: "f", arguments: { x: 1 } } };
  const callOf = (json: Record<string, unknown>) => {
    const { messages } = parse(json) as MessagesRow;
    const calls = messages.flatMap(({ tool_calls }) => tool_calls ?? []) as { id?: string }[];
    return { calls: calls.map(({ id: _, ...call }) => call), messages };
  };
  const said = { name: "f", arguments: { x: 1 } };
  const openai = (more: Record<string, unknown>) => ({
    messages: [user("a"), { role: "assistant", content: null, ...more }, assistant("b")],
  });
  const spellings = [
    openai({ tool_calls: [{ id: "1", type: "function", function: said }] }),
    openai({ tool_calls: [said] }),
    openai({ function_call: said }),
    openai({ content: [{ type: "tool_call", value: JSON.stringify(said) }] }),
    {
      conversations: [
        { from: "human", value: "a" },
        { from: "function_call", value: JSON.stringify(said) },
        { from: "observation", value: "1" },
        { from: "gpt", value: "b" },
      ],
    },
  ];
  for (const row of spellings) assert.deepEqual(callOf(row).calls, [expected], JSON.stringify(row));
  const { messages } = callOf(spellings.at(-1)!);
  assert.deepEqual(messages[1]!.tool_calls, [{ id: "call00001", ...expected }]);
  assert.equal(messages[2]!.tool_call_id, "call00001");
});

Deno.test("parseRecord() joins what the assistant says with the call that follows", () => {
  const { messages } = parse({
    conversations: [
      { from: "human", value: "a" },
      { from: "gpt", value: "let me see" },
      { from: "function_call", value: '[{"name": "f"}, {"name": "g", "arguments": {}}]' },
      { from: "observation", value: "1" },
      { from: "observation", value: "2" },
      { from: "gpt", value: "b" },
    ],
    tools: '[{"name": "f"}]',
  }) as MessagesRow;
  assert.equal(messages.length, 5);
  assert.equal(messages[1]!.content, "let me see");
  assert.equal(messages[1]!.tool_calls!.length, 2);
  assert.deepEqual(messages.slice(2, 4).map(({ tool_call_id }) => tool_call_id), [
    "call00001",
    "call00002",
  ]);
});

Deno.test("parseRecord() keeps what the assistant thinks and variables of the template", () => {
  const thought = { role: "assistant", content: "b", reasoning_content: "because" };
  const parts = [{ type: "reasoning", value: "because" }, { type: "text", value: "b" }];
  for (const message of [thought, { role: "assistant", content: parts }]) {
    const row = parse({
      messages: [user("a"), message],
      chat_template_kwargs: { enable_thinking: true },
      parallel_tool_calls: false,
    }) as MessagesRow;
    assert.deepEqual(row.messages[1], thought);
    assert.deepEqual(row.templateVariables, { enable_thinking: true, parallel_tool_calls: false });
  }
});

Deno.test("parseRecord() reads token rows without labels and with masks", () => {
  const labels = (json: Record<string, unknown>) => {
    const row = parse({ input_ids: [1, 2, 3], ...json });
    assert.equal(row.kind, "tokens");
    return row.kind === "tokens" ? [...row.labels] : [];
  };
  assert.deepEqual(labels({}), [1, 2, 3]);
  assert.deepEqual(labels({ completion_mask: [0, 0, 1] }), [-100, -100, 3]);
  assert.deepEqual(labels({ assistant_masks: "[0, 1, 1]" }), [-100, 2, 3]);
  assertProblem(() => labels({ completion_mask: [1] }), "length-mismatch", /"completion_mask" 1;/);
});

/** Rows that are refused in the forms that parse_row_test.ts does not have. */
const MISTAKES: readonly (readonly [Record<string, unknown>, RowProblemCode, RegExp])[] = [
  [{ instruction: "a", output: "" }, "empty-answer", /"output" is empty/],
  [{ instruction: "a", output: null }, "wrong-type", /"output" must be a string: .* null/],
  [{ instruction: " ", output: "b" }, "empty-content", /"instruction" is empty/],
  [{ instruction: "a", input: 3, output: "b" }, "wrong-type", /"input" must be a string/],
  [
    { instruction: "a", output: "b", history: "x" },
    "wrong-type",
    /"history" must be a list of pairs/,
  ],
  [
    { instruction: "a", output: "b", history: [["x"]] },
    "wrong-type",
    /"history" must be a list of pairs/,
  ],
  [{ question: "a", answer: 42 }, "wrong-type", /"answer" must be a string: current value is 42/],
  [{ question: "", answer: "b" }, "empty-content", /"question" is empty/],
  [{ conversations: [{ from: "human", value: "a" }] }, "no-assistant-turn", /nothing to train/],
  [
    { conversations: [{ from: "me", value: "a" }] },
    "unknown-role",
    /"conversations\[0\]\.from" must be/,
  ],
  [
    { conversations: [{ from: "gpt" }] },
    "missing-field",
    /"conversations\[0\]\.value" .* is missing/,
  ],
  [
    { conversations: [{ from: "gpt", value: 1 }] },
    "wrong-type",
    /"conversations\[0\]\.value" must be/,
  ],
  [
    { conversations: [{ from: "gpt", value: "" }] },
    "empty-answer",
    /"conversations\[0\]\.value" is empty/,
  ],
  [{ conversations: [] }, "empty-messages", /at least one message/],
  [
    { conversations: [{ from: "function_call", value: "f(x)" }] },
    "bad-tool-call",
    /must be a call/,
  ],
  [{ messages: [user("a"), { ...assistant("b"), weight: 0.5 }] }, "bad-weight", /must be 0 or 1/],
  [
    { messages: [{ ...user("a"), weight: 1 }, assistant("b")] },
    "bad-weight",
    /only what the assistant/,
  ],
  [
    { messages: [user("a"), { ...assistant("b"), weight: 0 }] },
    "nothing-trained",
    /has the weight 0/,
  ],
  [{ messages: [{ content: "a" }] }, "missing-field", /"messages\[0\]\.role" .* it is missing/],
  [{ messages: [user("a"), assistant("b")], images: ["a.png"] }, "unsupported-content", /"images"/],
  [
    {
      messages: [user("a"), { role: "assistant", tool_calls: [{ function: { arguments: "{}" } }] }],
    },
    "bad-tool-call",
    /must have the name of the function/,
  ],
  [
    { messages: [user("a"), { role: "assistant", tool_calls: [{ name: "f", arguments: "{" }] }] },
    "bad-tool-call",
    /are not valid JSON/,
  ],
  [
    { messages: [user("a"), assistant("b")], chat_template_kwargs: [1] },
    "bad-template-variables",
    /must be an object/,
  ],
];

for (const [json, code, message] of MISTAKES) {
  Deno.test(`parseRecord() refuses ${JSON.stringify(json)} for ${code}`, () => {
    assertProblem(() => parse(json), code, message);
  });
}
