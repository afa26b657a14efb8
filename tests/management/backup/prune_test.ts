import assert from "node:assert/strict";
import fc from "fast-check";
import { planBackups } from "../../../src/management/backup/prune_backups.ts";
import type { NamedSnapshot } from "../../../src/management/backup/snapshot.ts";

const HOUR_MS = 3_600_000;
const NOW_MS = Date.UTC(2026, 10, 26, 12); // a Thursday

function snapshotsOf(agesHours: readonly number[]): readonly NamedSnapshot[] {
  return agesHours.toSorted((a, b) => b - a).map((age, i) => ({
    id: String(i).padStart(3, "0"),
    format: 1,
    created_at: new Date(NOW_MS - age * HOUR_MS).toISOString(),
    home: "/home",
    files: 1,
    size_bytes: 1,
    new_bytes: 1,
    tree: [],
    objects: {},
  }));
}

const keptAges = (ages: readonly number[], rules: Parameters<typeof planBackups>[1]["rules"]) =>
  planBackups(snapshotsOf(ages), { rules, nowMs: NOW_MS })
    .filter(({ action }) => action === "keep")
    .map(({ snapshot }) => (NOW_MS - Date.parse(snapshot.created_at)) / HOUR_MS);

Deno.test("planBackups() keeps the newest, and the newest of each day and week", () => {
  const ages = [1, 2, 11, 13, 20, 40, 70, 90, 170, 300, 340, 2000];
  assert.deepEqual(keptAges(ages, { keepLast: 2, keepDaily: 0, keepWeekly: 0 }), [2, 1]);
  assert.deepEqual(keptAges(ages, { keepLast: 1, keepDaily: 3, keepWeekly: 0 }), [40, 13, 1]);
  assert.deepEqual(keptAges(ages, { keepLast: 1, keepDaily: 0, keepWeekly: 3 }), [300, 90, 1]);
});

Deno.test("planBackups() never lets the newest go, nor more than one rule would", () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 0, max: 3000 }), { minLength: 1, maxLength: 40 }),
      fc.record({
        keepLast: fc.integer({ min: 1, max: 5 }),
        keepDaily: fc.integer({ min: 0, max: 10 }),
        keepWeekly: fc.integer({ min: 0, max: 10 }),
      }),
      (ages, rules) => {
        const lines = planBackups(snapshotsOf(ages), { rules, nowMs: NOW_MS });
        assert.equal(lines.length, ages.length);
        assert.equal(lines.at(-1)!.action, "keep");
        const kept = lines.filter(({ action }) => action === "keep").length;
        assert.ok(kept >= Math.min(ages.length, rules.keepLast));
        assert.ok(kept <= rules.keepLast + rules.keepDaily + rules.keepWeekly);
        // what one day keeps, the next keeps too where it is still asked for
        const fewer = planBackups(snapshotsOf(ages), {
          rules: { ...rules, keepDaily: 0 },
          nowMs: NOW_MS,
        });
        fewer.forEach(({ action }, i) =>
          action === "keep" && assert.equal(lines[i]!.action, "keep")
        );
      },
    ),
  );
});
