/**
 * How attempts at jobs end, and what becomes of the jobs.
 *
 * @module
 */

import type { Job } from "../../management/job_queue/job.ts";
import type { JsonObject } from "../../utils/json.ts";

/** Why a job is called off before its end. */
export type Interruption = "pause" | "skip" | "stop" | "cancel";

/** How an attempt at a job ended. */
export type JobEnd =
  | {
    /** All of it was trained. */
    readonly kind: "succeeded";
    /** What came of it. */
    readonly result: JsonObject;
  }
  | {
    /** It was saved and ended before all was trained. */
    readonly kind: "called_off";
    /** Why. */
    readonly by: Interruption | "outside";
    /** Steps that are saved. */
    readonly step: number;
  }
  | {
    /** It went wrong. */
    readonly kind: "failed";
    /** In words. */
    readonly error: string;
    /** Whether it would go wrong again. */
    readonly isFinal: boolean;
  }
  | {
    /** There was no room to write. */
    readonly kind: "disk_full";
    /** In words. */
    readonly error: string;
  }
  | {
    /** Somebody killed its trainer. */
    readonly kind: "killed";
    /** In words. */
    readonly error: string;
    /** Whether a checkpoint was saved before. */
    readonly progressed: boolean;
  }
  | {
    /** Another worker has it. */
    readonly kind: "lost";
  };

/** The state of a job that was called off, and why. */
export const CALLED_OFF: Readonly<
  Record<
    Interruption | "outside",
    { readonly state: "queued" | "paused" | "cancelled"; readonly reason: string | null }
  >
> = {
  pause: { state: "paused", reason: null },
  skip: { state: "cancelled", reason: "skipped" },
  stop: { state: "queued", reason: null },
  cancel: { state: "cancelled", reason: "cancelled" },
  outside: { state: "queued", reason: "somebody stopped its trainer" },
};

/** Says how an attempt ended. */
export function describeEnd(id: string, end: JobEnd, job: Job | undefined): string {
  switch (end.kind) {
    case "succeeded":
      return `Job ${id} succeeded: ${end.result["outcome"]}, step ${end.result["step"]}`;
    case "called_off":
      return `Job ${id} is ${job?.state}, saved after step ${end.step}`;
    case "failed":
      return `Job ${id} ${
        job?.state === "failed" ? "has failed" : "will be tried again"
      }: ${end.error}`;
    case "disk_full":
      return `Job ${id} waits for the disk: ${end.error}`;
    case "killed":
      return `Job ${id} starts again: ${end.error}`;
    case "lost":
      return `Job ${id} was lost to another worker`;
  }
}
