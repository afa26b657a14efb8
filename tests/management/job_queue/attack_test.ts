import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { IS_TERMINAL } from "../../../src/management/job_queue/job.ts";
import { openSqliteQueue } from "../../../src/management/job_queue/sqlite_queue.ts";
import { createRandom } from "../../../src/utils/random.ts";
import { temporaryFolder } from "../../temporary_folder.ts";

const PROCESSES = 8;

/** How long the attack lasts; the bar is 120 seconds. */
const SECONDS = Number(Deno.env.get("LLM_TRAINING_ATTACK_SECONDS") ?? 8);

Deno.test(`${PROCESSES} processes that are killed at random lose no job, and do none twice at a time`, async (test) => {
  await using folder = await temporaryFolder();
  const { path } = folder;
  await Deno.mkdir(join(path, "locks"));
  const state = join(path, "state.sqlite");
  await openSqliteQueue(state)[Symbol.asyncDispose]();
  const random = createRandom(20);
  let started = 0;
  const start = () => {
    const name = `worker-${started++}`;
    const worker = fileURLToPath(new URL("./attack_worker.ts", import.meta.url));
    return new Deno.Command(Deno.execPath(), {
      args: ["run", "--quiet", "--no-check", "-A", worker, path, name, `${started}`],
      stdout: "null",
      stderr: "inherit",
    }).spawn();
  };
  const workers = Array.from({ length: PROCESSES }, start);
  let kills = 0;
  for (const end = performance.now() + SECONDS * 1000; performance.now() < end;) {
    await new Promise((resolve) => setTimeout(resolve, random.integer(400)));
    const victim = random.integer(PROCESSES);
    workers[victim]!.kill("SIGKILL");
    const { signal } = await workers[victim]!.status;
    assert.equal(signal, "SIGKILL");
    kills++;
    workers[victim] = start();
  }
  await Deno.writeTextFile(join(path, "drain"), "");
  for (const worker of workers) assert.equal((await worker.status).code, 0);

  const lines: string[] = [];
  for await (const { name } of Deno.readDir(path)) {
    if (!name.endsWith(".log")) continue;
    lines.push(...(await Deno.readTextFile(join(path, name))).trimEnd().split("\n"));
  }
  const ids = (word: string) =>
    lines.filter((line) => line.startsWith(`${word} `)).map((line) => line.split(" ")[1]!);
  await using queue = openSqliteQueue(state);
  const jobs = new Map((await queue.list()).map((job) => [job.id, job]));
  assert.deepEqual(ids("twice"), []);
  for (const job of jobs.values()) assert.ok(IS_TERMINAL[job.state], `${job.id} is ${job.state}`);
  for (const id of ids("added")) assert.ok(jobs.has(id), `${id} was lost`);
  for (const word of ["succeeded", "failed"]) {
    const ended = ids(word);
    assert.equal(new Set(ended).size, ended.length, "none ended twice");
    for (const id of ended) assert.equal(jobs.get(id)?.state, word);
  }
  assert.ok(kills >= SECONDS && ids("began").length > jobs.size / 2);
  // the name of the step tells the figures
  const figures = `${jobs.size} jobs, ${ids("began").length} attempts, ${kills} kills`;
  await test.step(figures, () => {});
});
