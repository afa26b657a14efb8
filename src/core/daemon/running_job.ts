/**
 * A job that trains, while it runs.
 *
 * @module
 */

import { join } from "node:path";
import {
  type ClaimedJob,
  type Job,
  type JobWish,
  LeaseLostError,
} from "../../management/job_queue/job.ts";
import { messageOf, UserError } from "../../utils/errors.ts";
import { isDiskFull } from "../../utils/file_error.ts";
import type { JsonObject } from "../../utils/json.ts";
import type { DaemonContext } from "./context.ts";
import { judgeModel, type ModelVerdict } from "./evaluate_job.ts";
import { reasonOf } from "./intake.ts";
import type { Interruption, JobEnd } from "./job_end.ts";
import { parseTrainPayload, runName, type TrainPayload } from "./job_payload.ts";
import { publish } from "./publish.ts";
import { planRun, type RunPlan } from "./run_plan.ts";
import { NO_PROGRESS, type TrainProgress } from "./train_progress.ts";
import { followTrainer, type TrainerEnd, untilFree } from "./train_run.ts";
import { verdictOn } from "./verdict.ts";
import type { TrainerProcess } from "./trainer_process.ts";
import type { Acknowledged } from "./trainer_protocol.ts";

/** What a job does now. */
export type JobPhase = "preparing" | "training" | "evaluating";

/** How long the queue waits for a sign of life. */
export const LEASE_MS = 60_000;

const HEARTBEAT_MS = 2000;

/** A trainer that has not ended by then is killed. */
const STOP_MS = 120_000;
const WISH_MS = 250;
const METRICS_MS = 1000;

/** A job that trains, while it runs. */
export class RunningJob {
  /** The job as it was claimed. */
  readonly job: Job;
  readonly #context: DaemonContext;
  readonly #claimed: ClaimedJob;
  readonly #wait: (ms: number) => Promise<void>;
  readonly #evaluation = new AbortController();
  #phase: JobPhase = "preparing";
  #asked: Interruption | undefined;
  #stopping: Promise<Acknowledged | null> | undefined;
  #trainer: TrainerProcess | undefined;
  #isLost = false;
  #notedAtMs = -Infinity;
  #progress: TrainProgress;

  constructor(
    context: DaemonContext,
    options: { readonly claimed: ClaimedJob; readonly wait: (ms: number) => Promise<void> },
  ) {
    this.#context = context;
    this.#claimed = options.claimed;
    this.#wait = options.wait;
    this.job = options.claimed.job;
    this.#progress = { ...NO_PROGRESS, ...this.job.progress, tokens_per_second: null };
  }

  /** What it does now. */
  get phase(): JobPhase {
    return this.#phase;
  }

  /** The process of its trainer; null while there is none. */
  get trainerPid(): number | null {
    return this.#trainer?.pid ?? null;
  }

  /** Where it stands. */
  get progress(): TrainProgress {
    return this.#progress;
  }

  /** Calls it off; the first who does so decides what becomes of it. What the trainer says of it comes back. */
  interrupt(by: Interruption): Promise<Acknowledged | null> {
    this.#asked ??= by;
    this.#evaluation.abort();
    return this.#stopping ??= this.#stopTrainer();
  }

  async #stopTrainer(): Promise<Acknowledged | null> {
    const trainer = this.#trainer;
    if (trainer === undefined) return null;
    // what it has saved stays; it goes on from there
    const timer = setTimeout(() => trainer.kill(), STOP_MS);
    try {
      return await trainer.send("stop");
    } finally {
      clearTimeout(timer);
    }
  }

  /** Has it save a checkpoint; null if it does not train now. */
  async checkpoint(): Promise<Acknowledged | null> {
    return await this.#trainer?.send("checkpoint") ?? null;
  }

  /** Does the job. */
  async run(): Promise<JobEnd> {
    const timers = [
      setInterval(() => void this.#heartbeat(), HEARTBEAT_MS),
      setInterval(() => void this.#readWish(), WISH_MS),
    ];
    let end: JobEnd;
    try {
      end = await this.#run();
    } catch (error) {
      end = this.#failure(error);
    } finally {
      timers.forEach(clearInterval);
    }
    if (!this.#isLost) await this.#heartbeat(); // where it stands in the end
    return this.#isLost ? { kind: "lost" } : end;
  }

  async #run(): Promise<JobEnd> {
    const { paths, settings, readHome } = this.#context;
    const payload = parseTrainPayload(this.job.payload);
    const home = await readHome();
    const dataset = { sha256: payload.dataset_sha256, name: payload.name };
    const run = { ...home, ...payload.settings };
    const { problem } = await verdictOn(dataset, { paths, settings: run });
    if (problem !== null) throw new UserError(reasonOf(problem));
    // a trainer whose daemon died may still save there
    const isStopped = () => this.#asked !== undefined || this.#isLost;
    await untilFree(join(paths.runs, runName(payload, this.job.id)), {
      wait: this.#wait,
      isStopped,
    });
    if (isStopped()) return this.#calledOff();
    const plan = await planRun({
      ...{ paths, payload, jobId: this.job.id, policy: settings.policy },
      home,
    });
    this.#update({ run: plan.folder, step: plan.step, checkpoint_step: plan.step });
    await this.#heartbeat();
    const end = await this.#train(plan);
    if (this.#isLost) return { kind: "lost" };
    return end.kind === "finished"
      ? await this.#finish(payload, { plan, checkpoint: end.ended.best ?? end.ended.checkpoint })
      : this.#ended(end, plan);
  }

  async #train(plan: RunPlan): Promise<TrainerEnd> {
    const { startTrainer, settings, log } = this.#context;
    const job = this.job.id;
    const trainer = this.#trainer = startTrainer({
      args: plan.args,
      onStderr: (text) =>
        log({ level: "info", message: text.trim(), details: { job, from: "trainer" } }),
    });
    this.#phase = "training";
    if (this.#asked !== undefined) this.#stopping = this.#stopTrainer();
    try {
      return await followTrainer(trainer, {
        stallMs: settings.stallMinutes * 60_000,
        onEvent: (event) => this.#onEvent(event),
      });
    } finally {
      this.#trainer = undefined;
    }
  }

  #onEvent(event: JsonObject): void {
    switch (event["kind"]) {
      case "started":
        this.#update({ total_steps: Number(event["totalSteps"]), step: Number(event["step"]) });
        return this.#note(
          `Training ${event["step"] === 0 ? "starts" : `goes on after step ${event["step"]}`} on ${
            event["device"]
          }`,
        );
      case "step":
        return this.#onStep(event["metrics"] as JsonObject, Number(event["totalSteps"]));
      case "saved":
        this.#update({ checkpoint_step: Number(event["step"]) });
        return this.#note(`Checkpoint of step ${event["step"]} saved`);
      case "warning":
        return this.#note(String(event["message"]), { level: "warn" });
    }
  }

  #onStep(metrics: JsonObject, totalSteps: number): void {
    const step = Number(metrics["step"]);
    this.#update({
      step,
      total_steps: totalSteps,
      loss: Number(metrics["loss"]),
      tokens_per_second: Number(metrics["tokens_per_second"]),
    });
    const now = this.#context.clock();
    const isWorth = step === totalSteps || "eval_loss" in metrics;
    if (!isWorth && now - this.#notedAtMs < METRICS_MS) return;
    this.#notedAtMs = now;
    const loss = Number(metrics["loss"]).toFixed(4);
    this.#note(`Step ${step}/${totalSteps}: training loss=${loss}`, { data: metrics });
  }

  async #finish(
    payload: TrainPayload,
    { plan, checkpoint }: { readonly plan: RunPlan; readonly checkpoint: string | null },
  ): Promise<JobEnd> {
    if (checkpoint === null) throw new Error("Internal: a run has ended without a checkpoint");
    this.#phase = "evaluating";
    let verdict: ModelVerdict;
    try {
      const { settings } = payload;
      verdict = await judgeModel(this.#context, {
        ...{ plan, checkpoint, settings, signal: this.#evaluation.signal },
      });
    } catch (error) {
      if (this.#asked !== undefined) return this.#calledOff();
      throw error;
    }
    const { message, level, result } = await publish(this.#context, {
      ...{ job: this.job, payload, plan, checkpoint, verdict, progress: this.#progress },
    });
    this.#note(message, { level });
    return { kind: "succeeded", result };
  }

  #ended(end: Exclude<TrainerEnd, { kind: "finished" }>, plan: RunPlan): JobEnd {
    switch (end.kind) {
      case "interrupted": {
        // one that was stopped before it had read its checkpoint does not know of its steps
        const step = Math.max(end.step, plan.step);
        this.#update({ step, checkpoint_step: step });
        return { kind: "called_off", by: this.#asked ?? "outside", step };
      }
      case "killed":
        if (this.#asked !== undefined) return this.#calledOff();
        return {
          kind: "killed",
          error: `the trainer was killed by ${end.signal}`,
          progressed: this.#progress.checkpoint_step > plan.step,
        };
      case "failed":
        if (end.reason === "disk_full") return { kind: "disk_full", error: end.message };
        return { kind: "failed", error: end.message, isFinal: end.reason === "input" };
    }
  }

  #calledOff(): JobEnd {
    if (this.#isLost) return { kind: "lost" };
    return {
      kind: "called_off",
      by: this.#asked ?? "outside",
      step: this.#progress.checkpoint_step,
    };
  }

  #failure(error: unknown): JobEnd {
    if (isDiskFull(error)) return { kind: "disk_full", error: messageOf(error) };
    const isFinal = error instanceof UserError;
    if (!isFinal) {
      const stack = error instanceof Error ? error.stack : undefined;
      this.#context.log({ level: "error", message: messageOf(error), details: { stack } });
    }
    return { kind: "failed", error: messageOf(error), isFinal };
  }

  #update(change: Partial<TrainProgress>): void {
    this.#progress = { ...this.#progress, ...change };
  }

  async #heartbeat(): Promise<void> {
    const { queue } = this.#context;
    try {
      const progress = { ...this.#progress };
      this.#obey(await queue.heartbeat(this.#claimed.lease, { leaseMs: LEASE_MS, progress }));
    } catch (error) {
      this.#onQueueError(error);
    }
  }

  async #readWish(): Promise<void> {
    try {
      this.#obey((await this.#context.queue.find(this.job.id))?.wish ?? null);
    } catch (error) {
      this.#onQueueError(error);
    }
  }

  #obey(wish: JobWish | null): void {
    if (wish !== null && this.#asked === undefined) void this.interrupt(wish);
  }

  #note(message: string, options: { level?: "info" | "warn"; data?: JsonObject } = {}): void {
    const { level = "info", data = null } = options;
    this.#context.queue.note(this.job.id, { level, message, data })
      .catch((error) => this.#onQueueError(error));
  }

  #onQueueError(error: unknown): void {
    if (error instanceof LeaseLostError) {
      this.#isLost = true;
      this.#trainer?.kill();
      this.#evaluation.abort();
    } else this.#context.log({ level: "error", message: messageOf(error) });
  }
}
