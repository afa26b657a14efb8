/**
 * Checks command lines that are written in pages: commands and flags, not what they are given.
 *
 * @module
 */

import type { Command } from "commander";
import { ALIASES } from "../../src/cli/commands.ts";

/** Returns what is wrong with a command line of `program`; `undefined` if nothing is. */
export function commandLineProblem(line: string, program: Command): string | undefined {
  const [name, ...words] = line.split(/\s+/).filter((word) => word !== "…");
  const path = Object.hasOwn(ALIASES, name!) ? [ALIASES[name!]!, ...words] : words;
  let command = program;
  for (const word of path) {
    if (word.startsWith("-")) break;
    const next = command.commands.find((each) => each.name() === word);
    if (next === undefined) {
      if (command.registeredArguments.length === 0) return `"${command.name()}" has no "${word}"`;
      break; // an argument
    }
    command = next;
  }
  const known = command.options.flatMap(({ long, short }) => [long, short]);
  const unknown = path.find((word) =>
    word.startsWith("-") && !known.includes(word.split("=")[0]!) &&
    !["--version", "--help"].includes(word)
  );
  return unknown === undefined ? undefined : `"${command.name()}" has no ${unknown}`;
}
