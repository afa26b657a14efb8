import assert from "node:assert/strict";
import { renderedSegments, sourceSegments } from "../../src/datasets/preview.ts";
import type { Row } from "../../src/datasets/row.ts";
import { byteTokenizer } from "./byte_tokenizer.ts";

const chat: Row = {
  kind: "messages",
  messages: ["user", "assistant", "user", "assistant"].map((role, i) => ({
    role,
    content: `${i}é`,
  })),
  tools: undefined,
};

const marked = (segments: ReturnType<typeof sourceSegments>) =>
  segments.map(({ text, trained }) => trained ? `[${text}]` : text).join("");

Deno.test("renderedSegments() shows what the model sees and marks what is trained", () => {
  const place = { path: "a.jsonl", line: 1 };
  const tokenizer = byteTokenizer(); // whose special tokens have no text
  assert.equal(
    marked(renderedSegments(chat, { tokenizer, place })),
    "user:0éassistant:[1é]user:2éassistant:[3é]",
  );
});

Deno.test("sourceSegments() marks the trained parts of each kind of row", () => {
  const rows: [Row, string][] = [
    [chat, "user: 0é\nassistant: [1é]\nuser: 2é\nassistant: [3é]"],
    [{ kind: "completion", prompt: "a", completion: "b" }, "a[b]"],
    [{ kind: "text", text: "a" }, "[a]"],
    [
      {
        kind: "tokens",
        inputIds: Int32Array.of(1, 2, 3, 4),
        labels: Int32Array.of(1, -100, 3, 4),
      },
      "1 2[ 3 4]",
    ],
  ];
  for (const [row, expected] of rows) assert.equal(marked(sourceSegments(row)), expected);
});
