/**
 * `queue add`: files to be trained on.
 *
 * @module
 */

import { type Command, Option } from "commander";
import { existsSync } from "node:fs";
import { basename, resolve } from "node:path";
import { takeIn } from "../core/daemon/intake.ts";
import { jobView } from "../core/daemon/job_view.ts";
import { TRAINING_POLICIES, type TrainingPolicy } from "../core/daemon/settings.ts";
import { readBeside } from "../core/daemon/sidecar.ts";
import { TRAINING_SETTINGS } from "../core/training/settings.ts";
import { type Job, PRIORITIES, type Priority } from "../management/job_queue/job.ts";
import { UserError } from "../utils/errors.ts";
import { valuesOf } from "../utils/settings/layers.ts";
import { anySettings } from "../utils/settings/setting.ts";
import { findHome } from "./home_option.ts";
import { homeRunSettings } from "./home_run_settings.ts";
import { repeatedOption } from "./option_values.ts";
import { addExamples } from "./program.ts";
import { addCommon, lineOf, type QueueOptions, withQueue } from "./queue_jobs.ts";
import { addSettingFlags, flagSettings } from "./setting_flags.ts";
import { print } from "./terminal.ts";

const { dataset: _, ...RUN_SETTINGS } = anySettings(TRAINING_SETTINGS);

interface AddOptions extends QueueOptions {
  readonly priority?: Priority;
  readonly policy?: TrainingPolicy;
  readonly after?: readonly string[];
  readonly again?: boolean;
}

/** Adds `add` to the command `queue`. */
export function registerQueueAdd(queue: Command): void {
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
      const said = await readBeside(path);
      added.push(
        await takeIn({ queue, paths: place.paths, readHome: () => homeRunSettings(place) }, {
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
