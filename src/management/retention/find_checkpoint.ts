/**
 * Which checkpoint a name on the command line means.
 *
 * @module
 */

import { resolve } from "node:path";
import { UserError } from "../../utils/errors.ts";
import { newestOf } from "./plan.ts";
import type { StoredCheckpoint, StoredRun } from "./stored_run.ts";

/**
 * Finds the checkpoint that `name` means: its folder, `<run>/checkpoint-<step>`, `<run>/<step>`, or a run, whose newest
 * is meant.
 *
 * @throws {UserError} If there is none.
 */
export function findCheckpoint(
  name: string,
  { runs, cwd }: { readonly runs: readonly StoredRun[]; readonly cwd: string },
): StoredCheckpoint {
  const plain = name.replace(/[/\\]+$/, "").replaceAll("\\", "/");
  const path = resolve(cwd, name);
  for (const run of runs) {
    for (const each of run.checkpoints) {
      const names = [
        each.id,
        `${run.name}/${each.step}`,
        `${run.name}/checkpoints/checkpoint-${each.step}`,
      ];
      if (each.path === path || names.includes(plain)) return each;
    }
  }
  const run = runs.find((each) => each.path === path || each.name === plain);
  const newest = run && newestOf(run);
  if (newest !== undefined) return newest;
  if (run !== undefined) {
    throw new UserError(`Cannot use run "${name}": it has no whole checkpoint`);
  }
  const names = runs.map((each) => each.name);
  const known = names.length === 0
    ? "the home has no runs"
    : `the runs are ${names.slice(0, 10).join(", ")}${names.length > 10 ? " …" : ""}; ` +
      "llm-training checkpoints list shows all";
  throw new UserError(
    `Cannot find checkpoint "${name}": write <run>/checkpoint-<step>, <run> for its newest, or its folder; ${known}`,
  );
}
