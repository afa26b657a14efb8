import assert from "node:assert/strict";
import { ModelComparisonEngine } from "../../src/monitoring/model_comparison_engine.ts";
import { createRandom, type Random } from "../../src/utils/random.ts";
import { madeUpEvaluation } from "./evaluations.ts";

const PAIRS = 200;
const ITEMS = 200;

/** Two models of 60 % on items of differing difficulty, the first better by `effect`. */
function accuracies(random: Random, effect: number): readonly [number[], number[]] {
  const pairs = Array.from({ length: ITEMS }, () => {
    const p = 0.2 + 0.8 * random.next() - effect / 2;
    return [random.next() < p + effect ? 1 : 0, random.next() < p ? 1 : 0] as const;
  });
  return [pairs.map(([a]) => a), pairs.map(([, b]) => b)];
}

/** Two models' losses: an item's own part with a heavy tail, noise of each, and less for the first by `effect`. */
function losses(random: Random, effect: number): readonly [number[], number[]] {
  const pairs = Array.from({ length: ITEMS }, () => {
    const own = Math.exp(random.normal());
    const noise = () => 0.2 * random.normal() * (random.integer(10) === 0 ? 4 : 1);
    return [own + noise() - effect, own + noise()] as const;
  });
  return [pairs.map(([a]) => a), pairs.map(([, b]) => b)];
}

interface Rates {
  readonly better: number;
  readonly worse: number;
}

function verdicts(
  metric: "acc" | "loss",
  { effect, seed, test }: {
    readonly effect: number;
    readonly seed: number;
    readonly test?: "permutation" | "wilcoxon";
  },
): Rates {
  const random = createRandom(seed);
  const engine = new ModelComparisonEngine({
    resamples: 300,
    ...(test === undefined ? {} : { test }),
  });
  const make = metric === "acc" ? accuracies : losses;
  const counts = { better: 0, worse: 0 };
  for (let i = 0; i < PAIRS; i++) {
    const [a, b] = make(random, effect);
    const { verdict } = engine.compare(
      madeUpEvaluation(a, { id: "a", metric }),
      madeUpEvaluation(b, { id: "b", metric }),
    );
    if (verdict !== "no-evidence") counts[verdict]++;
  }
  return { better: counts.better / PAIRS, worse: counts.worse / PAIRS };
}

for (
  const [metric, effect, test] of [
    ["acc", 0.17, undefined],
    ["loss", 0.13, "permutation"],
    ["loss", 0.13, "wilcoxon"],
  ] as const
) {
  const name = test ?? "mcnemar";
  Deno.test(`compare() by ${name} misleads in at most 5 % of 200 pairs that differ by noise`, () => {
    const { better, worse } = verdicts(metric, { effect: 0, seed: 1, ...(test && { test }) });
    assert.ok(better + worse <= 0.05, `${better} better, ${worse} worse`);
  });

  Deno.test(`compare() by ${name} finds an effect of ${effect} in at least 80 % of 200 pairs`, () => {
    const { better, worse } = verdicts(metric, { effect, seed: 4, ...(test && { test }) });
    assert.ok(better >= 0.8 && worse === 0, `${better} better, ${worse} worse`);
  });
}

Deno.test("compare() states an effect that it finds in four of five series", () => {
  const random = createRandom(5);
  const engine = new ModelComparisonEngine({ resamples: 300 });
  const stated = Array.from({ length: 20 }, () => {
    const [a, b] = accuracies(random, 0);
    const pair = [madeUpEvaluation(a, { id: "a" }), madeUpEvaluation(b, { id: "b" })] as const;
    return engine.compare(...pair).detectableEffect;
  });
  const effect = stated.reduce((sum, each) => sum + each, 0) / stated.length;
  const { better } = verdicts("acc", { effect, seed: 6 });
  assert.ok(better > 0.7 && better < 0.95, `${better} at ${effect}`);
});

Deno.test("compare() judges the first by the second, whichever way the metric counts", () => {
  const engine = new ModelComparisonEngine();
  const right = Array.from({ length: 40 }, (_, i) => i < 30 ? 1 : 0);
  const wrong = right.map((_, i) => i < 10 ? 1 : 0);
  const [a, b] = [madeUpEvaluation(right, { id: "a" }), madeUpEvaluation(wrong, { id: "b" })];
  const found = engine.compare(a, b);
  assert.deepEqual([found.verdict, found.difference, found.wins, found.n], ["better", 0.5, 20, 40]);
  assert.ok(found.pValue < 1e-5 && found.interval[0] > 0.3 && found.interval[1] < 0.7);
  assert.equal(engine.compare(b, a).verdict, "worse");
  const low = madeUpEvaluation(right.map(() => 1), { id: "low", metric: "loss" });
  const high = madeUpEvaluation(right.map((_, i) => 1.5 + i / 100), { id: "high", metric: "loss" });
  assert.equal(engine.compare(low, high).verdict, "better");
  assert.equal(engine.compare(high, low).verdict, "worse");
});

Deno.test("compare() gives no verdict on a difference below the minimum effect", () => {
  const a = madeUpEvaluation(Array.from({ length: 100 }, () => 1), { id: "a", metric: "loss" });
  const b = madeUpEvaluation(Array.from({ length: 100 }, () => 1.01), { id: "b", metric: "loss" });
  assert.equal(new ModelComparisonEngine().compare(a, b).verdict, "better");
  const strict = new ModelComparisonEngine({ minimumEffect: 0.05 });
  assert.equal(strict.compare(a, b).verdict, "no-evidence");
});

Deno.test("compare() says the same of a model that is as good and ten times as slow", () => {
  const scores = Array.from({ length: 50 }, (_, i) => i % 2);
  const reference = madeUpEvaluation(scores, { id: "b" });
  const engine = new ModelComparisonEngine();
  const fast = engine.compare(madeUpEvaluation(scores, { id: "a", latencyMs: 0.1 }), reference);
  const slow = engine.compare(madeUpEvaluation(scores, { id: "a", latencyMs: 10 }), reference);
  assert.deepEqual([fast.verdict, slow.verdict], ["no-evidence", "no-evidence"]);
  assert.deepEqual(
    [fast.candidate.medianLatencyMs, slow.candidate.medianLatencyMs],
    [0.1, 10],
  );
});

Deno.test("compare() leaves out items that one of both has no answer to", () => {
  const engine = new ModelComparisonEngine();
  const ones = Array.from({ length: 20 }, () => 1);
  const a = madeUpEvaluation(ones, { id: "a", errors: [0, 1, 2] });
  const b = madeUpEvaluation(ones, { id: "b", errors: [2, 3] });
  const { n, errors, verdict, difference } = engine.compare(a, b);
  assert.deepEqual([n, errors, verdict, difference], [16, 4, "no-evidence", 0]);
  const none = madeUpEvaluation(ones, { id: "none", errors: ones.map((_, i) => i) });
  assert.throws(() => engine.compare(none, b), /Cannot compare .*no item .* has an answer of both/);
});

Deno.test("compare() refuses evaluations of different items", () => {
  const [a, b] = ["t", "u"].map((hash) => madeUpEvaluation([1, 0], { id: hash, hash }));
  assert.throws(() => new ModelComparisonEngine().compare(a!, b!), /evaluated on different items/);
});

Deno.test("compareMany() corrects for many checkpoints: of 50 that differ by noise none is chosen", () => {
  const random = createRandom(9);
  const engine = new ModelComparisonEngine({ resamples: 500 });
  const draw = (id: string) =>
    madeUpEvaluation(Array.from({ length: 100 }, () => random.integer(2)), { id });
  const found = engine.compareMany(
    Array.from({ length: 50 }, (_, i) => draw(`c${i}`)),
    draw("base"),
  );
  assert.deepEqual(found.filter(({ verdict }) => verdict !== "no-evidence"), []);
  assert.ok(found.every(({ pValue, correctedPValue }) => correctedPValue >= pValue));
});

Deno.test("leaderboard() lets models share a rank that the numbers do not tell apart", () => {
  const scores = (right: number) => Array.from({ length: 100 }, (_, i) => i < right ? 1 : 0);
  const board = new ModelComparisonEngine().leaderboard([
    madeUpEvaluation(scores(40), { id: "far" }),
    madeUpEvaluation(scores(80), { id: "best" }),
    madeUpEvaluation(scores(79), { id: "near" }),
  ]);
  assert.deepEqual(board.map(({ rank, model }) => [rank, model]), [
    [1, "best"],
    [1, "near"],
    [3, "far"],
  ]);
});

Deno.test("watch() finds a decline in small steps, as its reference stays what it is", () => {
  const engine = new ModelComparisonEngine();
  const at = (right: number) =>
    madeUpEvaluation(Array.from({ length: 200 }, (_, i) => i < right ? 1 : 0), { id: `${right}` });
  const watch = engine.watch(at(160));
  const steps = [158, 156, 154, 152, 150, 148];
  const found = steps.map((right) => watch.check(at(right)).verdict);
  assert.equal(found[0], "no-evidence");
  assert.equal(found.at(-1), "worse");
  assert.equal(watch.reference.model.id, "160");
  const moving = steps.slice(1).map((right, i) => engine.compare(at(right), at(steps[i]!)).verdict);
  assert.ok(moving.every((verdict) => verdict === "no-evidence"));
});
