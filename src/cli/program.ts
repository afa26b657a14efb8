/**
 * The program as commander has it: every command by name, those asked for with their options.
 *
 * @module
 */

import { Command } from "commander";
import { COMMANDS } from "./commands.ts";
import { write, writeError } from "./terminal.ts";

/** Builds the program called `name`, in which only the commands `loaded` have options and actions. */
export async function createProgram(
  name: string,
  loaded: readonly string[],
): Promise<Command> {
  const program = createPlainProgram(name);
  for (const entry of COMMANDS) {
    if (loaded.includes(entry.name)) (await entry.load())(program);
    else program.command(entry.name).summary(entry.summary);
  }
  nameHelp(program, name);
  return program;
}

/** Builds a program without commands, whose messages go where ours do. */
export function createPlainProgram(name: string): Command {
  return new Command(name)
    .helpCommand(false)
    .exitOverride()
    .configureOutput({ writeOut: write, writeErr: writeError })
    .showSuggestionAfterError();
}

/** Makes what is wrong with a command line end with the command that explains it. */
function nameHelp(command: Command, path: string): void {
  command.showHelpAfterError(`(${path} --help explains it)`);
  for (const child of command.commands) nameHelp(child, `${path} ${child.name()}`);
}

/** Adds examples to the help of `command`, one command line each. */
export function addExamples(command: Command, examples: readonly string[]): Command {
  const lines = examples.map((example) => `  $ ${example}`);
  return command.addHelpText("after", `\nExamples:\n${lines.join("\n")}`);
}
