/**
 * `data generate`: rows that a skill makes.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { type Command, Option } from "commander";
import {
  formatRow,
  generateItems,
  lineageOf,
  openSkill,
  ROW_FORMATS,
  type RowFormat,
  type RowsLineage,
  type Skill,
  SKILLS,
} from "../skills/mod.ts";
import { type ByteSink, writeFileAtomic } from "../utils/atomic_file.ts";
import { UserError } from "../utils/errors.ts";
import { integerOption } from "./option_values.ts";
import { addExamples } from "./program.ts";
import { print } from "./terminal.ts";
import { VERSION } from "./version.ts";

interface Options {
  readonly skill?: string;
  readonly rows: number;
  readonly count?: number;
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
      "Write rows that a skill generates, all different; the same seed gives the same rows. Where they come from " +
        "is written beside them, into <file>.lineage.json.",
    )
    .option("--skill <skill>", "what to generate: builtin:<name>, npm:<package>, a file or a URL")
    .option("--rows <n>", "how many rows", integerOption({ min: 1 }), 1000)
    .option("--count <n>", "the same as --rows", integerOption({ min: 1 }))
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
    "llm-training data generate --skill builtin:syllo --level 3 --count 100 --seed 1 --output f.jsonl",
    "llm-training data generate --skill ./my_skill.ts --level 2 --seed 7 --format prompt-completion --output mine.jsonl",
  ]);
}

async function run(command: Command, options: Options): Promise<void> {
  if (options.list) {
    listSkills();
    return;
  }
  const { skill: name, output, count: rows = options.rows, seed, level, format } = options;
  if (name === undefined) return command.error("error: --skill says what to generate (see --list)");
  if (output === undefined) return command.error("error: --output says which file to write");
  const skill = await openSkill(name, { folder: Deno.cwd() });
  if (level > skill.levels) {
    throw new UserError(
      `Cannot generate "${name}" as --level must be from 1 to ${skill.levels}: current value is ${level}`,
    );
  }
  if (!options.force && await exists(output)) {
    throw new UserError(`Cannot write "${output}": it is there already; add --force to replace it`);
  }
  const hash = createHash("sha256");
  await writeFileAtomic(output, (sink) => {
    const hashed: ByteSink = {
      async write(bytes) {
        hash.update(bytes);
        await sink.write(bytes);
      },
    };
    return writeRows(hashed, skill, { ...options, rows });
  });
  const lineage: RowsLineage = {
    ...{ skill: name, name: skill.name, level, seed, count: rows, format },
    sha256: hash.digest("hex"),
    generator: `llm-training ${VERSION}`,
    created: new Date().toISOString(),
  };
  await writeFileAtomic(lineageOf(output), `${JSON.stringify(lineage, null, 2)}\n`);
  print(`wrote ${rows} rows to ${output}`);
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
