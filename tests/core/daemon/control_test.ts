import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { ControlAnswer } from "../../../src/core/daemon/control.ts";
import { readDaemonReport, statusPath } from "../../../src/core/daemon/status.ts";
import { listCheckpoints } from "../../../src/models/checkpoint/list.ts";
import { createRandom } from "../../../src/utils/random.ts";
import { runCli } from "../../cli/run_cli.ts";
import { newestWeights, readMetrics } from "../../e2e/checkpoints.ts";
import {
  readJson,
  startDaemon,
  type TestDaemon,
  type TestHome,
  testHome,
  until,
  untilDone,
} from "./test_daemon.ts";

/** How often a run is interrupted. */
const ROUNDS = Number(Deno.env.get("LLM_TRAINING_CONTROL_ROUNDS") ?? 1);

/** A run that takes a few seconds, in steps that take some milliseconds. */
const RUN = {
  maxSteps: 200 * (ROUNDS + 1),
  device: "wasm",
  gradientAccumulationSteps: 4,
  saveSteps: 1000,
};

/** Waits until the trainer has made a step after `step`. */
async function untilStep(daemon: TestDaemon, step: number): Promise<number> {
  return await until(async () => {
    const { state, job } = await daemon.status();
    const done = Number(job?.progress?.["step"] ?? 0);
    return state === "training" && done > step && done;
  }, `step ${step}`);
}

/** Checks that a command was carried out within two steps, that what was trained is saved and nothing called done. */
async function checkSaved(
  { queue }: TestHome,
  answer: ControlAnswer,
  state: string,
): Promise<number> {
  const job = (await queue.find(answer.job_id!))!;
  assert.equal(job.state, state);
  assert.equal(job.result, null);
  assert.equal(job.progress?.["checkpoint_step"], answer.step);
  const steps = answer.step! - answer.requested_at_step!;
  assert.ok(steps >= 0 && steps <= 2, `it took ${steps} steps`);
  const run = String(job.progress?.["run"]);
  assert.equal((await listCheckpoints(run)).at(-1)?.step, answer.step);
  assert.equal((await readMetrics(run)).length, answer.step);
  return answer.step!;
}

Deno.test("pause, stop and skip at random moments save within two steps, and the run goes on as if it had not stopped", async () => {
  await using quiet = await testHome(RUN);
  await quiet.drop("data.jsonl", { seed: 1, rows: 30 });
  await using alone = await startDaemon(quiet);
  const [undisturbed] = await untilDone(quiet.queue, 1);
  assert.equal(undisturbed?.state, "succeeded", undisturbed?.error ?? "");
  await alone[Symbol.asyncDispose]();

  const random = createRandom(3);
  await using home = await testHome(RUN);
  const { queue } = home;
  await home.drop("data.jsonl", { seed: 1, rows: 30 });
  let step = 0;
  const pause = (daemon: TestDaemon) => untilStep(daemon, step + random.integer(30));
  for (let round = 0; round < ROUNDS; round++) {
    await using daemon = await startDaemon(home);
    await pause(daemon);
    const paused = await daemon.command("pause");
    assert.equal(paused.outcome, "paused");
    step = await checkSaved(home, paused, "paused");
    assert.equal((await daemon.status()).state, "paused");
    assert.match((await daemon.command("resume")).outcome, /resumed/);

    await pause(daemon);
    const saved = await daemon.command("checkpoint-now");
    assert.equal(saved.outcome, "saved");
    assert.ok(saved.step! - saved.requested_at_step! <= 2);

    step = saved.step!;
    await pause(daemon);
    const skipped = await daemon.command("skip");
    assert.equal(skipped.outcome, "skipped");
    step = await checkSaved(home, skipped, "cancelled");
    assert.equal((await queue.find(skipped.job_id!))?.error, "skipped");
    await queue.retry(skipped.job_id!);

    await pause(daemon);
    const stopped = await daemon.command("stop");
    assert.equal(stopped.outcome, "stopped");
    await daemon.ended;
    step = await checkSaved(home, stopped, "queued");
  }
  await using _daemon = await startDaemon(home);
  const [done] = await untilDone(queue, 1);
  assert.deepEqual([done?.state, done?.attempts, done?.failures], ["succeeded", 1, 0]);
  const runs = [done, undisturbed].map((job) => String(job?.result?.["run"]));
  assert.deepEqual(await readMetrics(runs[0]!), await readMetrics(runs[1]!));
  assert.deepEqual(await newestWeights(runs[0]!), await newestWeights(runs[1]!));
});

Deno.test("a job that is cancelled or paused in the queue stops within two steps, and the next goes on", async () => {
  await using home = await testHome(RUN);
  const { queue } = home;
  await home.drop("a.jsonl", { seed: 1 });
  await using daemon = await startDaemon(home);
  await untilStep(daemon, 3);
  const [running] = await queue.list();
  await queue.pause(running!.id);
  await until(async () => (await queue.find(running!.id))?.state === "paused");
  await Deno.writeTextFile(join(home.paths.inbox, "b.json"), '{"maxSteps": 2}');
  await home.drop("b.jsonl", { seed: 2 });
  await until(async () => (await queue.counts()).succeeded === 1);
  await queue.resume(running!.id);
  const step = await untilStep(daemon, 3);
  await queue.cancel(running!.id);
  const cancelled = await until(async () => {
    const job = await queue.find(running!.id);
    return job?.state === "cancelled" && job;
  });
  assert.ok(Number(cancelled.progress?.["step"]) >= step);
  // the file before has made another model live meanwhile: this one must not take its place
  const live = await readJson(home.paths.live);
  assert.equal(live["job_id"], (await queue.list({ states: ["succeeded"] }))[0]?.id);
});

Deno.test("a run that was paused while another became live goes on, and does not take its place", async () => {
  await using home = await testHome(RUN);
  const { queue, paths } = home;
  await Deno.writeTextFile(join(paths.inbox, "first.json"), '{"maxSteps": 24}');
  await home.drop("first.jsonl", { seed: 1, rows: 4 });
  await using daemon = await startDaemon(home);
  await untilDone(queue, 1);
  await home.drop("a.jsonl", { seed: 2 });
  await untilStep(daemon, 3);
  const [a] = await queue.list();
  await queue.pause(a!.id);
  await until(async () => (await queue.find(a!.id))?.state === "paused");
  await Deno.writeTextFile(join(paths.inbox, "b.json"), '{"maxSteps": 2}');
  await home.drop("b.jsonl", { seed: 3 });
  await until(async () => (await queue.counts()).succeeded === 2);
  const live = await readJson(paths.live);
  await queue.resume(a!.id);
  await until(async () => (await queue.counts()).succeeded === 3);
  assert.equal((await queue.find(a!.id))?.result?.["outcome"], "diverged");
  assert.deepEqual(await readJson(paths.live), live);
});

Deno.test("files in control/ are obeyed, answered and removed; those of an earlier daemon are not obeyed", async () => {
  await using home = await testHome(RUN);
  const { paths } = home;
  await Deno.mkdir(paths.control, { recursive: true });
  await Deno.writeTextFile(join(paths.control, "stop"), "");
  await Deno.writeTextFile(join(paths.control, ".resume"), "");
  await home.drop("a.jsonl", { seed: 1 });
  await using daemon = await startDaemon(home);
  const tell = async (name: string): Promise<ControlAnswer> => {
    const path = join(paths.control, name);
    await Deno.writeTextFile(path, "");
    await until(() => !existsSync(path), `${name} to be obeyed`);
    return JSON.parse(
      await Deno.readTextFile(join(paths.control, `${name.replace(/^\./, "")}.done`)),
    );
  };
  await untilStep(daemon, 1);
  assert.match(String((await readJson(join(paths.control, "stop.done")))["outcome"]), /^ignored/);
  assert.match(String((await readJson(join(paths.control, "resume.done")))["outcome"]), /^ignored/);
  const paused = await tell("pause");
  await checkSaved(home, paused, "paused");
  assert.equal((await daemon.status()).state, "paused");
  assert.equal((await tell(".resume")).outcome, "resumed");
  await untilStep(daemon, paused.step!);
  assert.equal((await tell("checkpoint-now")).outcome, "saved");
  assert.equal((await tell("stop")).outcome, "stopped");
  await daemon.ended;
});

Deno.test("a pause lasts over a restart of the daemon, and resume ends it", async () => {
  await using home = await testHome({ maxSteps: 1 });
  {
    await using daemon = await startDaemon(home);
    await daemon.command("pause");
  }
  await home.drop("a.jsonl", { seed: 1 });
  await using daemon = await startDaemon(home);
  await until(async () => (await home.queue.counts()).queued === 1);
  assert.equal((await daemon.status()).state, "paused");
  await daemon.command("resume");
  await untilDone(home.queue, 1);
});

Deno.test("a second daemon of a home is refused before it touches anything, and a dead one does not look alive", async () => {
  await using home = await testHome();
  const report = () => readDaemonReport(home.paths, { clock: Date.now });
  assert.equal((await report()).liveness, "stopped");
  {
    await using _daemon = await startDaemon(home);
    const before = await readJson(statusPath(home.paths));
    await assert.rejects(startDaemon(home), /Cannot start a daemon in ".*": one is running there/);
    assert.equal((await readJson(statusPath(home.paths)))["started_at"], before["started_at"]);
    const { liveness, heartbeat_age_seconds: age } = await report();
    assert.equal(liveness, "running");
    assert.ok(age! < 10);
    const silent = await readDaemonReport(home.paths, { clock: () => Date.now() + 60_000 });
    assert.deepEqual([silent.liveness, silent.running], ["silent", false]);
  }
  assert.equal((await report()).liveness, "stopped");
  const status = await readJson(statusPath(home.paths));
  await Deno.writeTextFile(
    statusPath(home.paths),
    JSON.stringify({ ...status, state: "training" }),
  );
  const dead = await report();
  assert.deepEqual([dead.liveness, dead.running], ["dead", false]);
  const printed = await runCli(["daemon", "status", "--home", home.home]);
  assert.equal(printed.status, 3);
  assert.match(printed.stdout, /is dead: it ended without having been told to/);
});

Deno.test("commands need the daemon's key", async () => {
  await using home = await testHome();
  await using daemon = await startDaemon(home);
  for (const authorization of ["", "Bearer wrong"]) {
    const response = await fetch(`${daemon.ready.url}/daemon/stop`, {
      method: "POST",
      headers: { authorization },
    });
    assert.equal(response.status, 401);
    await response.body?.cancel();
  }
  if (Deno.build.os !== "windows") {
    const { mode } = await Deno.stat(join(home.paths.daemon, "key"));
    assert.equal(mode! & 0o077, 0);
  }
});

Deno.test({
  name: "a trainer that gets Ctrl-C or SIGTERM itself saves, and goes on: that is no failure",
  ignore: Deno.build.os === "windows",
  async fn() {
    await using home = await testHome({ ...RUN, maxSteps: 200 });
    await home.drop("a.jsonl", { seed: 1, rows: 8 });
    await using daemon = await startDaemon(home);
    let before: number | null = null;
    for (const signal of ["SIGINT", "SIGTERM"] as const) {
      const pid = await until(async () => {
        const { trainer_pid, job } = await daemon.status();
        const [event] = await home.queue.events(job?.id ?? "");
        return /^Step/.test(event?.message ?? "") && trainer_pid !== before && trainer_pid;
      });
      if (pid === null) throw new Error("there is no trainer");
      Deno.kill(pid, signal);
      before = pid;
    }
    const [job] = await untilDone(home.queue, 1);
    const story = (await home.queue.events(job!.id)).map(({ message }) => message).join("\n");
    assert.deepEqual([job?.state, job?.attempts, job?.failures], ["succeeded", 1, 0], story);
  },
});
