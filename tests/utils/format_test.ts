import assert from "node:assert/strict";
import { formatBytes, formatCount, formatDuration, formatRate } from "../../src/utils/format.ts";

Deno.test("formatBytes() gives three digits in decimal units", () => {
  const cases: [number, string][] = [
    [0, "0 B"],
    [999, "999 B"],
    [1000, "1 kB"],
    [1234, "1.23 kB"],
    [99_960, "100 kB"],
    [999_600, "1.00 MB"],
    [182_400_000, "182 MB"],
    [4.2e18, "4200 PB"],
  ];
  for (const [bytes, shown] of cases) assert.equal(formatBytes(bytes), shown);
});

Deno.test("formatCount() and formatRate() shorten large numbers and keep small ones exact", () => {
  assert.equal(formatCount(15_191_712), "15.2 M");
  assert.equal(formatCount(3.456), "3.46");
  assert.equal(formatRate(2134.7, "tokens"), "2.13 k tokens/s");
});

Deno.test("formatDuration() gives the two largest units and never 60 of one", () => {
  const cases: [number, string][] = [
    [0, "0 ms"],
    [999.4, "999 ms"],
    [999.6, "1.0 s"],
    [59_949, "59.9 s"],
    [59_951, "1 min 0 s"],
    [3_599_600, "1 h 0 min"],
    [7_800_000, "2 h 10 min"],
    [86_370_000, "1 d 0 h"],
    [Infinity, "unknown"],
  ];
  for (const [durationMs, shown] of cases) assert.equal(formatDuration(durationMs), shown);
});
