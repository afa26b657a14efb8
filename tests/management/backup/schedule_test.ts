import assert from "node:assert/strict";
import fc from "fast-check";
import { nextDaily } from "../../../src/management/backup/schedule.ts";

const at = (day: number, hour: number, minute = 0) =>
  new Date(2026, 10, day, hour, minute).getTime();

Deno.test("nextDaily() is once a day at its time, and at once if that was missed", () => {
  const cases: readonly (readonly [last: number | undefined, now: number, next: number])[] = [
    [undefined, at(10, 1), at(9, 3)],
    [undefined, at(10, 4), at(10, 3)],
    [at(10, 3), at(10, 4), at(11, 3)],
    [at(10, 3), at(11, 2, 59), at(11, 3)],
    [at(9, 3), at(10, 4), at(10, 3)],
    [at(5, 3), at(10, 1), at(9, 3)],
    [at(10, 2), at(10, 4), at(10, 3)], // one by hand before its time
    [at(10, 15), at(10, 16), at(11, 3)],
  ];
  for (const [lastMs, nowMs, next] of cases) {
    assert.equal(nextDaily({ at: "03:00", lastMs, nowMs }), next, String([lastMs, nowMs]));
  }
});

Deno.test("nextDaily() makes one backup a day whenever it is asked, in any year", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 2 ** 41 }),
      fc.integer({ min: 0, max: 23 }),
      fc.integer({ min: 5, max: 300 }),
      (startMs, hour, stepMinutes) => {
        const time = `${String(hour).padStart(2, "0")}:30`;
        let lastMs: number | undefined;
        let made = 0;
        const days = 5;
        for (
          let nowMs = startMs;
          nowMs < startMs + days * 86_400_000;
          nowMs += stepMinutes * 60_000
        ) {
          if (nextDaily({ at: time, lastMs, nowMs }) > nowMs) continue;
          lastMs = nowMs;
          made++;
        }
        assert.ok(made >= days - 1 && made <= days + 1, `${made} backups in ${days} days`);
      },
    ),
  );
});
