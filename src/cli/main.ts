/**
 * The command line: finds the command that is meant, loads it alone and runs it.
 *
 * @module
 */

import { ALIASES, INFERENCE_WORKER } from "./commands.ts";
import { EXIT, reportError } from "./exit_status.ts";
import { overview } from "./overview.ts";
import { PROGRAM_NAME } from "./program_name.ts";
import { print, printError } from "./terminal.ts";
import { versionText } from "./version.ts";

/**
 * Runs one command line and returns the exit status: 0, 1 for a mistake in what was given, 2 for a command
 * line that cannot be understood, 70 for a fault of the program, 130 after Ctrl-C.
 *
 * @param name What the program was called by; `llm-train` and `llm-inference` stand for a command.
 */
export async function main(args: readonly string[], name: string = PROGRAM_NAME): Promise<number> {
  const alias = ALIASES[name];
  const [first, ...rest] = args;
  if (first === "--version" || first === "-V") {
    print(versionText());
    return EXIT.ok;
  }
  if (first === INFERENCE_WORKER) {
    return await (await import("./inference_worker.ts")).runInferenceWorker(rest);
  }
  if (alias !== undefined) return await runCommand(alias, args, name);
  if (first === undefined) {
    printError(`${overview(name)}\n\n${await next(name)}`);
    return EXIT.usage;
  }
  if (first === "--help" || first === "-h" || (first === "help" && rest.length === 0)) {
    print(overview(name));
    return EXIT.ok;
  }
  if (first === "help") return await runCommand(rest[0]!, [...rest.slice(1), "--help"]);
  return await runCommand(first, rest);
}

/** What to type next; nothing, where the home cannot be looked at. */
async function next(name: string): Promise<string> {
  const { nextSteps, nextStepsText } = await import("./next_step.ts");
  const { pathContext } = await import("./model_options.ts");
  return nextStepsText(name, await nextSteps(pathContext()));
}

/** Runs `command`, called by a name of its own if `calledAs` is given. */
async function runCommand(
  command: string,
  args: readonly string[],
  calledAs?: string,
): Promise<number> {
  try {
    const { createProgram } = await import("./program.ts");
    const program = await createProgram(PROGRAM_NAME, [command]);
    // asked for help, the program would explain itself instead
    if (!program.commands.some((each) => each.name() === command)) args = [];
    const standalone = calledAs === undefined
      ? undefined
      : program.commands.find((candidate) => candidate.name() === command);
    if (calledAs === undefined || standalone === undefined) {
      await program.parseAsync([command, ...args], { from: "user" });
    } else {
      standalone.parent = null;
      await standalone.name(calledAs).parseAsync(args, { from: "user" });
    }
    return EXIT.ok;
  } catch (error) {
    return reportError(error);
  }
}
