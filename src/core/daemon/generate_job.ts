/**
 * Data that is made when there is nothing to do: by a skill, or by a program.
 *
 * @module
 */

import { join } from "node:path";
import { formatRow, generateItems, type Skill, SKILLS } from "../../skills/mod.ts";
import { removeIfThere, writeFileAtomic } from "../../utils/atomic_file.ts";
import { UserError } from "../../utils/errors.ts";
import type { JsonObject } from "../../utils/json.ts";
import type { DaemonContext } from "./context.ts";
import { takeIn, type TakenIn } from "./intake.ts";
import type { DaemonSettings } from "./settings.ts";

/** Whether the daemon can make data. */
export function canGenerate({ generateSkill, generateCommand }: DaemonSettings): boolean {
  return generateSkill !== null || generateCommand !== null;
}

/**
 * Finds the skill that the settings name; `undefined` if they name none.
 *
 * @throws {UserError} If it is not there, or does not have the level.
 */
export function generatingSkill(settings: DaemonSettings): Skill | undefined {
  const { generateSkill: name, generateLevel: level, generateCommand } = settings;
  if (name === null) return undefined;
  if (generateCommand !== null) {
    throw new UserError('Cannot make data in two ways: give "generateSkill" or "generateCommand"');
  }
  const skill = SKILLS[name];
  if (skill === undefined) {
    throw new UserError(
      `Cannot make data with the skill "${name}": known are ${Object.keys(SKILLS).join(", ")}`,
    );
  }
  if (level > skill.levels) {
    throw new UserError(
      `Cannot make data of level ${level}: the skill "${name}" has levels 1 to ${skill.levels}`,
    );
  }
  return skill;
}

/** Options of {@linkcode generateData}. */
export interface GenerateOptions {
  /** Where chance begins. */
  readonly seed: number;
  /** Ends it. */
  readonly signal: AbortSignal;
}

/**
 * Makes a data set and queues it, as if it had come into the inbox.
 *
 * @throws {UserError} If it cannot be made.
 */
export async function generateData(
  context: DaemonContext,
  { seed, signal }: GenerateOptions,
): Promise<TakenIn> {
  const { paths, settings } = context;
  const skill = generatingSkill(settings);
  const path = join(paths.daemon, `generated-${crypto.randomUUID()}.jsonl`);
  try {
    const lineage = skill === undefined
      ? await runCommand(settings.generateCommand!, {
        path,
        seed,
        signal,
        home: join(paths.settings, ".."),
      })
      : await runSkill(skill, { path, seed, settings });
    const name = `${String(lineage["generator"]).split(/[/\\]/).at(-1)}-${seed}.jsonl`;
    return await takeIn({ ...context, maxFailures: settings.maxFailures }, {
      ...{ path, name, source: "generator", lineage, priority: "low" },
    });
  } finally {
    await removeIfThere(path);
  }
}

/** Rows that are written at once. */
const ROWS_PER_WRITE = 1000;

async function runSkill(
  skill: Skill,
  { path, seed, settings }: {
    readonly path: string;
    readonly seed: number;
    readonly settings: DaemonSettings;
  },
): Promise<JsonObject> {
  const { generateRows: rows, generateLevel: level } = settings;
  await writeFileAtomic(path, async (sink) => {
    let lines: string[] = [];
    const flush = async () => {
      await sink.write(new TextEncoder().encode(lines.join("")));
      lines = [];
    };
    for (const item of generateItems(skill, { count: rows, seed, level })) {
      lines.push(`${JSON.stringify(formatRow(item, "messages"))}\n`);
      if (lines.length === ROWS_PER_WRITE) await flush();
    }
    await flush();
  });
  return { generator: skill.name, kind: "skill", parameters: { rows, level, seed } };
}

async function runCommand(
  command: readonly string[],
  { path, seed, signal, home }: GenerateOptions & { readonly path: string; readonly home: string },
): Promise<JsonObject> {
  const [program, ...args] = command as readonly [string, ...string[]];
  let child: Deno.ChildProcess;
  try {
    child = new Deno.Command(program, {
      args,
      env: { LLM_TRAINING_HOME: home, LLM_TRAINING_SEED: String(seed) },
      cwd: home,
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
      signal,
    }).spawn();
  } catch (error) {
    throw new UserError(`Cannot make data with "${program}": it cannot be started`, {
      cause: error,
    });
  }
  const stderr = new Response(child.stderr).text();
  await writeFileAtomic(path, async (sink) => {
    for await (const bytes of child.stdout) await sink.write(bytes);
  });
  const { code } = await child.status;
  const words = (await stderr).trim().split("\n").at(-1);
  signal.throwIfAborted();
  if (code !== 0) {
    throw new UserError(
      `Cannot make data with "${program}": it ended with status ${code}${
        words ? `: ${words}` : ""
      }`,
    );
  }
  return { generator: program, kind: "command", parameters: { args, seed } };
}
