import assert from "node:assert/strict";
import {
  checkDecoding,
  checkRepetition,
  checkText,
} from "../../../src/datasets/validation/check_text.ts";

const codes = (text: string, isRaw = false) =>
  checkText(text, { key: "text", isRaw }).map(({ code }) => code);

Deno.test("checkText() finds broken characters and where they are", () => {
  assert.deepEqual(codes("\ud83d"), ["lone-surrogate"]);
  assert.deepEqual(codes("a\udc00b"), ["lone-surrogate"]);
  assert.deepEqual(codes("a\0b"), ["null-character"]);
  assert.deepEqual(codes("a\ufffdb"), ["replacement-character"]);
  assert.deepEqual(codes("a\ufffdb", true), ["damaged-text"]);
  assert.deepEqual(codes("a\x07b"), ["control-character"]);
  assert.deepEqual(codes("a\x9fb"), ["control-character"]);
  const [found] = checkText("ab😀\ud83d", { key: "messages[1].content" });
  assert.match(found!.message, /"messages\[1\]\.content" .*U\+D83D, at character 4$/);
});

Deno.test("checkText() finds what chat templates write", () => {
  const markup = ["<|im_end|>", "<|endoftext|>", "<|eot_id|>", "<start_of_turn>", "[/INST]"];
  for (const text of [...markup, "<<SYS>>", "<|start_header_id|>", "<｜end▁of▁sentence｜>"]) {
    assert.deepEqual(codes(`What is ${text}?`), ["template-markup"], text);
  }
});

Deno.test("checkText() finds nothing in good texts", () => {
  const texts = [
    "",
    "plain",
    "tabs\tand\nlines\r\n",
    "emoji 👩‍👩‍👧 and flags 🇩🇪, é, 漢字, العربية, e\u0301",
    "\ufeffwith a byte order mark",
    "a < b | c > d, <b>bold</b>, x <| y, cout << x; f(a) |> g",
    "[INS] <s>struck</s> <think>yes</think>",
  ];
  for (const text of texts) assert.deepEqual(codes(text), [], text);
});

Deno.test("checkDecoding() and checkRepetition() find wrongly decoded and repeated text", () => {
  const wrong = (text: string) => checkDecoding(text, { key: "text" }).map(({ code }) => code);
  for (const text of ["cafÃ©", "itâ€™s", "Â£5"]) assert.deepEqual(wrong(text), ["mojibake"], text);
  for (const text of ["café", "ÃO", "Âme", "it’s 5 £"]) assert.deepEqual(wrong(text), [], text);
  const repeated = (text: string) => checkRepetition(text, { key: "text" }).length;
  assert.equal(repeated("no ".repeat(20)), 1);
  assert.equal(repeated("no yes ".repeat(20)), 0);
});
