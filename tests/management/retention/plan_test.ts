import assert from "node:assert/strict";
import fc from "fast-check";
import { planRetention, type RetentionPlan } from "../../../src/management/retention/plan.ts";
import { RETENTION_DEFAULTS } from "../../../src/management/retention/settings.ts";
import type { RetentionSettings } from "../../../src/management/retention/settings.ts";
import type { StoredCheckpoint, StoredRun } from "../../../src/management/retention/stored_run.ts";

const HOUR_MS = 3_600_000;
const NOW_MS = Date.UTC(2026, 10, 26, 12);

/** What of a checkpoint matters to a test. */
interface Given {
  readonly step?: number;
  readonly ageHours: number;
  readonly sizeGb?: number;
  readonly stateGb?: number;
  readonly metrics?: Readonly<Record<string, number>>;
  readonly pinned?: boolean;
  readonly damaged?: boolean;
}

function runOf(
  name: string,
  { checkpoints, ...rest }:
    & { readonly checkpoints: readonly Given[] }
    & Partial<Omit<StoredRun, "checkpoints">>,
): StoredRun {
  return {
    name,
    path: `/home/runs/${name}`,
    isTraining: false,
    isFinished: true,
    isLocked: false,
    uses: [],
    problem: null,
    ...rest,
    checkpoints: checkpoints.map((given, i): StoredCheckpoint => {
      const step = given.step ?? i + 1;
      return {
        id: `${name}/checkpoint-${step}`,
        run: name,
        step,
        path: `/home/runs/${name}/checkpoints/checkpoint-${step}`,
        savedAtMs: NOW_MS - given.ageHours * HOUR_MS,
        sizeBytes: (given.sizeGb ?? 3) * 1e9,
        stateBytes: (given.stateGb ?? 2) * 1e9,
        damage: given.damaged ? "model.safetensors is missing" : null,
        metrics: given.metrics ?? {},
        holds: given.pinned ? [{ kind: "pinned", since: "", note: null }] : [],
      };
    }),
  };
}

function planOf(
  runs: readonly StoredRun[],
  settings: Partial<RetentionSettings> = {},
  options: Partial<Parameters<typeof planRetention>[1]> = {},
): RetentionPlan {
  return planRetention(runs, {
    settings: { ...RETENTION_DEFAULTS, ...settings },
    nowMs: NOW_MS,
    references: [],
    copies: new Set(),
    ...options,
  });
}

/** The steps on which `action` falls. */
function stepsOf({ lines }: RetentionPlan, action: string): readonly number[] {
  return lines.filter((line) => line.action === action).map(({ checkpoint }) => checkpoint.step);
}

function reasonsOf({ lines }: RetentionPlan, id: string): string {
  return lines.find(({ checkpoint }) => checkpoint.id === id)!.reasons.join("; ");
}

Deno.test("planRetention() deletes what is older than 36 h, although there is room", () => {
  const run = runOf("a", {
    checkpoints: [{ ageHours: 40 }, { ageHours: 36.5 }, { ageHours: 35 }, { ageHours: 34 }],
  });
  const plan = planOf([run]);
  assert.deepEqual(stepsOf(plan, "delete"), [1, 2]);
  assert.equal(reasonsOf(plan, "a/checkpoint-1"), "older than 36 h");
  assert.equal(reasonsOf(plan, "a/checkpoint-3"), "within the limits");
});

Deno.test("planRetention() deletes the oldest while all together are larger than 150 GB", () => {
  const run = runOf("a", {
    checkpoints: [5, 4, 3, 2].map((ageHours) => ({ ageHours, sizeGb: 60 })),
  });
  const plan = planOf([run]);
  assert.deepEqual(stepsOf(plan, "delete"), [1, 2]);
  assert.deepEqual(plan.totalBytes, { before: 240e9, after: 120e9 });
  assert.deepEqual(plan.unmet, []);
});

Deno.test("planRetention() orders steps as numbers, not as text", () => {
  const run = runOf("a", { checkpoints: [900, 1000, 99].map((step) => ({ step, ageHours: 50 })) });
  assert.deepEqual(stepsOf(planOf([run]), "keep"), [1000]);
});

Deno.test("planRetention() keeps the best by any metric, whichever way is better", () => {
  const run = runOf("a", {
    checkpoints: [
      { ageHours: 90, metrics: { eval_loss: 1.5, accuracy: 0.5, cost: 3 } },
      { ageHours: 80, metrics: { eval_loss: 1.2, accuracy: 0.6, cost: 9 } },
      { ageHours: 70, metrics: { eval_loss: 1.9, accuracy: 0.9, cost: 4 } },
      { ageHours: 60, metrics: { eval_loss: 2.5, accuracy: 0.1, cost: 5 } },
      { ageHours: 50, metrics: {} },
    ],
  });
  assert.deepEqual(stepsOf(planOf([run]), "keep"), [2, 5]);
  assert.deepEqual(stepsOf(planOf([run], { bestMetrics: ["accuracy"] }), "keep"), [3, 5]);
  assert.deepEqual(stepsOf(planOf([run], { bestMetrics: ["cost:min", "eval_loss"] }), "keep"), [
    1,
    2,
    5,
  ]);
  assert.throws(() => planOf([run], { bestMetrics: ["cost"] }), /write "cost:min" or "cost:max"/);
});

Deno.test("planRetention() calls a damaged checkpoint neither latest nor the only copy", () => {
  const run = runOf("a", {
    checkpoints: [{ ageHours: 60 }, { ageHours: 50 }, { ageHours: 40, damaged: true }],
  });
  const plan = planOf([run]);
  assert.deepEqual(stepsOf(plan, "keep"), [2]);
  assert.match(reasonsOf(plan, "a/checkpoint-3"), /damaged: model\.safetensors is missing/);
  const all = runOf("b", { checkpoints: [{ ageHours: 60, damaged: true }] });
  assert.deepEqual(stepsOf(planOf([all]), "keep"), [1], "something may still be saved of it");
});

Deno.test("planRetention() lets the only copy go once a backup holds it, where the home has one latest", () => {
  const runs = [
    runOf("a", { checkpoints: [{ ageHours: 60 }] }),
    runOf("b", { checkpoints: [{ ageHours: 50 }] }),
    runOf("c", { checkpoints: [{ ageHours: 40 }] }),
  ];
  const copies = new Set(["a/checkpoint-1", "c/checkpoint-1"]);
  const ids = ({ lines }: RetentionPlan) =>
    lines.filter(({ action }) => action === "delete").map(({ checkpoint }) => checkpoint.id);
  assert.deepEqual(ids(planOf(runs, { scope: "home" })), []);
  assert.deepEqual(ids(planOf(runs, { scope: "home" }, { copies })), ["a/checkpoint-1"]);
  assert.deepEqual(ids(planOf(runs, {}, { copies })), [], "each run has a latest of its own");
});

Deno.test("planRetention() keeps what is live, deployed, needed by others or being read", () => {
  const old = (name: string, rest: Partial<Omit<StoredRun, "checkpoints">> = {}) =>
    runOf(name, { checkpoints: [{ ageHours: 90 }, { ageHours: 80 }, { ageHours: 70 }], ...rest });
  const path = (run: string, step: number) => `/home/runs/${run}/checkpoints/checkpoint-${step}`;
  const references = [
    { path: path("a", 1), kind: "live", words: "live" },
    { path: path("b", 2), kind: "deployed", words: "deployed to web-1" },
  ] as const;
  const runs = [
    old("a"),
    old("b"),
    old("c", { uses: [{ path: path("a", 2), words: "the adapters of run c are for it" }] }),
    old("d", { isLocked: true }),
    old("e", { uses: [{ path: "/home/runs/b", words: "run e starts from it" }] }),
  ];
  const plan = planOf(runs, {}, { references });
  const deleted = plan.lines.filter(({ action }) => action === "delete")
    .map(({ checkpoint }) => checkpoint.id.replace("/checkpoint-", ""));
  assert.deepEqual(deleted, ["b1", "c1", "c2", "e1", "e2"]);
  assert.match(reasonsOf(plan, "b/checkpoint-3"), /run e starts from it/, "the latest of a run");
});

Deno.test("planRetention() keeps some of each day and week", () => {
  const ages = [1.5, 3, 5, 20, 26, 50, 100, 170, 300, 400, 1000];
  const run = runOf("a", { checkpoints: ages.toReversed().map((ageHours) => ({ ageHours })) });
  const kept = (settings: Partial<RetentionSettings>) =>
    planOf([run], { maxAgeHours: 0, ...settings }).lines
      .filter(({ action }) => action === "keep")
      .map(({ checkpoint }) => (NOW_MS - checkpoint.savedAtMs) / HOUR_MS).toReversed();
  // now is a Thursday, 12:00: ages from 12 to 36 are of yesterday
  assert.deepEqual(kept({ keepPerDay: 1, days: 3 }), [1.5, 20, 50]);
  assert.deepEqual(kept({ keepPerDay: 2, days: 2 }), [1.5, 3, 20, 26]);
  assert.deepEqual(kept({ keepPerWeek: 1, weeks: 3 }), [1.5, 100, 300]);
});

Deno.test("planRetention() drops states by limits of their own, and never those that a run goes on from", () => {
  const run = runOf("a", {
    isFinished: false,
    checkpoints: [{ ageHours: 30 }, { ageHours: 20 }, { ageHours: 10 }, { ageHours: 5 }],
  });
  const byAge = planOf([run], { stateMaxAgeHours: 15 });
  assert.deepEqual([stepsOf(byAge, "drop_optimizer"), stepsOf(byAge, "delete")], [[1, 2], []]);
  assert.deepEqual(byAge.stateBytes, { before: 8e9, after: 4e9 });
  assert.deepEqual(byAge.totalBytes, { before: 12e9, after: 8e9 });
  const bySize = planOf([run], { stateMaxSizeGb: 5 });
  assert.deepEqual(stepsOf(bySize, "drop_optimizer"), [1, 2]);
  const all = planOf([run], { stateMaxSizeGb: 0 });
  assert.deepEqual(stepsOf(all, "drop_optimizer"), [1, 2, 3]);
  assert.match(all.unmet.join(), /2 GB of optimizers' states stay/);
  assert.deepEqual(stepsOf(planOf([run], {}, { dropOptimizer: true }), "drop_optimizer"), [
    1,
    2,
    3,
  ]);
});

Deno.test("planRetention() touches only what is named, and deletes nothing protected even then", () => {
  const run = runOf("a", {
    isFinished: false,
    checkpoints: [{ ageHours: 90 }, { ageHours: 80, pinned: true }, { ageHours: 70 }, {
      ageHours: 60,
    }],
  });
  const named = (...steps: number[]) => ({ only: steps.map((step) => `a/checkpoint-${step}`) });
  assert.deepEqual(stepsOf(planOf([run], {}, named(3)), "delete"), [3]);
  assert.deepEqual(stepsOf(planOf([run], {}, named(2, 4)), "delete"), []);
  const dropped = planOf([run], {}, { ...named(2, 4), dropOptimizer: true });
  assert.deepEqual(stepsOf(dropped, "drop_optimizer"), [4], "a person may give up going on");
});

Deno.test("planRetention() knows what is needed by a home's former name too, and plans nothing it does not know", () => {
  const given = { checkpoints: [{ ageHours: 90 }, { ageHours: 80 }, { ageHours: 70 }] };
  const path = "/mnt/old/llm/runs/a/checkpoints/checkpoint-1";
  const plan = planOf([runOf("a", given)], {}, {
    references: [{ path, kind: "live", words: "live" }],
  });
  assert.deepEqual(stepsOf(plan, "delete"), [2]);
  const unknown = runOf("b", {
    ...given,
    problem: 'Cannot read "holds.json": it is not valid JSON',
  });
  assert.throws(
    () => planOf([runOf("a", given), unknown]),
    /holds\.json.*no checkpoint is removed/,
  );
});

Deno.test("planRetention() calls the latest of a home the last one saved, and the latest of a run its last step", () => {
  // of a run that was copied, the times say nothing
  const copied = { checkpoints: [{ ageHours: 70 }, { ageHours: 80 }, { ageHours: 90 }] };
  const copies = new Set([1, 2, 3].map((step) => `a/checkpoint-${step}`));
  const kept = (runs: readonly StoredRun[], scope: RetentionSettings["scope"]) =>
    planOf(runs, { scope }, { copies }).lines.filter(({ action }) => action === "keep")
      .map(({ checkpoint }) => checkpoint.id);
  const damaged = runOf("b", { checkpoints: [{ ageHours: 60, damaged: true }] });
  assert.deepEqual(kept([runOf("a", copied)], "run"), ["a/checkpoint-3"]);
  assert.deepEqual(kept([runOf("a", copied)], "home"), ["a/checkpoint-1"]);
  assert.deepEqual(kept([runOf("a", copied), damaged], "home"), [
    "a/checkpoint-1",
    "b/checkpoint-1",
  ]);
});

const checkpoint = fc.record({
  ageHours: fc.double({ min: -5, max: 24 * 40, noNaN: true }),
  sizeGb: fc.integer({ min: 1, max: 60 }),
  stateShare: fc.constantFrom(0, 0.5, 0.66),
  loss: fc.option(fc.integer({ min: 1, max: 9 })),
  pinned: fc.constantFrom(false, false, false, true),
  damaged: fc.constantFrom(false, false, false, true),
  isLive: fc.constantFrom(false, false, false, false, true),
  hasCopy: fc.boolean(),
});

const history = fc.array(
  fc.record({
    checkpoints: fc.array(checkpoint, { minLength: 1, maxLength: 7 }),
    isFinished: fc.boolean(),
    isTraining: fc.constantFrom(false, false, true),
    isLocked: fc.constantFrom(false, false, false, false, true),
  }),
  { maxLength: 5 },
);

const rules = fc.record({
  scope: fc.constantFrom("run" as const, "home" as const),
  keepLatest: fc.integer({ min: 1, max: 3 }),
  minAgeHours: fc.constantFrom(0, 1, 24),
  maxAgeHours: fc.constantFrom(null, 0, 36, 200),
  maxSizeGb: fc.constantFrom(null, 0, 100, 150, 400),
  stateMaxAgeHours: fc.constantFrom(null, 0, 48),
  stateMaxSizeGb: fc.constantFrom(null, 0, 50),
  keepPerDay: fc.integer({ min: 0, max: 2 }),
  days: fc.integer({ min: 1, max: 9 }),
  keepPerWeek: fc.integer({ min: 0, max: 1 }),
  weeks: fc.integer({ min: 1, max: 4 }),
});

Deno.test("planRetention() never deletes what is protected, and meets every limit that can be met", () => {
  fc.assert(
    fc.property(history, rules, fc.boolean(), (given, settings, dropOptimizer) => {
      const runs = given.map((run, i) =>
        runOf(`r${i}`, {
          ...run,
          checkpoints: run.checkpoints.map(({ stateShare, loss, ...each }) => ({
            ...each,
            stateGb: each.sizeGb * stateShare,
            metrics: loss === null ? {} : { eval_loss: loss },
          })),
        })
      );
      const all = runs.flatMap((run, i) =>
        run.checkpoints.map((each, j) => ({ ...each, run, given: given[i]!.checkpoints[j]! }))
      );
      const references = all.filter((each) => each.given.isLive)
        .map(({ path }) => ({ path, kind: "live" as const, words: "live" }));
      const copies = new Set(all.filter((each) => each.given.hasCopy).map(({ id }) => id));
      const plan = planOf(runs, { ...settings }, { references, copies, dropOptimizer });

      // who is protected, told once more in the plainest way
      const ageOf = (each: (typeof all)[number]) => (NOW_MS - each.savedAtMs) / HOUR_MS;
      const isNewer = (a: (typeof all)[number], b: (typeof all)[number]) =>
        settings.scope === "run"
          ? a.step > b.step
          : a.savedAtMs > b.savedAtMs || (a.savedAtMs === b.savedAtMs &&
            (a.step > b.step || (a.step === b.step && a.id < b.id)));
      const group = (each: (typeof all)[number]) =>
        all.filter((other) =>
          other.damage === null && (settings.scope === "home" || other.run === each.run)
        );
      const newerIn = (each: (typeof all)[number]) =>
        group(each).filter((other) => isNewer(other, each));
      const dayOf = (each: (typeof all)[number]) =>
        Math.floor((NOW_MS - ageOf(each) * HOUR_MS) / (24 * HOUR_MS));
      const protectedIds = new Map<string, boolean>(); // whether the state stays too
      const protect = (each: (typeof all)[number], state: boolean) =>
        void protectedIds.set(each.id, state || (protectedIds.get(each.id) ?? false));
      for (const each of all) {
        const { run } = each;
        const whole = each.damage === null;
        const ownWhole = run.checkpoints.filter(({ damage }) => damage === null);
        const isLastWhole = whole && ownWhole.every(({ step }) => step <= each.step);
        if (each.given.pinned || ageOf(each) < settings.minAgeHours || run.isLocked) {
          protect(each, true);
        }
        if (each.given.isLive) protect(each, false);
        if (isLastWhole && (run.isTraining || !run.isFinished)) protect(each, true);
        if (whole && newerIn(each).length < settings.keepLatest) {
          protect(each, run.isTraining || !run.isFinished);
        }
        const isOnly = isLastWhole ||
          (ownWhole.length === 0 && run.checkpoints.every(({ step }) => step <= each.step));
        if (isOnly && !each.given.hasCopy) protect(each, false);
        const loss = each.metrics["eval_loss"];
        if (
          whole && loss !== undefined && !group(each).some((other) => {
            const value = other.metrics["eval_loss"];
            return value !== undefined &&
              (value < loss || (value === loss && isNewer(each, other)));
          })
        ) protect(each, false);
        const sameDay = newerIn(each).filter((other) => dayOf(other) === dayOf(each));
        const isRecent = Math.floor(NOW_MS / (24 * HOUR_MS)) - dayOf(each) < settings.days;
        if (whole && isRecent && sameDay.length < settings.keepPerDay) protect(each, false);
      }

      const lineOf = new Map(plan.lines.map((line) => [line.checkpoint.id, line]));
      assert.equal(lineOf.size, all.length);
      for (const [id, keepsState] of protectedIds) {
        const { action, reasons } = lineOf.get(id)!;
        assert.notEqual(action, "delete", `${id}: ${reasons}`);
        if (keepsState) assert.equal(action, "keep", `${id}: ${reasons}`);
      }
      for (const line of plan.lines) {
        assert.ok(line.reasons.length > 0, "every line has a reason");
        if (line.action === "delete") assert.ok(!dropOptimizer && line.protections.length === 0);
      }
      if (dropOptimizer) return;
      const free = all.filter(({ id }) => lineOf.get(id)!.protections.length === 0);
      const kept = free.filter(({ id }) => lineOf.get(id)!.action !== "delete");
      const { maxAgeHours, maxSizeGb } = settings;
      if (maxAgeHours !== null) {
        assert.ok(kept.every((each) => ageOf(each) <= maxAgeHours), "age limit");
      }
      const after = all.reduce((sum, each) => {
        const { action } = lineOf.get(each.id)!;
        if (action === "delete") return sum;
        return sum + each.sizeBytes - (action === "drop_optimizer" ? each.stateBytes : 0);
      }, 0);
      assert.ok(Math.abs(after - plan.totalBytes.after) < 1, "the sum is told right");
      if (maxSizeGb !== null && plan.totalBytes.after > maxSizeGb * 1e9) {
        assert.equal(kept.length, 0, "over the limit although something could have gone");
        assert.equal(plan.unmet.length > 0, true, "and that is told");
      }
      const bySize = free.filter(({ id }) =>
        /together were larger/.test(lineOf.get(id)!.reasons[0]!)
      );
      for (const each of bySize) {
        assert.ok(kept.every((other) => other.savedAtMs >= each.savedAtMs), "the oldest go first");
      }
      const last = bySize.toSorted((a, b) =>
        b.savedAtMs - a.savedAtMs || b.step - a.step || (a.id < b.id ? 1 : -1)
      )[0];
      if (last !== undefined) {
        assert.ok(after + last.sizeBytes > maxSizeGb! * 1e9, "no more goes than has to");
      }
    }),
    { numRuns: 1500 },
  );
});
