/**
 * The option by which commands work on another home than the one that would be found.
 *
 * @module
 */

import type { Command } from "commander";
import type { PathContext } from "../utils/paths.ts";
import { pathContext } from "./model_options.ts";

/** What the option gives. */
export interface HomeOption {
  /** The folder. */
  readonly home?: string;
}

/** Adds `--home` to `command`. */
export function addHomeOption(command: Command): Command {
  return command.option("--home <folder>", "the home folder (default: see llm-training paths)");
}

/** Returns what paths depend on, with the home that the option names. */
export function homeContext({ home }: HomeOption): PathContext {
  return { ...pathContext(), flag: home };
}
