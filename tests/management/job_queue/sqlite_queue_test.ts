import assert from "node:assert/strict";
import { join } from "node:path";
import fc from "fast-check";
import { type Job, LeaseLostError, type NewJob } from "../../../src/management/job_queue/job.ts";
import type { JobQueue } from "../../../src/management/job_queue/queue.ts";
import { openSqliteQueue } from "../../../src/management/job_queue/sqlite_queue.ts";
import { temporaryFolder } from "../../temporary_folder.ts";

const HOUR_MS = 3_600_000;
const WORKER = { worker: "w", leaseMs: 1000 };

interface TestQueue extends AsyncDisposable {
  readonly queue: JobQueue;
  readonly path: string;
  advance(ms: number): void;
  now(): number;
}

async function testQueue(): Promise<TestQueue> {
  const folder = await temporaryFolder();
  let now = 1_000_000_000_000;
  const path = join(folder.path, "state.sqlite");
  const queue = openSqliteQueue(path, { clock: () => now });
  return {
    queue,
    path,
    advance: (ms) => void (now += ms),
    now: () => now,
    [Symbol.asyncDispose]: async () => {
      await queue[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}

let count = 0;

async function add(queue: JobQueue, job: Partial<NewJob> = {}): Promise<Job> {
  const added = await queue.add({ kind: "k", contentHash: `h${count++}`, payload: {}, ...job });
  assert.ok(added.isNew);
  return added.job;
}

Deno.test("add() recognises content that is queued or done, and takes what failed or was cancelled anew", async () => {
  await using test = await testQueue();
  const { queue } = test;
  const same = { contentHash: "same" };
  const first = await add(queue, same);
  const again = await queue.add({ kind: "k", payload: {}, ...same });
  assert.deepEqual(again, { job: first, isNew: false });
  assert.ok((await queue.add({ kind: "other", payload: {}, ...same })).isNew);
  await queue.cancel(first.id);
  const second = await add(queue, same);
  const claimed = await queue.claim({ ...WORKER, kinds: ["k"] });
  assert.equal(claimed?.job.id, second.id);
  await queue.succeed(claimed.lease, { loss: 1 });
  assert.equal((await queue.add({ kind: "k", payload: {}, ...same })).isNew, false);
  assert.ok((await queue.add({ kind: "k", payload: {}, ...same, again: true })).isNew);
});

Deno.test("claim() takes the most urgent, then the oldest, and waiting is worth priority", async () => {
  await using test = await testQueue();
  const { queue } = test;
  const low = await add(queue, { priority: "low" });
  test.advance(1);
  const normal = await add(queue);
  const urgent = await add(queue, { priority: "high" });
  const later = await add(queue, { priority: "high" });
  assert.deepEqual((await queue.list()).map(({ id }) => id), [
    urgent.id,
    later.id,
    normal.id,
    low.id,
  ]);
  test.advance(12 * HOUR_MS);
  const fresh = await add(queue, { priority: "high" });
  const order: string[] = [];
  for (;;) {
    const claimed = await queue.claim(WORKER);
    if (claimed === undefined) break;
    order.push(claimed.job.id);
  }
  assert.deepEqual(order, [urgent.id, later.id, normal.id, low.id, fresh.id]);
});

Deno.test("move() changes the priority, or the place before or behind all others", async () => {
  await using test = await testQueue();
  const { queue } = test;
  const ids = [(await add(queue)).id, (await add(queue)).id, (await add(queue)).id];
  await queue.move(ids[2]!, "first");
  await queue.move(ids[0]!, "last");
  assert.deepEqual((await queue.list()).map(({ id }) => id), [ids[2], ids[1], ids[0]]);
  const moved = await queue.move(ids[0]!, "high");
  assert.equal(moved.priority, "high");
  assert.equal((await queue.list())[0]!.id, ids[0]);
});

Deno.test("claim() waits for the time and for the jobs that a job needs", async () => {
  await using test = await testQueue();
  const { queue } = test;
  const needed = await add(queue, { runAtMs: test.now() + 1000 });
  const job = await add(queue, { dependsOn: [needed.id] });
  assert.equal(await queue.claim(WORKER), undefined);
  test.advance(1000);
  const first = await queue.claim(WORKER);
  assert.equal(first?.job.id, needed.id);
  assert.equal(await queue.claim(WORKER), undefined);
  await queue.succeed(first.lease, {});
  assert.equal((await queue.claim(WORKER))?.job.id, job.id);
});

Deno.test("a job that needs one which comes to nothing is cancelled, and so are those that need it", async () => {
  await using test = await testQueue();
  const { queue } = test;
  const needed = await add(queue, { maxFailures: 1 });
  const job = await add(queue, { dependsOn: [needed.id] });
  const last = await add(queue, { dependsOn: [job.id] });
  const { lease } = (await queue.claim(WORKER))!;
  await queue.fail(lease, { error: "no", retryAtMs: test.now() });
  for (const { id } of [job, last]) {
    const found = await queue.find(id);
    assert.equal(found?.state, "cancelled");
    assert.match(found.error!, /^it needs job ".*", which/);
  }
  await assert.rejects(
    queue.add({ kind: "k", contentHash: "x", payload: {}, dependsOn: [needed.id] }),
    /that one is failed; retry it first/,
  );
});

Deno.test("fail() tries again at its time, and after the last failure no more", async () => {
  await using test = await testQueue();
  const { queue } = test;
  const { id } = await add(queue, { maxFailures: 2 });
  let claimed = (await queue.claim(WORKER))!;
  const waiting = await queue.fail(claimed.lease, { error: "one", retryAtMs: test.now() + 500 });
  assert.equal(waiting.state, "queued");
  assert.equal(waiting.error, "one");
  assert.equal(await queue.claim(WORKER), undefined);
  test.advance(500);
  claimed = (await queue.claim(WORKER))!;
  assert.equal(claimed.job.attempts, 2);
  // what is no fault of the job does not count
  await queue.fail(claimed.lease, { error: "disk", retryAtMs: test.now(), counts: false });
  claimed = (await queue.claim(WORKER))!;
  const failed = await queue.fail(claimed.lease, { error: "two", retryAtMs: test.now() });
  assert.deepEqual([failed.state, failed.failures, failed.attempts], ["failed", 2, 3]);
  const retried = await queue.retry(id);
  assert.deepEqual([retried.state, retried.failures], ["queued", 0]);
});

Deno.test("a lease that runs out goes to the next worker, and the first can no longer report", async () => {
  await using test = await testQueue();
  const { queue } = test;
  await add(queue, { maxFailures: 3 });
  const first = (await queue.claim({ worker: "a", leaseMs: 1000 }))!;
  test.advance(900);
  assert.equal(await queue.heartbeat(first.lease, { leaseMs: 1000, progress: { step: 4 } }), null);
  test.advance(900);
  assert.equal(await queue.claim({ worker: "b", leaseMs: 1000 }), undefined);
  test.advance(100);
  const second = (await queue.claim({ worker: "b", leaseMs: 1000 }))!;
  assert.deepEqual(second.job.progress, { step: 4 });
  assert.equal(second.job.failures, 1);
  const { lease } = first;
  await assert.rejects(queue.heartbeat(lease, { leaseMs: 1 }), LeaseLostError);
  await assert.rejects(queue.succeed(lease, {}), LeaseLostError);
  await assert.rejects(queue.fail(lease, { error: "x", retryAtMs: null }), LeaseLostError);
  await assert.rejects(queue.release(lease, { state: "queued" }), LeaseLostError);
  assert.equal((await queue.succeed(second.lease, { a: 1 })).state, "succeeded");
  await assert.rejects(queue.succeed(second.lease, {}), LeaseLostError);
});

Deno.test("pause() and cancel() ask a running job, whose release then says what became of it", async () => {
  await using test = await testQueue();
  const { queue } = test;
  const { id } = await add(queue);
  const { lease } = (await queue.claim(WORKER))!;
  assert.deepEqual([(await queue.pause(id)).state, (await queue.find(id))?.wish], [
    "running",
    "pause",
  ]);
  assert.equal(await queue.heartbeat(lease, { leaseMs: 1000 }), "pause");
  const paused = await queue.release(lease, { state: "paused" });
  assert.deepEqual([paused.state, paused.attempts, paused.wish], ["paused", 0, null]);
  assert.equal(await queue.claim(WORKER), undefined);
  await queue.resume(id);
  const again = (await queue.claim(WORKER))!;
  assert.equal(again.job.attempts, 1);
  await queue.cancel(id);
  assert.equal((await queue.release(again.lease, { state: "queued" })).state, "cancelled");
  await assert.rejects(queue.pause(id), /Cannot pause job ".*": it is cancelled/);
  await assert.rejects(queue.resume(id), /it is cancelled/);
});

Deno.test("releaseWorker() puts back what a dead worker had, as it was asked to", async () => {
  await using test = await testQueue();
  const { queue } = test;
  const jobs = [await add(queue), await add(queue), await add(queue)];
  for (const _ of jobs) await queue.claim(WORKER);
  await queue.pause(jobs[1]!.id);
  await queue.cancel(jobs[2]!.id);
  assert.equal((await queue.releaseWorker("another")).length, 0);
  const states = (await queue.releaseWorker("w")).map(({ state }) => state);
  assert.deepEqual(states, ["queued", "paused", "cancelled"]);
});

Deno.test("prune() removes what is long over, but nothing that is waited for", async () => {
  await using test = await testQueue();
  const { queue } = test;
  const needed = await add(queue);
  await queue.succeed((await queue.claim(WORKER))!.lease, {});
  await add(queue, { dependsOn: [needed.id], runAtMs: test.now() + HOUR_MS });
  const old = await add(queue);
  await queue.cancel(old.id);
  test.advance(1);
  const pruned = await queue.prune({ finishedBeforeMs: test.now() });
  assert.deepEqual(pruned.map(({ id }) => id), [old.id]);
  assert.equal(await queue.find(old.id), undefined);
});

Deno.test("a schedule adds one job when it is due, however often it was missed", async () => {
  await using test = await testQueue();
  const { queue } = test;
  const schedule = { cron: "0 * * * *", job: { kind: "tick", payload: { a: 1 } } };
  await queue.setSchedule("hourly", schedule);
  assert.equal((await queue.addDue()).length, 0);
  test.advance(5 * HOUR_MS);
  await queue.setSchedule("hourly", schedule); // as a daemon does at its start
  const [job, ...more] = await queue.addDue();
  assert.equal(more.length, 0);
  assert.deepEqual([job?.kind, job?.payload], ["tick", { a: 1 }]);
  assert.equal((await queue.addDue()).length, 0);
  const { nextAtMs } = (await queue.schedules())[0]!;
  assert.ok(nextAtMs > test.now() && nextAtMs <= test.now() + HOUR_MS);
  await queue.removeSchedule("hourly");
  assert.deepEqual(await queue.schedules(), []);
});

Deno.test("events() lists the newest first, and forgets the oldest of very many", async () => {
  await using test = await testQueue();
  const { queue } = test;
  const { id } = await add(queue);
  for (let i = 0; i < 1005; i++) {
    await queue.note(id, { level: "info", message: `${i}`, data: i === 1004 ? { step: 1 } : null });
  }
  const [newest, next] = await queue.events(id, { limit: 2 });
  assert.deepEqual([newest?.message, newest?.data, next?.message], ["1004", { step: 1 }, "1003"]);
  const rest = await queue.events(id, { limit: 9999, before: next!.number });
  assert.equal(rest.at(-1)!.message, "5");
});

Deno.test("the queue agrees with a list in memory over random histories", async () => {
  await using test = await testQueue();
  const { queue } = test;
  const actions = [
    "add",
    "claim",
    "succeed",
    "fail",
    "pause",
    "resume",
    "cancel",
    "retry",
  ] as const;
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.constantFrom(...actions), fc.nat(9)), { maxLength: 40 }),
      async (history) => {
        await queue.prune({ finishedBeforeMs: Infinity });
        const model = new Map<string, string>();
        const leases = new Map<string, { jobId: string; token: string }>();
        for (const [action, pick] of history) {
          const ids = [...model.keys()];
          const id = ids[pick % ids.length];
          const lease = [...leases.values()][pick % leases.size];
          if (action === "add") model.set((await add(queue)).id, "queued");
          else if (action === "claim") {
            const claimed = await queue.claim({ worker: "w", leaseMs: HOUR_MS });
            const waits = ids.some((each) => model.get(each) === "queued");
            assert.equal(claimed !== undefined, waits);
            if (claimed !== undefined) {
              assert.equal(model.get(claimed.job.id), "queued");
              model.set(claimed.job.id, "running");
              leases.set(claimed.job.id, claimed.lease);
            }
          } else if (action === "succeed" || action === "fail") {
            if (lease === undefined) continue;
            if (action === "succeed") await queue.succeed(lease, {});
            else await queue.fail(lease, { error: "e", retryAtMs: null });
            model.set(lease.jobId, action === "succeed" ? "succeeded" : "failed");
            leases.delete(lease.jobId);
          } else if (id !== undefined) {
            const state = model.get(id)!;
            const next = NEXT[action][state];
            if (next === undefined) await assert.rejects(queue[action](id));
            else model.set(id, (await queue[action](id)).state);
            if (next !== undefined) assert.equal(model.get(id), next);
          }
        }
        const stored = new Map((await queue.list()).map(({ id, state }) => [id, state as string]));
        assert.deepEqual(
          [...stored].toSorted(),
          [...model].toSorted(),
        );
        for (const lease of leases.values()) await queue.succeed(lease, {});
        for (const { id } of await queue.list({ states: ["queued", "paused"] })) {
          await queue.cancel(id);
        }
      },
    ),
    { numRuns: 40 },
  );
});

/** What each action makes of each state; what is absent is refused. */
const NEXT: Readonly<
  Record<"pause" | "resume" | "cancel" | "retry", Readonly<Record<string, string>>>
> = {
  pause: { queued: "paused", running: "running", paused: "paused" },
  resume: { queued: "queued", running: "running", paused: "queued" },
  cancel: { queued: "cancelled", running: "running", paused: "cancelled", cancelled: "cancelled" },
  retry: { failed: "queued", cancelled: "queued" },
};

Deno.test("openSqliteQueue() names a file that is no database, and one of a later version", async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, "state.sqlite");
  await Deno.writeTextFile(
    path,
    "this is no database, and it is long enough to be read as one".repeat(20),
  );
  assert.throws(
    () => openSqliteQueue(path),
    /^UserError: Cannot open ".*state.sqlite": it is damaged/,
  );
});
