import assert from "node:assert/strict";
import { RunPace } from "../../../src/inference/generation/run_pace.ts";

const prompt = (tokens: number) => ({ sequences: 1, tokens, isDecoding: false });
const guesses = (tokens: number) => ({ sequences: 1, tokens, isDecoding: true });

Deno.test("RunPace lets pieces take a quarter of a second, and no less than 32 tokens", () => {
  const pace = new RunPace();
  pace.observe(prompt(100), 100);
  assert.equal(pace.bearableTokens, 250);
  pace.observe(prompt(512), 5120);
  assert.equal(pace.bearableTokens, 32);
});

Deno.test("RunPace recovers by small pieces from one that was slow", () => {
  const pace = new RunPace();
  pace.observe(prompt(64), 6400);
  assert.equal(pace.bearableTokens, 32);
  pace.observe(prompt(20), 80);
  assert.equal(pace.bearableTokens, 62);
  pace.observe(prompt(20), 2000);
  assert.equal(pace.bearableTokens, 62);
});

Deno.test("RunPace tells pieces of prompts and tokens that are generated apart", () => {
  const pace = new RunPace();
  pace.observe(prompt(100), 100);
  pace.observe(guesses(4), 4000);
  pace.observe({ sequences: 16, tokens: 16, isDecoding: true }, 4000);
  assert.equal(pace.bearableTokens, 250);
});

Deno.test("RunPace measures what a further token costs, and is not led astray by one slow run", () => {
  const pace = new RunPace();
  for (let i = 0; i < 10; i++) {
    pace.observe(guesses(1), 10);
    pace.observe(guesses(5), 14);
  }
  assert.ok(Math.abs(pace.furtherCost - 0.1) < 1e-9, `${pace.furtherCost}`);
  pace.observe(guesses(5), 1000);
  assert.ok(pace.furtherCost < 0.11, `${pace.furtherCost}`);
  for (let i = 0; i < 100; i++) pace.observe(guesses(2), 1000);
  assert.equal(pace.furtherCost, 0.5);
  for (let i = 0; i < 200; i++) pace.observe(guesses(2), 9);
  assert.ok(pace.furtherCost <= 0.01 + 1e-9, `${pace.furtherCost}`);
});
