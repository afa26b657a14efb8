import assert from "node:assert/strict";
import { PrefillPace } from "../../../src/inference/generation/prefill_pace.ts";

Deno.test("PrefillPace lets pieces take a quarter of a second, and no less than 32 tokens", () => {
  const pace = new PrefillPace();
  pace.observe(100, 100);
  assert.equal(pace.bearableTokens, 250);
  pace.observe(512, 5120);
  assert.equal(pace.bearableTokens, 32);
});

Deno.test("PrefillPace recovers by small pieces from one that was slow", () => {
  const pace = new PrefillPace();
  pace.observe(64, 6400);
  assert.equal(pace.bearableTokens, 32);
  pace.observe(20, 80);
  assert.equal(pace.bearableTokens, 62);
  pace.observe(20, 2000);
  assert.equal(pace.bearableTokens, 62);
});
