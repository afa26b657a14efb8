/**
 * What a run tells of its data.
 *
 * @module
 */

import type { DatasetFile } from "../../datasets/dataset.ts";
import type { CheckProgress } from "./check_data.ts";
import type { OpenProgress } from "../../datasets/token_store/file_tokens.ts";

/** How the rows of a run become micro-batches. */
export interface BatchingSummary {
  /** Whether examples share rows. */
  readonly packing: boolean;
  /** Whether rows of about the same length share a micro-batch. */
  readonly groupByLength: boolean;
  /** Whether rows of some micro-batches are joined to one. */
  readonly joins: boolean;
  /** Rows of an epoch: examples, or what they are packed into. */
  readonly sequences: number;
  /** The part of what is computed that is padding, from 0 to 1. */
  readonly padding: number;
  /** The part that it would be with one example in a row and rows in any order. */
  readonly plainPadding: number;
}

/** Something that happened to the data of a run. */
export type DataEvent =
  | {
    /** A file is looked over that was not before. */
    readonly kind: "checking";
    /** How far that has come. */
    readonly progress: CheckProgress;
    /** Time since it began, in milliseconds. */
    readonly elapsedMs: number;
  }
  | {
    /** Rows become tokens. */
    readonly kind: "tokenizing";
    /** How far that has come. */
    readonly progress: OpenProgress;
    /** Time since it began, in milliseconds. */
    readonly elapsedMs: number;
  }
  | {
    /** The data is ready. */
    readonly kind: "data";
    /** The files that are trained on. */
    readonly files: readonly DatasetFile[];
    /** How its rows become micro-batches. */
    readonly batching: BatchingSummary;
  };
