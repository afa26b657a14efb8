/**
 * The flags of the Python platform's trainer that are no settings here.
 *
 * @module
 */

import { type Command, Option } from "commander";
import { PYTHON_PLATFORM } from "../core/training/python_platform.ts";
import { UserError } from "../utils/errors.ts";
import type { TranslationRule } from "../utils/settings/translate.ts";

/** Those flags, and what becomes of them; such as have another name here are aliases of settings. */
const PLATFORM_FLAGS: Readonly<Record<string, TranslationRule>> = {
  "--num-eval-samples <number>": PYTHON_PLATFORM["num_eval_samples"]!,
  "--skip-validation": () => [{ nothing: "what cannot be trained on is refused in any case" }],
  "-y, --yes": () => [{ nothing: "nothing is asked" }],
  "--system-prompt <text>": PYTHON_PLATFORM["system_prompt"]!,
  "--profile <name>": PYTHON_PLATFORM["profile.name"]!,
  "--bf16": PYTHON_PLATFORM["hyperparams.bf16"]!,
  "--fp16": PYTHON_PLATFORM["hyperparams.fp16"]!,
  "--resume-from-checkpoint <folder>": PYTHON_PLATFORM["output.resume_from_checkpoint"]!,
};

/** Adds the flags, which the help does not tell. */
export function addPlatformFlags(command: Command): Command {
  for (const option of options()) command.addOption(option);
  return command;
}

/**
 * Says what becomes of those that were given.
 *
 * @throws {UserError} If one cannot be done.
 */
export function checkPlatformFlags(command: Command, onWarning: (message: string) => void): void {
  for (const option of options()) {
    const name = option.attributeName();
    if (command.getOptionValueSource(name) !== "cli") continue;
    for (const each of PLATFORM_FLAGS[option.flags]!(command.getOptionValue(name), () => null)) {
      if ("refused" in each) throw new UserError(`Cannot take ${option.long}: ${each.refused}`);
      if ("nothing" in each) onWarning(`${option.long} is without effect: ${each.nothing}`);
    }
  }
}

function options(): readonly Option[] {
  return Object.keys(PLATFORM_FLAGS).map((flags) => new Option(flags).hideHelp());
}
