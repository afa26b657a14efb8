import assert from "node:assert/strict";
import { nextTime, parseCron } from "../../../src/management/job_queue/cron.ts";

const MINUTE_MS = 60_000;

/** Whether a minute matches, by the words of crontab(5), without any of the search. */
function matches(expression: string, timeMs: number): boolean {
  const date = new Date(timeMs);
  const [minute, hour, day, month, weekday] = expression.split(" ");
  const one = (field: string, value: number, min = 0) =>
    field.split(",").some((item) => {
      const [range, step = "1"] = item.split("/");
      const [from, to = item.includes("/") ? "99" : from] = range === "*"
        ? ["0", "99"]
        : range!.split("-");
      const first = range === "*" ? min : Number(from);
      return value >= first && value <= Number(to) && (value - first) % Number(step) === 0;
    });
  const byDay = one(day!, date.getUTCDate(), 1);
  const byWeekday = one(weekday!, date.getUTCDay());
  return one(minute!, date.getUTCMinutes()) && one(hour!, date.getUTCHours()) &&
    one(month!, date.getUTCMonth() + 1, 1) &&
    (day!.startsWith("*") || weekday!.startsWith("*") ? byDay && byWeekday : byDay || byWeekday);
}

Deno.test("nextTime() agrees with a search through every minute", () => {
  const expressions = [
    "* * * * *",
    "*/15 * * * *",
    "30 4 * * *",
    "0 0 1 * *",
    "5,35 8-18/2 * * 1-5",
    "0 12 13 * 5",
    "59 23 31 12 *",
    "7 3 */10 2-4 *",
    "0/20 6 * * 0,6",
  ];
  for (const expression of expressions) {
    const cron = parseCron(expression);
    for (const start of [Date.UTC(2026, 0, 1), Date.UTC(2026, 10, 26, 14, 41, 7, 5)]) {
      let expected = Math.floor(start / MINUTE_MS) * MINUTE_MS + MINUTE_MS;
      while (!matches(expression, expected)) expected += MINUTE_MS;
      assert.equal(nextTime(cron, start, { zone: "utc" }), expected, expression);
    }
  }
});

Deno.test("nextTime() finds the 29th of February, names of days and months, and 7 for Sunday", () => {
  const next = (expression: string, year = 2026) =>
    new Date(nextTime(parseCron(expression), Date.UTC(year, 0, 1), { zone: "utc" })).toISOString();
  assert.equal(next("0 0 29 2 *"), "2028-02-29T00:00:00.000Z");
  assert.equal(next("0 0 29 2 *", 2097), "2104-02-29T00:00:00.000Z");
  assert.equal(next("0 9 * * Mon"), "2026-01-05T09:00:00.000Z");
  assert.equal(next("0 9 1 mar-APR *"), "2026-03-01T09:00:00.000Z");
  assert.equal(next("0 0 * * 7"), "2026-01-04T00:00:00.000Z");
  assert.equal(next("@daily"), "2026-01-02T00:00:00.000Z");
});

Deno.test("nextTime() takes the local day", () => {
  const now = new Date(2026, 5, 1, 12, 0);
  assert.equal(nextTime(parseCron("0 3 * * *"), now.getTime()), new Date(2026, 5, 2, 3).getTime());
});

Deno.test("parseCron() names the field that is wrong", () => {
  const cases: readonly (readonly [string, RegExp])[] = [
    ["* * * *", /must have five fields/],
    ["60 * * * *", /"60" is no minute \(0 to 59/],
    ["* 24 * * *", /"24" is no hour/],
    ["* * 0 * *", /"0" is no day of month/],
    ["* * * 13 *", /"13" is no month/],
    ["* * * * dim", /"dim" is no day of week/],
    ["*/0 * * * *", /no minute/],
    ["9-5 * * * *", /no minute/],
    ["1.5 * * * *", /no minute/],
    ["0 0 31 2 *", /no day of any year matches/],
  ];
  for (const [expression, message] of cases) assert.throws(() => parseCron(expression), message);
});
