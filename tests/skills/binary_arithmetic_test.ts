import assert from "node:assert/strict";
import { binaryArithmetic, type BinaryOperation, createRandom } from "../../src/skills/mod.ts";

/** Reads circled digits one by one; the generator goes through text. */
function value(circled: string): number {
  return Array.from(circled).reduce((sum, digit) => 2 * sum + (digit === "①" ? 1 : 0), 0);
}

/** What the operations mean, bit by bit where the generator uses the processor's. */
const EXPECTED: Readonly<Record<BinaryOperation, (a: number, b: number) => number | string>> = {
  decimal: (a) => a,
  binary: (a) => a,
  add: (a, b) => a + b,
  subtract: (a, b) => a - b,
  and: (a, b) => bits(a, b, (x, y) => x * y),
  or: (a, b) => bits(a, b, (x, y) => Math.max(x, y)),
  xor: (a, b) => bits(a, b, (x, y) => (x + y) % 2),
  multiply: (a, b) => a * b,
  compare: (a, b) => a === b ? "=" : a < b ? "<" : ">",
};

function bits(a: number, b: number, combine: (x: number, y: number) => number): number {
  let result = 0;
  for (let place = 1; place <= 4096; place *= 2) {
    result += place * combine(Math.floor(a / place) % 2, Math.floor(b / place) % 2);
  }
  return result;
}

Deno.test("binaryArithmetic.generate() asks what its answer answers", () => {
  const random = createRandom(3);
  const seen = new Set<string>();
  for (let i = 0; i < 700; i++) {
    const { operation, prompt, answer } = binaryArithmetic.generate(random, i % 7 + 1);
    const numbers = (prompt.match(/[⓪①]+|\d+/g) ?? []).map((text) =>
      /\d/.test(text) && !/[⓪①]/.test(text) ? Number(text) : value(text)
    );
    const expected = EXPECTED[operation](numbers[0]!, numbers[1] ?? 0);
    const given = /^[⓪①]+$/.test(answer) ? value(answer) : answer;
    assert.equal(String(given), String(expected), prompt);
    seen.add(operation);
  }
  assert.equal(seen.size, Object.keys(EXPECTED).length);
});

Deno.test("binaryArithmetic.score() takes the result alone, without leading zeros", () => {
  const item = { history: [], prompt: "", answer: "①⓪", operation: "add" } as const;
  assert.equal(binaryArithmetic.score(item, " ①⓪\n").correct, true);
  for (const text of ["⓪①⓪", "10", "2", "The result is ①⓪.", "①⓪ ①⓪", "①"]) {
    assert.equal(binaryArithmetic.score(item, text).correct, false, text);
  }
});
