import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { DaemonSettings } from "../../../src/core/daemon/settings.ts";
import { startDaemon, testHome, untilDone } from "./test_daemon.ts";

const FAKE = fileURLToPath(new URL("./fake_trainer.ts", import.meta.url));

/** Runs a job whose trainers end as the words of `how` say, and returns it. */
async function runJob(how: string, settings: Partial<DaemonSettings> = {}) {
  await using home = await testHome();
  await Deno.writeTextFile(join(home.home, "how"), how);
  await home.drop("a.jsonl", { seed: 1 });
  const program = [Deno.execPath(), "run", "-q", "--no-check", "-A", FAKE] as const;
  await using _daemon = await startDaemon(home, {
    settings: { retrySeconds: 0.01, ...settings },
    program: [...program],
  });
  const [job] = await untilDone(home.queue, 1);
  const events = await home.queue.events(job!.id);
  return { job: job!, messages: events.map(({ message }) => message).toReversed() };
}

Deno.test("a trainer that crashes is tried again, as often as the settings say", async () => {
  const { job, messages } = await runJob("crash abort crash", { maxFailures: 3 });
  assert.deepEqual([job.state, job.attempts, job.failures], ["failed", 3, 3]);
  assert.match(
    job.error!,
    /^the trainer ended with exit status 70: internal error: it came to this$/,
  );
  assert.match(messages[0]!, /will be tried again: the trainer ended with exit status 70/);
  assert.match(messages[1]!, /will be tried again: the trainer ended with signal SIGABRT/);
  assert.match(messages[2]!, /has failed: /);
});

Deno.test("what would fail again is not tried again; what could not be downloaded is", async () => {
  const { job } = await runJob("download input");
  assert.deepEqual([job.state, job.attempts, job.failures], ["failed", 2, 2]);
  assert.equal(job.error, "Cannot train: of no use");
});

Deno.test("a trainer that says nothing is killed, and that is a failure; one that somebody kills is not", async () => {
  const { job } = await runJob("hang killed killed input", { stallMinutes: 0.02 });
  assert.deepEqual([job.state, job.attempts, job.failures], ["failed", 4, 2]);
});
