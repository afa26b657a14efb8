/**
 * The flags of trackers.
 *
 * @module
 */

import type { Command } from "commander";
import { TRACKERS } from "../monitoring/trackers/settings.ts";
import { repeatedOption } from "./option_values.ts";

/** Adds the flags of trackers; addresses and keys come from the environment too. */
export function addTrackerFlags(command: Command): Command {
  return command
    .option(
      "--tracker <name>",
      `show the run besides: ${
        TRACKERS.join(", ")
      }, or <name>=<folder or address>; may be repeated`,
      repeatedOption,
    )
    .option(
      "--tracker-project <name>",
      "experiment of mlflow, project of wandb (default: of the environment, or llm-training)",
    )
    .option(
      "--tracker-run-name <name>",
      "what trackers call the run (default: of the environment, or the name of its folder)",
    );
}
