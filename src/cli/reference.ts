/**
 * The reference of the command line, as Markdown: what `--help` says of every command.
 *
 * @module
 */

import type { Command } from "commander";
import { COMMANDS } from "./commands.ts";
import { overview } from "./overview.ts";
import { createProgram } from "./program.ts";
import { PROGRAM_NAME } from "./program_name.ts";

/** Columns of a help text. */
const WIDTH = 100;

/** Returns the reference, in Markdown. */
export async function commandReference(): Promise<string> {
  const program = await createProgram(PROGRAM_NAME, COMMANDS.map(({ name }) => name));
  const sections = program.commands.flatMap((command) => [...sectionsOf(command, "")]);
  return `# Command line

What \`--help\` says, for every command. \`deno run -A tools/write_cli_reference.ts\` makes this page.

${fenced(overview(PROGRAM_NAME))}

The executable also answers to \`llm-train\` (for \`train\`) and \`llm-inference\` (for \`serve\`).

Exit statuses:

- \`0\`: all went well
- \`1\`: something that was given cannot work; one line says what, and how to mend it
- \`2\`: the command line cannot be understood
- \`70\`: the program is at fault; a stack trace says where
- \`130\`: Ctrl-C

${sections.join("\n\n")}
`;
}

function* sectionsOf(command: Command, parent: string): Generator<string> {
  const path = `${parent} ${command.name()}`.trim();
  let help = "";
  command.configureOutput({ writeOut: (text) => help += text, getOutHelpWidth: () => WIDTH })
    .outputHelp();
  yield `${"#".repeat(path.split(" ").length + 1)} ${path}\n\n${fenced(help.trimEnd())}`;
  for (const child of command.commands) yield* sectionsOf(child, path);
}

function fenced(text: string): string {
  return `\`\`\`text\n${text}\n\`\`\``;
}
