import assert from "node:assert/strict";
import fc from "fast-check";
import { createStopMatcher } from "../../../src/inference/generation/stop_strings.ts";

function run(pieces: readonly string[], stops: readonly string[]): [string, boolean] {
  const matcher = createStopMatcher(stops);
  let output = "";
  for (const piece of pieces) {
    const { text, stopped } = matcher.push(piece);
    output += text;
    if (stopped) return [output, true];
  }
  return [output + matcher.end(), false];
}

/** The same by brute force: the shortest beginning of `text` that ends with a stop string, without that string. */
function bruteForce(text: string, stops: readonly string[]): [string, boolean] {
  for (let end = 1; end <= text.length; end++) {
    const found = stops.filter((stop) => text.slice(0, end).endsWith(stop));
    const longest = Math.max(...found.map((stop) => stop.length));
    if (found.length > 0) return [text.slice(0, end - longest), true];
  }
  return [text, false];
}

const letters = fc.constantFrom("a", "b", "c");
const pieces = fc.array(fc.string({ unit: letters, maxLength: 6 }), { maxLength: 12 });
const stops = fc.array(fc.string({ unit: letters, minLength: 1, maxLength: 4 }), { maxLength: 3 });

Deno.test("createStopMatcher() gives the same for any cutting into pieces", () => {
  fc.assert(
    fc.property(pieces, stops, (pieces, stops) => {
      assert.deepEqual(run(pieces, stops), bruteForce(pieces.join(""), stops));
    }),
    { numRuns: 2000 },
  );
});

Deno.test("createStopMatcher() holds back no more than might become a stop string", () => {
  fc.assert(fc.property(pieces, stops, (pieces, stops) => {
    const matcher = createStopMatcher(stops);
    let given = "";
    let passed = "";
    for (const piece of pieces) {
      const { text, stopped } = matcher.push(piece);
      if (stopped) return;
      given += piece;
      passed += text;
      const held = given.slice(passed.length);
      assert.equal(passed + held, given);
      assert.ok(held === "" || stops.some((stop) => stop.startsWith(held)), held);
    }
  }));
});

Deno.test("createStopMatcher() refuses an empty stop string", () => {
  assert.throws(() => createStopMatcher(["a", ""]), RangeError);
});
