/**
 * What to type next, for somebody who typed the program's name alone.
 *
 * @module
 */

import { existsSync } from "node:fs";
import { relative } from "node:path";
import { runFolders } from "../monitoring/runs/find_run.ts";
import { readRun } from "../monitoring/runs/read_run.ts";
import { homePaths, type PathContext, resolveHome } from "../utils/paths.ts";

/** The command lines that come next, each with what it does. */
export interface NextSteps {
  /** What they are for. */
  readonly title: string;
  /** Command and comment. */
  readonly lines: readonly (readonly [command: string, comment: string])[];
}

const FIRST: NextSteps = {
  title: "Begin with data that the program makes itself (a minute on two CPU cores):",
  lines: [
    [
      "data generate --skill tiny_world --level 3 --rows 3000 --output rows.jsonl",
      "questions, answers, stories",
    ],
    ["train --dataset rows.jsonl --model demo --output runs/first", "a small model, from nothing"],
    ["chat --model runs/first", "talk with it"],
  ],
};

/** Returns what comes next in a home: with the newest run that has a checkpoint, else how to come to one. */
export async function nextSteps(context: PathContext): Promise<NextSteps> {
  const { runs } = homePaths(resolveHome(context).path);
  const folders = await runFolders(runs).catch(() => []);
  for (const folder of folders.toReversed()) {
    const run = await readRun(folder).catch(() => undefined);
    if (run === undefined || run.checkpoints.length === 0) continue;
    const given = existsSync(relative(context.cwd, folder))
      ? relative(context.cwd, folder)
      : folder;
    const model = given.includes(" ") ? JSON.stringify(given) : given;
    return {
      title: `The newest run here is ${run.id} (${run.state}):`,
      lines: [
        [`run show ${run.id}`, "what became of it"],
        run.state === "interrupted"
          ? [`train --resume --output ${model}`, "go on with it"]
          : [`chat --model ${model}`, "talk with it"],
        [`serve --model ${model}`, "OpenAI's API for it"],
      ],
    };
  }
  return FIRST;
}

/** Writes the steps as lines that can be copied. */
export function nextStepsText(name: string, { title, lines }: NextSteps): string {
  const width = Math.max(...lines.map(([command]) => command.length)) + 2;
  const shown = lines.map(([command, comment]) =>
    `  $ ${name} ${command.padEnd(width)}# ${comment}`
  );
  return `${title}\n${shown.join("\n")}`;
}
