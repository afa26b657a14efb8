/**
 * How far a job that trains has come.
 *
 * @module
 */

/** Where a job that trains stands. */
export interface TrainProgress {
  /** Steps done. */
  readonly step: number;
  /** Steps of the run; null before they are known. */
  readonly total_steps: number | null;
  /** Loss of the last step; null before there is one. */
  readonly loss: number | null;
  /** Tokens read per second; null before they are known. */
  readonly tokens_per_second: number | null;
  /** Steps of the newest checkpoint. */
  readonly checkpoint_step: number;
  /** Folder of the run. */
  readonly run: string | null;
}

/** Where a job stands that has not begun. */
export const NO_PROGRESS: TrainProgress = {
  step: 0,
  total_steps: null,
  loss: null,
  tokens_per_second: null,
  checkpoint_step: 0,
  run: null,
};
