/**
 * `queue`: the daemon's jobs, whether it runs or not.
 *
 * @module
 */

import { type Command, Option } from "commander";
import { existsSync } from "node:fs";
import { basename, resolve } from "node:path";
import { takeIn } from "../core/daemon/intake.ts";
import { type JobView, jobView } from "../core/daemon/job_view.ts";
import { NO_SIDECAR, readSidecar, sidecarPath } from "../core/daemon/sidecar.ts";
import { TRAINING_POLICIES, type TrainingPolicy } from "../core/daemon/settings.ts";
import {
  type Job,
  JOB_STATES,
  type JobEvent,
  type JobState,
  PRIORITIES,
  type Priority,
} from "../management/job_queue/job.ts";
import type { JobQueue } from "../management/job_queue/queue.ts";
import { openSqliteQueue } from "../management/job_queue/sqlite_queue.ts";
import { UserError } from "../utils/errors.ts";
import { valuesOf } from "../utils/settings/layers.ts";
import { anySettings } from "../utils/settings/setting.ts";
import { TRAINING_SETTINGS } from "../core/training/settings.ts";
import { addHomeOption, findHome, type HomeOption, type HomePlace } from "./home_option.ts";
import { integerOption, numberOption, repeatedOption } from "./option_values.ts";
import { addExamples } from "./program.ts";
import { addSettingFlags, flagSettings } from "./setting_flags.ts";
import { print } from "./terminal.ts";

interface QueueOptions extends HomeOption {
  readonly json?: boolean;
}

const { dataset: _, ...RUN_SETTINGS } = anySettings(TRAINING_SETTINGS);

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
  registerAdd(queue);
  registerList(queue);
  registerShow(queue);
  registerChanges(queue);
  registerPrune(queue);
}

interface AddOptions extends QueueOptions {
  readonly priority?: Priority;
  readonly policy?: TrainingPolicy;
  readonly after?: readonly string[];
  readonly again?: boolean;
}

function registerAdd(queue: Command): void {
  const command = addCommon(queue.command("add <files...>"))
    .description(
      "Queue files to be trained on. Content that is queued or was trained on is not queued again. A side-car of a " +
        "file, name.json, holds settings of its run; flags go before it.",
    )
    .addOption(
      new Option("--priority <name>", "how urgent it is (default: normal)").choices(PRIORITIES),
    )
    .addOption(
      new Option("--policy <name>", "what it trains on from (default: as the daemon is set)")
        .choices(TRAINING_POLICIES),
    )
    .option(
      "--after <job>",
      "begin when this job has succeeded; may be given several times",
      repeatedOption,
    )
    .option("--again", "also queue content that was trained on before");
  addSettingFlags(command, RUN_SETTINGS)
    .action((files: readonly string[], options: AddOptions) => add(files, { options, command }));
  addExamples(command, [
    "llm-training queue add data.jsonl --epochs 1 --learning-rate 1e-4",
    "llm-training queue add *.jsonl --json",
  ]);
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
  addCommon(queue.command("show <job>"))
    .description("Show all of a job: what it is about, where it stands, what happened to it.")
    .action((id: string, options: QueueOptions) =>
      withQueue(options, async (jobs) => {
        const job = await findJob(jobs, id);
        const events = (await jobs.events(job.id)).toReversed();
        if (options.json) {
          print(JSON.stringify({ ...jobView(job), events: events.map(eventView) }, null, 2));
        } else [...describe(jobView(job)), ...events.map(eventLine)].forEach(print);
      })
    );
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
    addCommon(queue.command(`${name} <jobs...>`)).description(help)
      .action((ids: readonly string[], options: QueueOptions) =>
        withQueue(options, async (jobs) => {
          const changed: Job[] = [];
          for (const id of ids) changed.push(await change(jobs, (await findJob(jobs, id)).id));
          printJobs(changed, options);
        })
      );
  }
  const places = [...PRIORITIES, "first", "last"] as const;
  addCommon(queue.command("move <job> <place>"))
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

async function add(
  files: readonly string[],
  { options, command }: { readonly options: AddOptions; readonly command: Command },
): Promise<void> {
  const place = findHome(options);
  const cwd = place.context.cwd;
  const flags = valuesOf(flagSettings(command, { table: RUN_SETTINGS, cwd }));
  const { priority, policy, after: dependsOn, again = false } = options;
  await withQueue(options, async (queue) => {
    const added: { job: Job; isNew: boolean }[] = [];
    for (const file of files) {
      const path = resolve(cwd, file);
      if (!existsSync(path)) throw new UserError(`Cannot queue "${path}": there is no such file`);
      const sidecar = sidecarPath(path);
      const said = sidecar === undefined ? NO_SIDECAR : await readSidecar(sidecar);
      added.push(
        await takeIn({ queue, paths: place.paths }, {
          ...{ path, name: basename(path), source: "queue", lineage: said.lineage, again },
          settings: { ...said.settings, ...flags },
          priority: priority ?? said.priority,
          policy: policy ?? said.policy,
          ...(dependsOn === undefined ? {} : { dependsOn }),
        }),
      );
    }
    if (options.json) {
      return print(
        JSON.stringify(
          added.map(({ job, isNew }) => ({ ...jobView(job), is_new: isNew })),
          null,
          2,
        ),
      );
    }
    for (const { job, isNew } of added) {
      const view = jobView(job);
      print(
        isNew
          ? lineOf(view)
          : `${lineOf(view)}: this content is known; add --again to train on it again`,
      );
    }
    const bad = added.find(({ job }) => job.state === "failed");
    if (bad !== undefined) {
      throw new UserError(`Cannot train on "${jobView(bad.job).name}": ${bad.job.error}`);
    }
  });
}

function addCommon(command: Command): Command {
  return addHomeOption(command).option("--json", "print JSON");
}

async function withQueue(
  options: HomeOption,
  work: (queue: JobQueue, place: HomePlace) => Promise<void>,
): Promise<void> {
  const place = findHome(options);
  await Deno.mkdir(place.home, { recursive: true });
  await using queue = openSqliteQueue(place.paths.state);
  await work(queue, place);
}

/** Finds a job by its id, or by the beginning of it. */
async function findJob(queue: JobQueue, id: string): Promise<Job> {
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

function stateOption(value: string, previous: readonly JobState[] = []): readonly JobState[] {
  const state = JOB_STATES.find((each) => each === value);
  if (state === undefined) {
    throw new UserError(`Cannot list jobs in state "${value}": known are ${JOB_STATES.join(", ")}`);
  }
  return [...previous, state];
}

function printJobs(jobs: readonly Job[], { json }: QueueOptions): void {
  if (json) return print(JSON.stringify(jobs.map(jobView), null, 2));
  if (jobs.length === 0) print("no jobs");
  jobs.map(jobView).map(lineOf).forEach(print);
}

function lineOf({ id, state, priority, name, kind, progress, error, wish }: JobView): string {
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

function describe(job: JobView): string[] {
  return Object.entries(job).filter(([, value]) => value !== null).map(([key, value]) =>
    `${key.padEnd(16)}${typeof value === "string" ? value : JSON.stringify(value)}`
  );
}

function eventView({ atMs, level, message, data }: JobEvent): unknown {
  return { at: new Date(atMs).toISOString(), level, message, data };
}

function eventLine({ atMs, level, message }: JobEvent): string {
  const time = new Date(atMs).toISOString().slice(0, 19).replace("T", " ");
  return `${time} ${level === "info" ? "" : `${level}: `}${message}`;
}
