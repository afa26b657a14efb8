/**
 * Does what a plan says, so that a kill at any moment leaves whole checkpoints and nothing else that counts.
 *
 * @module
 */

import { checkpointsFolder } from "../../models/checkpoint/list.ts";
import { condemnCheckpoint, dropOptimizer, listCondemned } from "../../models/checkpoint/remove.ts";
import { removeIfThere } from "../../utils/atomic_file.ts";
import { messageOf, UserError } from "../../utils/errors.ts";
import type { RetentionAction, RetentionLine } from "./plan.ts";
import type { StoredRun } from "./stored_run.ts";

/** What changes files, so that tests can make it fail. */
export interface RetentionFiles {
  /** Takes a checkpoint out of sight and returns its new path; `undefined` if it is no longer there. */
  readonly condemn: (path: string) => Promise<string | undefined>;
  /** Removes a folder with all it holds. */
  readonly remove: (path: string) => Promise<void>;
  /** Removes the state of a checkpoint's optimizer. */
  readonly dropOptimizer: (path: string) => Promise<void>;
}

/** The files of this machine. */
export const RETENTION_FILES: RetentionFiles = {
  condemn: condemnCheckpoint,
  remove: removeIfThere,
  dropOptimizer,
};

/** What could not be done. */
export interface RetentionFailure {
  /** The checkpoint. */
  readonly id: string;
  /** Why. */
  readonly message: string;
}

/** Removes what an earlier kill left of removing checkpoints of `runs`. */
export async function sweepCondemned(
  runs: readonly Pick<StoredRun, "path">[],
  files: RetentionFiles,
): Promise<void> {
  for (const { path } of runs) {
    for (const left of await listCondemned(checkpointsFolder(path))) await files.remove(left);
  }
}

/** Options of {@linkcode applyLines}. */
export interface ApplyOptions {
  /** What changes files. */
  readonly files: RetentionFiles;
  /** Stops before the next line. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Does what `lines` say: deletions first, as they make the room that the rest may need. What fails is told and
 * keeps nothing else from being done. The caller holds the locks of the runs.
 */
export async function applyLines(
  lines: readonly RetentionLine[],
  { files, signal }: ApplyOptions,
): Promise<readonly RetentionFailure[]> {
  const work: Readonly<Record<RetentionAction, (path: string) => Promise<void>>> = {
    delete: async (path) => {
      const condemned = await files.condemn(path);
      if (condemned !== undefined) await files.remove(condemned);
    },
    drop_optimizer: (path) => files.dropOptimizer(path),
    keep: () => Promise.resolve(),
  };
  const failures: RetentionFailure[] = [];
  for (const wanted of ["delete", "drop_optimizer"] as const) {
    for (const { checkpoint, action } of lines) {
      if (action !== wanted) continue;
      signal?.throwIfAborted();
      try {
        await work[action](checkpoint.path);
      } catch (error) {
        if (!(error instanceof UserError)) throw error;
        failures.push({ id: checkpoint.id, message: messageOf(error) });
      }
    }
  }
  return failures;
}
