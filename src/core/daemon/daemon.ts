/**
 * The daemon: takes files from the inbox, does one job after the other, and obeys.
 *
 * @module
 */

import { existsSync } from "node:fs";
import { join } from "node:path";
import type { ClaimedJob, Job } from "../../management/job_queue/job.ts";
import { removeIfThere, writeFileAtomic } from "../../utils/atomic_file.ts";
import { messageOf, UserError } from "../../utils/errors.ts";
import { isDiskFull } from "../../utils/file_error.ts";
import type { DaemonContext } from "./context.ts";
import type { ControlAnswer, ControlCommand } from "./control.ts";
import { canGenerate, generateData } from "./generate_job.ts";
import { DiskGuard } from "./disk_guard.ts";
import { createInbox, type Inbox } from "./inbox.ts";
import { takeArrived } from "./inbox_intake.ts";
import { GENERATE_JOB, TRAIN_JOB } from "./job_payload.ts";
import type { LogLevel } from "./log.ts";
import { CALLED_OFF, describeEnd, type Interruption, type JobEnd } from "./job_end.ts";
import { LEASE_MS, RunningJob } from "./running_job.ts";
import type { DaemonState } from "./status.ts";
import { createWake, type Wake } from "./wake.ts";
import { watchFolder } from "./watch.ts";

/** What the daemon calls itself in the queue: there is one of a home. */
export const WORKER = "daemon";

/** Kills one after the other, without a checkpoint between them, that are not taken for failures of the job. */
const MAX_KILLS = 20;

/** Longest wait before a job that was killed starts again. */
const MAX_KILLED_MS = 10_000;

/** How long jobs that made data are remembered. */
const KEEP_GENERATIONS_MS = 7 * 86_400_000;

/** The daemon, as its parts see it. */
export class Daemon {
  readonly #context: DaemonContext;
  readonly #inbox: Inbox;
  readonly #stop = new AbortController();
  readonly #wake: Wake;
  #running: RunningJob | undefined;
  #ended: Promise<JobEnd | undefined> = Promise.resolve(undefined);
  #isPaused: boolean;
  #isGenerating = false;
  readonly #disk: DiskGuard;
  #fault: string | null = null;
  #kills = 0;
  #generatedAtMs = -Infinity;
  #generationFailures = 0;

  constructor(context: Omit<DaemonContext, "persist">) {
    const { paths, settings, clock, log } = context;
    this.#wake = createWake(this.#stop.signal);
    this.#disk = new DiskGuard({
      folder: join(paths.settings, ".."),
      minFreeBytes: settings.minFreeBytes,
      ...{ wake: this.#wake, signal: this.#stop.signal, log },
    });
    this.#context = { ...context, persist: (work) => this.#disk.persist(work) };
    this.#inbox = createInbox(paths.inbox, { settleMs: settings.settleSeconds * 1000, clock });
    this.#isPaused = existsSync(this.#pausedPath);
  }

  /** What it does, and why where that needs words. */
  get state(): { readonly state: DaemonState; readonly reason: string | null } {
    const disk = this.#disk.problem;
    const reason = disk ?? this.#fault;
    if (this.#stop.signal.aborted) return { state: "stopping", reason };
    // what a job has come to may wait to be written down
    const isWaiting = disk !== null && (this.#running?.trainerPid ?? null) === null;
    if (this.#running !== undefined && !isWaiting) return { state: this.#running.phase, reason };
    if (disk !== null) return { state: "waiting_for_disk", reason };
    if (this.#isPaused) return { state: "paused", reason };
    return { state: this.#isGenerating ? "generating" : "idle", reason };
  }

  /** The job that it does. */
  get running(): RunningJob | undefined {
    return this.#running;
  }

  /** Fires when it is to stop. */
  get signal(): AbortSignal {
    return this.#stop.signal;
  }

  /** Tells it that there may be something to do. */
  wake(): void {
    this.#wake.wake();
  }

  /** Does what there is to do until it is told to stop. */
  async run(): Promise<void> {
    const { queue, settings } = this.#context;
    for (const job of await queue.releaseWorker(WORKER)) {
      this.#log("warn", `Job ${job.id} was left running by a daemon that died; it goes on`);
    }
    // what was made is known by the jobs that train on it
    const finishedBeforeMs = this.#context.clock() - KEEP_GENERATIONS_MS;
    await queue.prune({ finishedBeforeMs, kinds: [GENERATE_JOB] });
    await this.#setSchedule();
    using _watch = watchFolder(this.#context.paths.inbox, () => this.#wake.wake());
    const looking = this.#lookIntoInbox();
    while (!this.#stop.signal.aborted) {
      try {
        if (this.#isPaused || !await this.#disk.hasRoom() || !await this.#doNext()) {
          await this.#wake.wait(settings.pollSeconds * 1000);
        }
      } catch (error) {
        await this.#onLoopError(error);
      }
    }
    await looking;
  }

  /** Carries a command out; fulfilled when that is done. */
  async command(command: ControlCommand, reason?: string): Promise<ControlAnswer> {
    this.#log("info", `Told to ${command}`, reason === undefined ? {} : { reason });
    const running = this.#running;
    switch (command) {
      case "pause": {
        this.#isPaused = true;
        const answer = this.#callOff("pause", { command, done: "paused", otherwise: "paused" });
        const note = {
          since: this.#now(),
          reason: reason ?? null,
          job_id: running?.job.id ?? null,
        };
        const text = `${JSON.stringify(note)}\n`;
        await this.#disk.persist(() => writeFileAtomic(this.#pausedPath, text));
        return await answer;
      }
      case "resume":
        return await this.#resume();
      case "skip":
        return await this.#callOff("skip", { command, done: "skipped", otherwise: "nothing runs" });
      case "stop": {
        const answer = this.#callOff("stop", { command, done: "stopped", otherwise: "stopped" });
        this.#stop.abort();
        return await answer;
      }
      case "checkpoint-now": {
        const saved = await running?.checkpoint() ?? null;
        return this.#answer(command, {
          outcome: saved === null ? "nothing is being trained" : "saved",
          job_id: saved === null ? null : running!.job.id,
          requested_at_step: saved?.requestedAtStep ?? null,
          step: saved?.step ?? null,
        });
      }
    }
  }

  async #callOff(by: Interruption, { command, done, otherwise }: {
    readonly command: ControlCommand;
    readonly done: string;
    readonly otherwise: string;
  }): Promise<ControlAnswer> {
    const running = this.#running;
    if (running === undefined) return this.#answer(command, { outcome: otherwise });
    const saved = await running.interrupt(by);
    const end = await this.#ended;
    const isFinished = end?.kind === "succeeded" || end?.kind === "failed";
    return this.#answer(command, {
      outcome: isFinished ? `${done}; the job had ${end.kind} before` : done,
      job_id: running.job.id,
      requested_at_step: saved?.requestedAtStep ?? null,
      step: running.progress.checkpoint_step,
    });
  }

  async #resume(): Promise<ControlAnswer> {
    const wasPaused = this.#isPaused;
    const paused = await readPaused(this.#pausedPath);
    await removeIfThere(this.#pausedPath);
    this.#isPaused = false;
    const job = paused === null ? undefined : await this.#context.queue.find(paused);
    if (job?.state === "paused") await this.#context.queue.resume(job.id);
    this.#wake.wake();
    return this.#answer("resume", {
      outcome: wasPaused ? "resumed" : "it was not paused",
      job_id: job?.state === "paused" ? job.id : null,
    });
  }

  #answer(command: ControlCommand, facts: Partial<ControlAnswer>): ControlAnswer {
    const answer = {
      ...{
        command,
        outcome: "",
        job_id: null,
        requested_at_step: null,
        step: null,
        at: this.#now(),
      },
      ...facts,
    };
    this.#log("info", `${command}: ${answer.outcome}`, { ...answer });
    return answer;
  }

  /** Does the next job; `false` if there is none. */
  async #doNext(): Promise<boolean> {
    const { queue, readHome } = this.#context;
    await readHome(); // a file of settings with a mistake in it is no fault of the jobs: they wait until it is mended
    this.#fault = null;
    await queue.addDue();
    const claimed = await queue.claim({
      ...{ worker: WORKER, leaseMs: LEASE_MS, kinds: [TRAIN_JOB, GENERATE_JOB] },
    });
    if (claimed === undefined) return await this.#addGeneration();
    if (this.#isPaused || this.#stop.signal.aborted) { // it was told so meanwhile
      await queue.release(claimed.lease, { state: "queued" });
      return false;
    }
    if (claimed.job.kind === GENERATE_JOB) await this.#generate(claimed);
    else await this.#train(claimed);
    return true;
  }

  async #train(claimed: ClaimedJob): Promise<void> {
    const { id } = claimed.job;
    const running = new RunningJob(this.#context, { claimed, wait: (ms) => this.#wake.wait(ms) });
    this.#running = running;
    const ended = Promise.withResolvers<JobEnd | undefined>();
    this.#ended = ended.promise;
    this.#log("info", `Job ${id} starts, attempt ${claimed.job.attempts}`, { job: id });
    let end: JobEnd | undefined;
    try {
      end = await running.run();
      const job = await this.#disk.persist(() => this.#record(claimed, end!));
      const level = end.kind === "failed" ? "error" : "info";
      const message = describeEnd(id, end, job);
      this.#log(level, message, { job: id });
      await this.#context.queue.note(id, { level, message, data: null });
    } finally {
      this.#running = undefined;
      ended.resolve(end);
    }
  }

  /** Writes down how an attempt ended. */
  async #record({ lease }: ClaimedJob, end: JobEnd): Promise<Job | undefined> {
    const { queue, settings, clock } = this.#context;
    if (end.kind !== "killed") this.#kills = 0;
    if (end.kind === "succeeded") this.#disk.noteRoom();
    switch (end.kind) {
      case "succeeded":
        return await queue.succeed(lease, end.result);
      case "called_off": {
        const { state, reason } = CALLED_OFF[end.by];
        return await queue.release(lease, { state, reason });
      }
      case "failed": {
        const job = await queue.find(lease.jobId);
        const waitMs = settings.retrySeconds * 1000 * 2 ** (job?.failures ?? 0);
        return await queue.fail(lease, {
          error: end.error,
          retryAtMs: end.isFinal ? null : clock() + waitMs,
        });
      }
      case "disk_full": {
        const runAtMs = clock() + this.#disk.noteFull(end.error);
        return await queue.release(lease, { state: "queued", reason: end.error, runAtMs });
      }
      case "killed": {
        this.#kills = end.progressed ? 0 : this.#kills + 1;
        const waitMs = this.#kills === 0 ? 0 : Math.min(100 * 2 ** this.#kills, MAX_KILLED_MS);
        return await queue.fail(lease, {
          ...{ error: end.error, retryAtMs: clock() + waitMs },
          // somebody may kill a trainer as often as they like; what kills each one at once is the job
          counts: this.#kills > MAX_KILLS,
        });
      }
      case "lost":
        return undefined;
    }
  }

  async #addGeneration(): Promise<boolean> {
    const { queue, settings, clock } = this.#context;
    if (!canGenerate(settings) || this.#inbox.isWaiting) return false;
    const { queued, running } = await queue.counts();
    const cooldownMs = settings.generateCooldownSeconds * 1000 * 2 ** this.#generationFailures;
    if (queued + running > 0 || clock() - this.#generatedAtMs < cooldownMs) return false;
    this.#generatedAtMs = clock();
    await queue.add({
      kind: GENERATE_JOB,
      contentHash: "",
      payload: {},
      again: true,
      maxFailures: 1,
    });
    return true;
  }

  async #generate({ lease }: ClaimedJob): Promise<void> {
    const { queue } = this.#context;
    this.#isGenerating = true;
    try {
      const seed = crypto.getRandomValues(new Uint32Array(1))[0]!;
      const { job, verdict, isNew } = await generateData(this.#context, {
        seed,
        signal: this.#stop.signal,
      });
      if (verdict.problem !== null) throw new UserError(job.error ?? verdict.problem);
      this.#generationFailures = 0;
      await this.#disk.persist(() =>
        queue.succeed(lease, { job_id: job.id, rows: verdict.rows, is_new: isNew })
      );
      this.#log("info", `Made ${verdict.rows} rows for job ${job.id}`);
    } catch (error) {
      if (this.#stop.signal.aborted) {
        await queue.release(lease, { state: "queued" });
        return;
      }
      if (isDiskFull(error)) {
        await this.#disk.persist(() =>
          queue.release(lease, { state: "queued", reason: messageOf(error) })
        );
        throw error;
      }
      this.#generationFailures = Math.min(this.#generationFailures + 1, 6);
      await this.#disk.persist(() =>
        queue.fail(lease, { error: messageOf(error), retryAtMs: null })
      );
      this.#log("error", messageOf(error));
    } finally {
      this.#isGenerating = false;
    }
  }

  async #setSchedule(): Promise<void> {
    const { queue, settings } = this.#context;
    const { generateSchedule: cron } = settings;
    if (cron === null) await queue.removeSchedule("generate");
    else {
      const job = { kind: GENERATE_JOB, payload: {}, maxFailures: 1 };
      await queue.setSchedule("generate", { cron, job });
    }
  }

  /** Takes files from the inbox, whatever else goes on. */
  async #lookIntoInbox(): Promise<void> {
    const { settings } = this.#context;
    while (!this.#stop.signal.aborted) {
      try {
        if (await takeArrived(this.#context, this.#inbox, this.#stop.signal)) this.#wake.wake();
      } catch (error) {
        await this.#onLoopError(error);
      }
      await this.#wake.wait(settings.pollSeconds * 1000);
    }
  }

  async #onLoopError(error: unknown): Promise<void> {
    if (isDiskFull(error)) this.#disk.noteFull(error);
    else if (this.#fault !== messageOf(error)) {
      this.#fault = messageOf(error);
      const stack = error instanceof Error && !(error instanceof UserError)
        ? error.stack
        : undefined;
      this.#log("error", this.#fault, { stack });
    }
    await this.#wake.wait(Math.max(1000, this.#context.settings.pollSeconds * 1000));
  }

  #log(level: LogLevel, message: string, details: Readonly<Record<string, unknown>> = {}): void {
    this.#context.log({ level, message, details });
  }

  get #pausedPath(): string {
    return join(this.#context.paths.daemon, "paused.json");
  }

  #now(): string {
    return new Date(this.#context.clock()).toISOString();
  }
}

async function readPaused(path: string): Promise<string | null> {
  try {
    return JSON.parse(await Deno.readTextFile(path)).job_id ?? null;
  } catch {
    return null; // it was not paused, or that was not written to its end
  }
}
