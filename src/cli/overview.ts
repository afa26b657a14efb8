/**
 * The help of the whole program: printed from the table of commands, before anything else is loaded.
 *
 * @module
 */

import { COMMANDS } from "./commands.ts";

/** Returns the help text of the program called `name`. */
export function overview(name: string): string {
  const width = Math.max(...COMMANDS.map((command) => command.name.length)) + 2;
  const list = COMMANDS.map(({ name, summary }) => `  ${name.padEnd(width)}${summary}`);
  return `Train small language models, talk to them and serve them.

Usage: ${name} <command> [options]

Commands:
${list.join("\n")}

Options:
  -V, --version  print the versions of the program and of what it runs on
  -h, --help     print this help

Examples:
  $ ${name} train --dataset data.jsonl --model 5m --output runs/my-run
  $ ${name} chat --model runs/my-run
  $ ${name} serve --model runs/my-run --port 8080

"${name} <command> --help" explains a command.`;
}
