/**
 * `completions`: scripts that make a shell complete commands, options and their values.
 *
 * @module
 */

import { Argument, type Command } from "commander";
import { ALIASES, COMMANDS } from "./commands.ts";
import { SCRIPTS, type Shell, SHELLS } from "./completion_scripts.ts";
import { completionTable } from "./completion_table.ts";
import { addExamples, createProgram } from "./program.ts";
import { write } from "./terminal.ts";

/** Adds `completions` to `program`. */
export function registerCompletions(program: Command): void {
  const command = program.command("completions")
    .description(
      "Print a script that makes a shell complete commands, options and their values, also of llm-train, " +
        "llm-daemon and llm-inference.",
    )
    .addArgument(new Argument("<shell>", "which shell").choices(SHELLS))
    .action(async (shell: Shell) => write(await completionScript(program.name(), shell)));
  addExamples(command, [
    "llm-training completions bash > ~/.local/share/bash-completion/completions/llm-training",
    'llm-training completions zsh > "${fpath[1]}/_llm-training"',
    "llm-training completions fish > ~/.config/fish/completions/llm-training.fish",
    "llm-training completions powershell >> $PROFILE",
  ]);
}

/** Returns the completion script of `shell` for the program called `name`. */
export async function completionScript(name: string, shell: Shell): Promise<string> {
  const program = await createProgram(name, COMMANDS.map((entry) => entry.name));
  const summaries = Object.fromEntries(COMMANDS.map((entry) => [entry.name, entry.summary]));
  return SCRIPTS[shell]({ name, aliases: ALIASES, places: completionTable(program, summaries) });
}
