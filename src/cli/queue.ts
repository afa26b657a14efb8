/**
 * `queue`: the daemon's jobs, whether it runs or not.
 *
 * @module
 */

import { type Command, Option } from "commander";
import { jobView } from "../core/daemon/job_view.ts";
import { type Job, JOB_STATES, type JobState, PRIORITIES } from "../management/job_queue/job.ts";
import type { JobQueue } from "../management/job_queue/queue.ts";
import { UserError } from "../utils/errors.ts";
import { integerOption, numberOption } from "./option_values.ts";
import { addExamples } from "./program.ts";
import { registerQueueAdd } from "./queue_add.ts";
import {
  addCommon,
  describeJob,
  eventLine,
  eventView,
  findJob,
  printJobs,
  type QueueOptions,
  stateOption,
  withQueue,
} from "./queue_jobs.ts";
import { print } from "./terminal.ts";

/** Adds `queue` and its commands to `program`. */
export function registerQueue(program: Command): void {
  const queue = program.command("queue").description(
    "Look at the daemon's jobs and change them. It works whether the daemon runs or not.",
  );
  addExamples(queue, [
    "llm-training queue add data.jsonl --priority high",
    "llm-training queue list --state queued --json",
    "llm-training queue move job-1f0c3a first",
    "llm-training queue retry job-1f0c3a",
  ]);
  registerQueueAdd(queue);
  registerList(queue);
  registerShow(queue);
  registerChanges(queue);
  registerPrune(queue);
}

function registerList(queue: Command): void {
  const command = addCommon(queue.command("list"))
    .description("List the jobs: what runs, what waits in its order, what is over.")
    .addOption(
      new Option("--state <state>", "only jobs in this state; may be given several times")
        .choices(JOB_STATES).argParser(stateOption),
    )
    .option("--limit <number>", "at most so many", integerOption({ min: 1 }))
    .action((options: QueueOptions & { state?: readonly JobState[]; limit?: number }) =>
      withQueue(options, async (jobs) => {
        const { state: states, limit } = options;
        const found = await jobs.list({
          ...(states === undefined ? {} : { states }),
          ...(limit === undefined ? {} : { limit }),
        });
        printJobs(found, options);
      })
    );
  addExamples(command, [
    "llm-training queue list",
    "llm-training queue list --state failed --json",
  ]);
}

function registerShow(queue: Command): void {
  const command = addCommon(queue.command("show <job>"))
    .description("Show all of a job: what it is about, where it stands, what happened to it.")
    .action((id: string, options: QueueOptions) =>
      withQueue(options, async (jobs) => {
        const job = await findJob(jobs, id);
        const events = (await jobs.events(job.id)).toReversed();
        if (options.json) {
          print(JSON.stringify({ ...jobView(job), events: events.map(eventView) }, null, 2));
        } else [...describeJob(jobView(job)), ...events.map(eventLine)].forEach(print);
      })
    );
  addExamples(command, [
    "llm-training queue show job-1f0c3a",
    "llm-training queue show 1f0c3a --json",
  ]);
}

/** A command that changes one job. */
interface Change {
  readonly name: string;
  readonly help: string;
  readonly change: (jobs: JobQueue, id: string) => Promise<Job>;
}

const CHANGES: readonly Change[] = [
  {
    name: "cancel",
    help: "Cancel a job; one that runs is saved first, so that retry goes on from there.",
    change: (jobs, id) => jobs.cancel(id, "cancelled"),
  },
  {
    name: "pause",
    help: "Pause a job; one that runs is saved first.",
    change: (jobs, id) => jobs.pause(id),
  },
  { name: "resume", help: "Queue a paused job again.", change: (jobs, id) => jobs.resume(id) },
  {
    name: "retry",
    help: "Queue a job again that has failed or was cancelled; it goes on from its checkpoint.",
    change: (jobs, id) => jobs.retry(id),
  },
];

function registerChanges(queue: Command): void {
  for (const { name, help, change } of CHANGES) {
    const command = addCommon(queue.command(`${name} <jobs...>`)).description(help);
    addExamples(command, [`llm-training queue ${name} job-1f0c3a`])
      .action((ids: readonly string[], options: QueueOptions) =>
        withQueue(options, async (jobs) => {
          const changed: Job[] = [];
          for (const id of ids) changed.push(await change(jobs, (await findJob(jobs, id)).id));
          printJobs(changed, options);
        })
      );
  }
  const places = [...PRIORITIES, "first", "last"] as const;
  const command = addCommon(queue.command("move <job> <place>"))
    .description(`Give a job another priority, or another place: ${places.join(", ")}.`)
    .action((id: string, place: string, options: QueueOptions) => {
      const to = places.find((each) => each === place);
      if (to === undefined) {
        throw new UserError(
          `Cannot move a job to "${place}": it must be one of ${places.join(", ")}`,
        );
      }
      return withQueue(
        options,
        async (jobs) => printJobs([await jobs.move((await findJob(jobs, id)).id, to)], options),
      );
    });
  addExamples(command, [
    "llm-training queue move job-1f0c3a high",
    "llm-training queue move job-1f0c3a first",
  ]);
}

function registerPrune(queue: Command): void {
  const command = addCommon(queue.command("prune"))
    .description("Forget jobs that are over. Their data, runs and lineage stay.")
    .option(
      "--older-than <days>",
      "only those that ended so many days ago",
      numberOption({ min: 0 }),
      7,
    )
    .addOption(
      new Option("--state <state>", "only jobs in this state; may be given several times")
        .choices(["succeeded", "failed", "cancelled"]).argParser(stateOption),
    )
    .action((options: QueueOptions & { olderThan: number; state?: readonly JobState[] }) =>
      withQueue(options, async (jobs) => {
        const { state: states, olderThan } = options;
        const finishedBeforeMs = Date.now() - olderThan * 86_400_000;
        const pruned = await jobs.prune({
          finishedBeforeMs,
          ...(states === undefined ? {} : { states }),
        });
        if (options.json) printJobs(pruned, options);
        else print(`forgot ${pruned.length} jobs`);
      })
    );
  addExamples(command, [
    "llm-training queue prune --older-than 30",
    "llm-training queue prune --state cancelled --older-than 0",
  ]);
}
