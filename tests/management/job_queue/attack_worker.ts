/**
 * A process of the attack test: adds, claims and ends jobs until it is told to stop, or killed.
 *
 * usage: attack_worker.ts FOLDER NAME SEED
 *
 * @module
 */

import { existsSync } from "node:fs";
import { join } from "node:path";
import { type ClaimedJob, LeaseLostError } from "../../../src/management/job_queue/job.ts";
import { openSqliteQueue } from "../../../src/management/job_queue/sqlite_queue.ts";
import { createRandom } from "../../../src/utils/random.ts";

const LEASE_MS = 3000;

const [folder, name, seed] = Deno.args as [string, string, string];
const random = createRandom(Number(seed));
using log = Deno.openSync(join(folder, `${name}.log`), { create: true, append: true });
await using queue = openSqliteQueue(join(folder, "state.sqlite"));

// each line is one system call, so that a killed process leaves whole lines only
const note = (line: string) => log.writeSync(new TextEncoder().encode(`${line}\n`));
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const isDraining = () => existsSync(join(folder, "drain"));

for (let idle = 0; !(isDraining() && idle > 3);) {
  if (!isDraining() && random.next() < 0.5) await add();
  const claimed = await queue.claim({ worker: name, leaseMs: LEASE_MS });
  if (claimed === undefined) {
    idle += (await queue.counts()).queued + (await queue.counts()).running === 0 ? 1 : 0;
    await pause(20);
    continue;
  }
  idle = 0;
  try {
    await work(claimed);
  } catch (error) {
    if (!(error instanceof LeaseLostError)) throw error;
    note(`lost ${claimed.job.id}`);
  }
}

async function add(): Promise<void> {
  const open = (await queue.list({ states: ["queued"], limit: 3 })).map(({ id }) => id);
  const { job, isNew } = await queue.add({
    kind: "attack",
    contentHash: `${random.integer(1e9)}`,
    payload: {},
    priority: (["high", "normal", "low"] as const)[random.integer(3)]!,
    maxFailures: 1000,
    dependsOn: open.length > 0 && random.next() < 0.1 ? [open[0]!] : [],
  }).catch((error) => {
    if (/it first/.test(String(error))) return { job: undefined, isNew: false };
    throw error;
  });
  if (isNew) note(`added ${job!.id}`);
}

async function work({ job, lease }: ClaimedJob): Promise<void> {
  {
    // the system's lock is the witness that nobody else works on it: it goes away with the process, and before it is
    // said that the work is over
    using file = await Deno.open(join(folder, "locks", job.id), { create: true, write: true });
    if (!await file.tryLock(true)) note(`twice ${job.id}`);
    note(`began ${job.id}`);
    for (let beats = random.integer(4); beats > 0; beats--) {
      await pause(random.integer(30));
      await queue.heartbeat(lease, { leaseMs: LEASE_MS, progress: { beats } });
    }
  }
  const end = random.next();
  if (end < 0.7) {
    await queue.succeed(lease, {});
    note(`succeeded ${job.id}`);
  } else if (end < 0.85) {
    await queue.fail(lease, { error: "by chance", retryAtMs: Date.now() + random.integer(50) });
  } else if (end < 0.9) {
    await queue.fail(lease, { error: "by chance", retryAtMs: null });
    note(`failed ${job.id}`);
  } else {
    await queue.release(lease, { state: random.next() < 0.2 ? "cancelled" : "queued" });
  }
}
