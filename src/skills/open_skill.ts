/**
 * Finds skills by specifier: `builtin:syllo`, `npm:package`, a file, or a URL.
 *
 * @module
 */

import { existsSync } from "node:fs";
import { isAbsolute, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { messageOf, UserError } from "../utils/errors.ts";
import { arithmetic } from "./arithmetic.ts";
import { binaryArithmetic } from "./binary_arithmetic.ts";
import { letterCounting } from "./letter_counting.ts";
import { importModule } from "./load_module.ts";
import type { Skill } from "./skill.ts";
import { sorting } from "./sorting.ts";
import { syllo } from "./syllo.ts";
import { tinyWorld } from "./tiny_world.ts";

/** Every skill that is built in, by name. */
export const SKILLS: Readonly<Record<string, Skill>> = Object.fromEntries(
  [arithmetic, binaryArithmetic, letterCounting, sorting, syllo, tinyWorld]
    .map((skill) => [skill.name, skill as Skill]),
);

const BUILTIN = "builtin:";

/** Options of {@linkcode openSkill}. */
export interface OpenSkillOptions {
  /** The folder that files are relative to. @default {the current one} */
  readonly folder?: string | undefined;
  /** Loads a module. @default {import()} */
  readonly load?: (specifier: string) => Promise<unknown>;
}

/** Returns whether a text names a skill: by its scheme, or as a file of code. */
export function isSkillSpecifier(text: string): boolean {
  return /^(?:builtin|npm|jsr|https?|file):/.test(text) || /\.[mc]?[jt]s$/.test(text);
}

/**
 * Opens a skill. A module has it as its default export, or as the export `skill`.
 *
 * @throws {UserError} If there is none, its module cannot be loaded, or what that exports is no skill.
 */
export async function openSkill(
  specifier: string,
  options: OpenSkillOptions = {},
): Promise<Skill> {
  const name = specifier.startsWith(BUILTIN) ? specifier.slice(BUILTIN.length) : specifier;
  if (Object.hasOwn(SKILLS, name)) return SKILLS[name]!;
  if (!isSkillSpecifier(specifier) || specifier.startsWith(BUILTIN)) {
    throw new UserError(
      `Cannot find skill "${specifier}": there are ${
        Object.keys(SKILLS).map((each) => `${BUILTIN}${each}`).join(", ")
      }, and others by npm:<package>, a file or a URL`,
    );
  }
  return skillOf(await loaded(specifier, options), specifier);
}

async function loaded(
  specifier: string,
  { folder = ".", load = importModule }: OpenSkillOptions,
): Promise<unknown> {
  let target = specifier;
  if (!/^[a-z]+:/.test(specifier) || isAbsolute(specifier)) {
    const path = resolve(folder, specifier);
    if (!existsSync(path)) {
      throw new UserError(`Cannot load skill "${specifier}": there is no file "${path}"`);
    }
    target = pathToFileURL(path).href;
  }
  try {
    return await load(target);
  } catch (error) {
    const [reason] = messageOf(error).split("\n");
    throw new UserError(
      `Cannot load skill "${specifier}": ${reason}; check its name, and that it is installed or can be reached`,
      { cause: error },
    );
  }
}

function skillOf(module: unknown, specifier: string): Skill {
  const exported = module as { readonly default?: unknown; readonly skill?: unknown };
  const skill = (exported.default ?? exported.skill) as Partial<Skill> | undefined;
  const fail = (state: string) =>
    new UserError(
      `Cannot use "${specifier}" as a skill: ${state}; its default export must have name, description, levels, generate(random, level) and score(item, text)`,
    );
  if (typeof skill !== "object" || skill === null) throw fail("it exports none");
  if (typeof skill.name !== "string" || skill.name === "") throw fail('"name" is no text');
  if (!Number.isInteger(skill.levels) || skill.levels! < 1) {
    throw fail('"levels" is no whole number of at least 1');
  }
  for (const method of ["generate", "score"] as const) {
    if (typeof skill[method] !== "function") throw fail(`"${method}" is no function`);
  }
  const whole = skill as Skill;
  return {
    name: whole.name,
    description: String(skill.description ?? ""),
    levels: whole.levels,
    generate: (random, level) => whole.generate(random, level),
    score: (item, text) => whole.score(item, text),
  };
}
