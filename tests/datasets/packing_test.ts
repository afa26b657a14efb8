import assert from "node:assert/strict";
import fc from "fast-check";
import { packExamples, type Packing } from "../../src/datasets/packing.ts";

/** Best-fit decreasing as it is told in words: into the fullest row that takes it, else into a new one. */
function bruteForce(lengths: readonly number[], maxLength: number): number[] {
  const rows: number[] = [];
  for (const length of lengths.toSorted((a, b) => b - a)) {
    const best = rows.map((filled, row) => ({ filled, row }))
      .filter(({ filled }) => filled + length <= maxLength)
      .sort((a, b) => b.filled - a.filled)[0];
    if (best === undefined) rows.push(length);
    else rows[best.row]! += length;
  }
  return rows.sort((a, b) => a - b);
}

function rowsOf({ members, offsets }: Packing): number[][] {
  return Array.from(
    { length: offsets.length - 1 },
    (_, row) => [...members.subarray(offsets[row], offsets[row + 1])],
  );
}

const inputs = fc.integer({ min: 1, max: 60 }).chain((maxLength) =>
  fc.record({
    maxLength: fc.constant(maxLength),
    lengths: fc.array(fc.integer({ min: 1, max: maxLength }), { maxLength: 80 }),
    window: fc.integer({ min: 1, max: 100 }),
    cut: fc.nat(80),
  })
);

Deno.test("packExamples() fills rows as best-fit decreasing by brute force does", () => {
  fc.assert(fc.property(inputs, ({ lengths, maxLength }) => {
    const { lengths: filled } = packExamples(Int32Array.from(lengths), { maxLength });
    assert.deepEqual([...filled].sort((a, b) => a - b), bruteForce(lengths, maxLength));
  }));
});

Deno.test("packExamples() gives every example one row of its window, and no row too much", () => {
  fc.assert(fc.property(inputs, ({ lengths, maxLength, window, cut }) => {
    const borders = cut < lengths.length ? [cut] : [];
    const packing = packExamples(Int32Array.from(lengths), { maxLength, window, borders });
    const rows = rowsOf(packing);
    assert.deepEqual(rows.flat().toSorted((a, b) => a - b), lengths.map((_, i) => i));
    const windowOf = (i: number) =>
      i < cut ? Math.floor(i / window) : 1000 + Math.floor((i - cut) / window);
    rows.forEach((row, i) => {
      assert.ok(row.length > 0);
      const filled = row.reduce((sum, example) => sum + lengths[example]!, 0);
      assert.equal(packing.lengths[i], filled);
      assert.ok(filled <= maxLength);
      assert.deepEqual(row, row.toSorted((a, b) => a - b));
      assert.equal(new Set(row.map(windowOf)).size, 1);
    });
    const windows = rows.map((row) => windowOf(row[0]!));
    assert.deepEqual(windows, windows.toSorted((a, b) => a - b), "windows follow each other");
    assert.deepEqual(
      packExamples(Int32Array.from(lengths), { maxLength, window, borders }),
      packing,
    );
  }));
});

Deno.test("packExamples() refuses an example that no row takes", () => {
  assert.throws(
    () => packExamples(Int32Array.of(3, 9), { maxLength: 8 }),
    /^RangeError: Cannot pack example 1 of 9 tokens into rows of 8$/,
  );
});
