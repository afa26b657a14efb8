/**
 * `init`: makes a folder a home, by a file of settings that explains itself.
 *
 * @module
 */

import type { Command } from "commander";
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { writeFileAtomic } from "../utils/atomic_file.ts";
import { UserError } from "../utils/errors.ts";
import { fileError } from "../utils/file_error.ts";
import { HOME_VARIABLE, resolveHome, SETTINGS_FILE } from "../utils/paths.ts";
import { pathContext } from "./model_options.ts";
import { addExamples } from "./program.ts";
import { settingsTemplate } from "./settings_template.ts";
import { print, printError, write } from "./terminal.ts";

interface InitOptions {
  readonly all?: boolean;
  readonly force?: boolean;
  readonly print?: boolean;
}

/** Adds `init` to `program`. */
export function registerInit(program: Command): void {
  const command = program.command("init")
    .description(
      `Write ${SETTINGS_FILE}, in which every setting is explained and none is changed. The folder is then the home ` +
        "of all commands that are called in it or below it.",
    )
    .argument("[folder]", "the folder, which is made if it is not there", ".")
    .option("--all", "write every setting, not only those that most people change")
    .option("--force", "replace a file that is there")
    .option("--print", "print the file and write nothing")
    .action(init);
  addExamples(command, [
    "llm-training init",
    "llm-training init /data/llm --all",
    "llm-training init --print > run.jsonc",
  ]);
}

async function init(given: string, options: InitOptions): Promise<void> {
  const { all = false, force = false } = options;
  const text = settingsTemplate({ all });
  if (options.print) return write(text);
  const context = pathContext();
  const folder = resolve(context.cwd, given);
  const path = join(folder, SETTINGS_FILE);
  if (existsSync(path) && !force) {
    throw new UserError(`Cannot write "${path}": it is there already; add --force to replace it`);
  }
  try {
    await Deno.mkdir(folder, { recursive: true });
  } catch (error) {
    throw fileError("create", folder, error);
  }
  await writeFileAtomic(path, text);
  print(`wrote ${path}`);
  const home = resolveHome({ ...context, cwd: folder });
  if (home.path !== folder) {
    printError(
      `warning: ${HOME_VARIABLE} is set to "${home.path}", which goes before this folder: unset it, or set it to ` +
        `"${folder}"`,
    );
  }
  const inFolder = folder === context.cwd ? "" : `cd ${given} && `;
  print(`edit it, and see what holds: ${inFolder}llm-training config show`);
}
