import assert from "node:assert/strict";
import { drawHistogram } from "../../src/cli/histogram.ts";
import { legend, styled } from "../../src/cli/token_style.ts";

const PIECES = [
  { id: 1, text: "a", trained: false },
  { id: 2, text: " b", trained: true },
  { id: 3, text: "\nc", trained: true },
  { id: 4, text: "d", trained: false },
];

Deno.test("styled() marks what is trained, by colours or brackets, with ids where they are wanted", () => {
  const plain = { colours: false, ids: false };
  assert.equal(styled(PIECES, plain), "a⟦ b\nc⟧d");
  assert.equal(styled(PIECES, { ...plain, ids: true }), "a‹1› ⟦·b‹2› ↵\nc‹3›⟧ d‹4›");
  // each line by itself, so that a pager keeps the colours
  assert.equal(
    styled(PIECES, { ...plain, colours: true }),
    "\x1b[2ma\x1b[0m\x1b[32m b\x1b[0m\n\x1b[32mc\x1b[0m\x1b[2md\x1b[0m",
  );
  assert.equal(legend(plain), "⟦trained⟧, the rest is only read");
});

Deno.test("drawHistogram() draws bars in proportion, and something for every row", () => {
  const bins = [
    { from: 0, to: 9, count: 1 },
    { from: 10, to: 19, count: 4 },
    { from: 20, to: 20, count: 0 },
    { from: 21, to: 30, count: 1000 },
  ];
  assert.deepEqual(drawHistogram(bins, { unit: "tokens", width: 10 }), [
    "tokens  rows",
    "   0–9  ▏ 1",
    " 10–19  ▏ 4",
    "    20   0",
    " 21–30  ██████████ 1000",
  ]);
});
