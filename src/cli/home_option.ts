/**
 * `--home`: which home folder a command is about.
 *
 * @module
 */

import type { Command } from "commander";
import { type HomePaths, homePaths, type PathContext, resolveHome } from "../utils/paths.ts";
import { pathContext } from "./model_options.ts";

/** What the option gives. */
export interface HomeOption {
  /** The folder. */
  readonly home?: string;
}

/** A home folder and all that lies in it. */
export interface HomePlace {
  /** Absolute path. */
  readonly home: string;
  /** What lies in it. */
  readonly paths: HomePaths;
  /** What names are relative to, with this home. */
  readonly context: PathContext;
}

/** Adds `--home` to `command`. */
export function addHomeOption(command: Command): Command {
  return command.option(
    "--home <folder>",
    "the home folder (default: as llm-training paths prints it)",
  );
}

/** Finds the home folder that is meant. */
export function findHome({ home: flag }: HomeOption): HomePlace {
  const context = { ...pathContext(), flag };
  const home = resolveHome(context).path;
  return { home, paths: homePaths(home), context };
}
