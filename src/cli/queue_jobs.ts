/**
 * The jobs that commands of `queue` are about, and how they are printed.
 *
 * @module
 */

import type { Command } from "commander";
import { type JobView, jobView } from "../core/daemon/job_view.ts";
import { type Job, JOB_STATES, type JobEvent, type JobState } from "../management/job_queue/job.ts";
import type { JobQueue } from "../management/job_queue/queue.ts";
import { openSqliteQueue } from "../management/job_queue/sqlite_queue.ts";
import { UserError } from "../utils/errors.ts";
import { addHomeOption, findHome, type HomeOption, type HomePlace } from "./home_option.ts";
import { print } from "./terminal.ts";

/** Options of every command of `queue`. */
export interface QueueOptions extends HomeOption {
  /** Whether to print JSON. */
  readonly json?: boolean;
}

/** Adds the options of every command. */
export function addCommon(command: Command): Command {
  return addHomeOption(command).option("--json", "print JSON");
}

/** Opens the jobs of a home for `work`. */
export async function withQueue(
  options: HomeOption,
  work: (queue: JobQueue, place: HomePlace) => Promise<void>,
): Promise<void> {
  const place = findHome(options);
  await Deno.mkdir(place.home, { recursive: true });
  await using queue = openSqliteQueue(place.paths.state);
  await work(queue, place);
}

/** Finds a job by its id, or by the beginning of it. */
export async function findJob(queue: JobQueue, id: string): Promise<Job> {
  const exact = await queue.find(id);
  if (exact !== undefined) return exact;
  const found = (await queue.list()).filter((job) =>
    job.id.startsWith(id) || job.id.startsWith(`job-${id}`)
  );
  if (found.length === 1) return found[0]!;
  throw new UserError(
    found.length === 0
      ? `Cannot find job "${id}": see "queue list"`
      : `Cannot tell which job "${id}" is: ${found.length} begin so`,
  );
}

/** Collects the values of `--state`. */
export function stateOption(
  value: string,
  previous: readonly JobState[] = [],
): readonly JobState[] {
  const state = JOB_STATES.find((each) => each === value);
  if (state === undefined) {
    throw new UserError(`Cannot list jobs in state "${value}": known are ${JOB_STATES.join(", ")}`);
  }
  return [...previous, state];
}

/** Prints jobs, a line each. */
export function printJobs(jobs: readonly Job[], { json }: QueueOptions): void {
  if (json) return print(JSON.stringify(jobs.map(jobView), null, 2));
  if (jobs.length === 0) print("no jobs");
  jobs.map(jobView).map(lineOf).forEach(print);
}

/** Returns the line of a job. */
export function lineOf(
  { id, state, priority, name, kind, progress, error, wish }: JobView,
): string {
  const step = progress?.["step"];
  const total = progress?.["total_steps"];
  const steps = state !== "succeeded" && typeof step === "number" && step > 0
    ? ` step ${step}/${total ?? "?"}`
    : "";
  const asked = wish === null ? "" : ` (asked to ${wish})`;
  return `${id}  ${(state + asked).padEnd(9)}  ${priority.padEnd(6)}  ${name ?? kind}${steps}${
    error === null ? "" : `  ${error}`
  }`;
}

/** Returns all that is known of a job, a line each. */
export function describeJob(job: JobView): string[] {
  return Object.entries(job).filter(([, value]) => value !== null).map(([key, value]) =>
    `${key.padEnd(16)}${typeof value === "string" ? value : JSON.stringify(value)}`
  );
}

/** Returns an event as JSON. */
export function eventView({ atMs, level, message, data }: JobEvent): unknown {
  return { at: new Date(atMs).toISOString(), level, message, data };
}

/** Returns the line of an event. */
export function eventLine({ atMs, level, message }: JobEvent): string {
  const time = new Date(atMs).toISOString().slice(0, 19).replace("T", " ");
  return `${time} ${level === "info" ? "" : `${level}: `}${message}`;
}
