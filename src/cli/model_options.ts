/**
 * The options that say which model to run, and where.
 *
 * @module
 */

import { type Command, Option } from "commander";
import { existsSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { DEVICE_WISHES, type DeviceWish } from "../engine/runtime/devices.ts";
import { checkpointsFolder } from "../models/checkpoint/list.ts";
import { latestCheckpoint } from "../models/checkpoint/open.ts";
import { UserError } from "../utils/errors.ts";
import { findModel, homePaths, type PathContext, resolveHome } from "../utils/paths.ts";
import { integerOption } from "./option_values.ts";

/** What the options give. */
export interface ModelOptions {
  /** A folder, a run or a name. */
  readonly model: string;
  /** Where to run. */
  readonly device: DeviceWish;
  /** CPU threads. */
  readonly threads?: number;
}

/** A model on disk. */
export interface ModelPlace {
  /** Its folder. */
  readonly folder: string;
  /** What to call it. */
  readonly id: string;
}

/** Adds `--model`, `--device` and `--threads` to `command`. */
export function addModelOptions(command: Command): Command {
  return command
    .requiredOption(
      "--model <model>",
      "a model's folder, a run (its newest checkpoint), a checkpoint, or a name in the models folder",
    )
    .addOption(
      new Option("--device <device>", "where to run").choices(DEVICE_WISHES).default("auto"),
    )
    .option(
      "--threads <number>",
      "CPU threads (default: by the machine)",
      integerOption({ min: 1 }),
    );
}

/** Returns what file names on the command line are relative to. */
export function pathContext(): PathContext {
  return { env: Deno.env.toObject(), cwd: Deno.cwd() };
}

/**
 * Finds the model that `--model` names: of a run, its newest whole checkpoint.
 *
 * @throws {UserError} If there is none.
 */
export async function findModelOrRun(name: string, context: PathContext): Promise<ModelPlace> {
  const { runs } = homePaths(resolveHome(context).path);
  for (const run of [resolve(context.cwd, name), join(runs, name)]) {
    if (name === "" || !existsSync(checkpointsFolder(run))) continue;
    using checkpoint = await latestCheckpoint(run);
    if (checkpoint === undefined) {
      throw new UserError(`Cannot use run "${run}": it has no whole checkpoint yet`);
    }
    return { folder: checkpoint.path, id: basename(run) };
  }
  const folder = findModel(name, context);
  const isRepository = /^[\w-][\w.-]*\/[\w.-]+$/.test(name) &&
    resolve(context.cwd, name) !== folder;
  return { folder, id: isRepository ? name : basename(resolve(context.cwd, name)) };
}
