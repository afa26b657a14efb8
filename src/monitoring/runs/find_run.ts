/**
 * Finding runs: by path, by name, by the beginning of a name.
 *
 * @module
 */

import { join, resolve } from "node:path";
import { UserError } from "../../utils/errors.ts";
import { fileError } from "../../utils/file_error.ts";
import { isRunFolder } from "./read_run.ts";

/** Where runs are looked for. */
export interface FindRunOptions {
  /** The folder of runs. */
  readonly runs: string;
  /** What paths are relative to. */
  readonly cwd: string;
}

const MAX_NAMED = 5;

/** Returns the folders of all runs in `runs`, by name. */
export async function runFolders(runs: string): Promise<string[]> {
  const found: string[] = [];
  try {
    for await (const { name } of Deno.readDir(runs)) {
      if (await isRunFolder(join(runs, name))) found.push(name);
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw fileError("list", runs, error);
  }
  return found.sort().map((name) => join(runs, name));
}

/**
 * Returns the folder of the run that `name` means.
 *
 * @throws {UserError} If there is none, or more than one.
 */
export async function findRun(name: string, { runs, cwd }: FindRunOptions): Promise<string> {
  const path = resolve(cwd, name);
  if (name !== "" && await isRunFolder(path)) return path;
  const names = (await runFolders(runs)).map((folder) => folder.slice(runs.length + 1));
  if (names.includes(name)) return join(runs, name);
  const matching = name === "" ? [] : names.filter((each) => each.startsWith(name));
  if (matching.length === 1) return join(runs, matching[0]!);
  if (matching.length > 1) {
    throw new UserError(
      `Cannot tell which run "${name}" is: ${list(matching)} begin so; give more of its name`,
    );
  }
  throw new UserError(
    names.length === 0
      ? `Cannot find run "${name}": there is no such folder, and no runs in "${runs}"; give its folder, or --home, or begin one with: llm-training train`
      : `Cannot find run "${name}" in "${runs}": there are ${
        list(names.toReversed())
      }; llm-training run list shows all`,
  );
}

function list(names: readonly string[]): string {
  const shown = names.slice(0, MAX_NAMED).map((name) => `"${name}"`).join(", ");
  return names.length > MAX_NAMED ? `${shown} and ${names.length - MAX_NAMED} more` : shown;
}
