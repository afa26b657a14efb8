/**
 * A home with runs whose checkpoints are as old as a test wants.
 *
 * @module
 */

import { join } from "node:path";
import { saveCheckpoint } from "../../src/models/checkpoint/save.ts";
import { homePaths } from "../../src/utils/paths.ts";
import { sampleState } from "../models/checkpoint/sample_state.ts";

/** The time that tests call now. */
export const NOW_MS = Date.UTC(2026, 10, 26, 12);

/** Options of {@linkcode writeRun}. */
export interface WriteRunOptions {
  /** Ages of checkpoints by step, in hours before {@linkcode NOW_MS}. */
  readonly ageHours: Readonly<Record<number, number>>;
  /** Loss of evaluations by step. @default {{}} */
  readonly evalLoss?: Readonly<Record<number, number>>;
  /** Whether the run has done all its steps. @default {true} */
  readonly isFinished?: boolean;
  /** Settings of the run. @default {{}} */
  readonly config?: Readonly<Record<string, unknown>>;
}

/** Writes the run `name` as a trainer would, and returns its folder. */
export async function writeRun(
  home: string,
  { name, ageHours, evalLoss = {}, isFinished = true, config = {} }:
    & WriteRunOptions
    & { readonly name: string },
): Promise<string> {
  const run = join(homePaths(home).runs, name);
  await Deno.mkdir(run, { recursive: true });
  for (const [step, age] of Object.entries(ageHours)) {
    const path = await saveCheckpoint(run, sampleState(Number(step)));
    const time = new Date(NOW_MS - age * 3_600_000);
    for await (const { name } of Deno.readDir(path)) await Deno.utime(join(path, name), time, time);
  }
  const metrics = Object.entries(evalLoss)
    .map(([step, loss]) => `${JSON.stringify({ step: Number(step), loss: 3, eval_loss: loss })}\n`);
  await Deno.writeTextFile(join(run, "metrics.jsonl"), metrics.join(""));
  await Deno.writeTextFile(join(run, "config.json"), JSON.stringify(config));
  const event = isFinished ? "finished" : "started";
  await Deno.writeTextFile(
    join(run, "events.jsonl"),
    `${JSON.stringify({ time: "2026-11-26T12:00:00Z", event, step: 1 })}\n`,
  );
  return run;
}

/** Returns the paths of all files below `folder` but locks, within it, in order. */
export async function filesBelow(folder: string): Promise<readonly string[]> {
  const found: string[] = [];
  const visit = async (path: string, prefix: string): Promise<void> => {
    for await (const { name, isDirectory } of Deno.readDir(path)) {
      if (isDirectory) await visit(join(path, name), `${prefix}${name}/`);
      else if (!name.endsWith(".lock")) found.push(`${prefix}${name}`);
    }
  };
  await visit(folder, "");
  return found.sort();
}
