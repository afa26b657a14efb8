/**
 * `data generate`: rows that a skill makes.
 *
 * @module
 */

import { type Command, Option } from "commander";
import {
  formatRow,
  generateItems,
  ROW_FORMATS,
  type RowFormat,
  type Skill,
  SKILLS,
} from "../skills/mod.ts";
import { type ByteSink, writeFileAtomic } from "../utils/atomic_file.ts";
import { UserError } from "../utils/errors.ts";
import { integerOption } from "./option_values.ts";
import { addExamples } from "./program.ts";
import { print } from "./terminal.ts";

interface Options {
  readonly skill?: string;
  readonly rows: number;
  readonly seed: number;
  readonly level: number;
  readonly output?: string;
  readonly format: RowFormat;
  readonly force?: true;
  readonly list?: true;
}

/** Rows that are written at once. */
const ROWS_PER_WRITE = 1000;

/** Adds `generate` to the command `data`. */
export function registerDataGenerate(data: Command): void {
  const command = data.command("generate")
    .summary("Generate a data set from a skill")
    .description(
      "Write rows that a skill generates, all different; the same seed gives the same rows.",
    )
    .addOption(new Option("--skill <name>", "what to generate").choices(Object.keys(SKILLS)))
    .option("--rows <n>", "how many rows", integerOption({ min: 1 }), 1000)
    .option("--seed <n>", "where chance begins", integerOption({ min: 0, max: 2 ** 32 - 1 }), 1)
    .option("--level <n>", "how hard, from 1", integerOption({ min: 1 }), 1)
    .option("--output <file>", "the .jsonl file to write")
    .addOption(
      new Option("--format <form>", "form of the rows").choices(ROW_FORMATS).default("messages"),
    )
    .option("--force", "replace the file if it is there")
    .option("--list", "list the skills and stop")
    .action((options: Options) => run(command, options));
  addExamples(command, [
    "llm-training data generate --list",
    "llm-training data generate --skill tiny_world --level 3 --rows 3000 --output world.jsonl",
    "llm-training data generate --skill syllo --level 2 --seed 7 --format prompt-completion --output syllo.jsonl",
  ]);
}

async function run(command: Command, options: Options): Promise<void> {
  if (options.list) {
    listSkills();
    return;
  }
  const { skill: name, output } = options;
  if (name === undefined) return command.error("error: --skill says what to generate (see --list)");
  if (output === undefined) return command.error("error: --output says which file to write");
  const skill = SKILLS[name]!;
  if (options.level > skill.levels) {
    throw new UserError(
      `Cannot generate "${name}" as --level must be from 1 to ${skill.levels}: current value is ${options.level}`,
    );
  }
  if (!options.force && await exists(output)) {
    throw new UserError(`Cannot write "${output}": it is there already; add --force to replace it`);
  }
  await writeFileAtomic(output, (sink) => writeRows(sink, skill, options));
  print(`wrote ${options.rows} rows to ${output}`);
}

async function writeRows(sink: ByteSink, skill: Skill, options: Options): Promise<void> {
  const { rows, seed, level, format } = options;
  const encoder = new TextEncoder();
  let lines: string[] = [];
  const flush = async (): Promise<void> => {
    await sink.write(encoder.encode(lines.join("")));
    lines = [];
  };
  for (const item of generateItems(skill, { count: rows, seed, level })) {
    lines.push(`${JSON.stringify(formatRow(item, format))}\n`);
    if (lines.length === ROWS_PER_WRITE) await flush();
  }
  await flush();
}

function listSkills(): void {
  const skills = Object.values(SKILLS);
  const width = Math.max(...skills.map(({ name }) => name.length));
  for (const { name, levels, description } of skills) {
    print(`${name.padEnd(width)}  levels 1-${String(levels).padEnd(2)}  ${description}`);
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await Deno.lstat(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
