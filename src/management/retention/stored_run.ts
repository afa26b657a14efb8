/**
 * What is known of the runs of a home and their checkpoints.
 *
 * @module
 */

import type { Hold } from "../../models/checkpoint/holds.ts";

/** A checkpoint on disk. */
export interface StoredCheckpoint {
  /** What it is called: `<run>/checkpoint-<step>`. */
  readonly id: string;
  /** The name of its run. */
  readonly run: string;
  /** Optimizer steps done. */
  readonly step: number;
  /** Its folder. */
  readonly path: string;
  /** When it was saved, in milliseconds since 1970. */
  readonly savedAtMs: number;
  /** The size of all its files. */
  readonly sizeBytes: number;
  /** The size of the optimizer's state; 0 if that was dropped. */
  readonly stateBytes: number;
  /** What is wrong with it; null if all files have the sizes that its manifest gives. */
  readonly damage: string | null;
  /** What was measured of it, by name. */
  readonly metrics: Readonly<Record<string, number>>;
  /** What it is held for. */
  readonly holds: readonly Hold[];
}

/** A run on disk. */
export interface StoredRun {
  /** Its name: its path within the folder of runs. */
  readonly name: string;
  /** Its folder. */
  readonly path: string;
  /** Its checkpoints, the oldest first. */
  readonly checkpoints: readonly StoredCheckpoint[];
  /** Whether a trainer is at work in it. */
  readonly isTraining: boolean;
  /** Whether it has done all its steps. */
  readonly isFinished: boolean;
  /** Whether somebody reads or removes its checkpoints right now. */
  readonly isLocked: boolean;
  /** The models that its settings name, as absolute paths where they are paths. */
  readonly uses: readonly RunUse[];
  /** Why it is not known what it holds or needs; null if it is. Nothing is removed then. */
  readonly problem: string | null;
}

/** A model that a run needs. */
export interface RunUse {
  /** Its folder: a checkpoint or a run. */
  readonly path: string;
  /** Why, in words. */
  readonly words: string;
}
