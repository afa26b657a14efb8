import assert from "node:assert/strict";
import fc from "fast-check";
import { chooseGroups } from "../../src/datasets/choose_rows.ts";

const groups = fc.array(fc.tuple(fc.integer({ min: 0, max: 3 }), fc.integer({ min: 1, max: 4 })), {
  minLength: 1,
  maxLength: 60,
});

Deno.test("chooseGroups() chooses no more rows than wanted, and as many where groups are single rows", () => {
  fc.assert(
    fc.property(
      groups,
      fc.double({ min: 0, max: 1, noNaN: true }),
      fc.nat(),
      (list, part, seed) => {
        for (const single of [true, false]) {
          const files = Int32Array.from(list, ([file]) => file);
          const rows = Int32Array.from(list, ([, rows]) => single ? 1 : rows);
          const total = rows.reduce((sum, each) => sum + each, 0);
          const wanted = Math.floor(part * total);
          const chosen = chooseGroups({ files, rows }, { rows: wanted, seed });
          const count = rows.reduce((sum, each, i) => sum + chosen[i]! * each, 0);
          assert.ok(single ? count === wanted : count <= wanted);
          assert.deepEqual(chooseGroups({ files, rows }, { rows: wanted, seed }), chosen);
          if (!single) continue;
          for (const file of new Set(files)) {
            const ofFile = files.filter((each) => each === file).length;
            const chosenOfFile = files.filter((each, i) => each === file && chosen[i] === 1).length;
            assert.ok(Math.abs(chosenOfFile - wanted * ofFile / total) <= 1);
          }
        }
      },
    ),
  );
});
