/**
 * Where a training run stands, apart from its tensors: plain JSON.
 *
 * @module
 */

import {
  anyObject,
  array,
  decode,
  integer,
  type JsonObject,
  nullable,
  number,
  object,
  optional,
  record,
  text,
} from "../../utils/json.ts";
import { type RandomState, randomState } from "../../utils/random.ts";

/** The next row of a micro-batch: an example, or several that are packed. */
export interface DataCursor {
  /** How often all rows have been read before. */
  readonly epoch: number;
  /** How many rows of this epoch have been read, in its order. */
  readonly index: number;
}

/** The evaluation with the lowest loss of a run. */
export interface BestEvaluation {
  /** Optimizer steps done by then. */
  readonly step: number;
  /** Mean loss of the evaluation data. */
  readonly loss: number;
}

/** A file that is trained on. */
export interface TrainedFile {
  /** Where it was. */
  readonly path: string;
  /** SHA-256 of it, in hexadecimal digits. */
  readonly sha256: string;
}

/** Where a training run stands. */
export interface TrainerState {
  /** Optimizer steps done. */
  readonly step: number;
  /** Passes over the data done, with their fraction. */
  readonly epoch: number;
  /** Where the next step begins to read. */
  readonly cursor: DataCursor;
  /** Generators of randomness, by what they are for. */
  readonly random: Readonly<Record<string, RandomState>>;
  /** Tokens read, padding not counted. */
  readonly tokensSeen: number;
  /** Tokens whose prediction was trained. */
  readonly trainedTokensSeen: number;
  /** The evaluation with the lowest loss; null before the first one. */
  readonly bestEvaluation: BestEvaluation | null;
  /** Evaluations since then. */
  readonly evaluationsSinceBest: number;
  /** SHA-256 of the data set. */
  readonly datasetSha256: string;
  /** The files of the data set. */
  readonly datasetFiles: readonly TrainedFile[];
  /** How long `metrics.jsonl` was, so that a continued run can cut off what came after. */
  readonly metricsBytes: number;
  /** The resolved configuration of the run. */
  readonly config: JsonObject;
}

const trainerState = object<TrainerState>({
  step: integer({ min: 0 }),
  epoch: number({ min: 0 }),
  cursor: object({ epoch: integer({ min: 0 }), index: integer({ min: 0 }) }),
  random: record(randomState()),
  tokensSeen: integer({ min: 0 }),
  trainedTokensSeen: integer({ min: 0 }),
  bestEvaluation: optional(nullable(object({ step: integer({ min: 1 }), loss: number() })), null),
  evaluationsSinceBest: optional(integer({ min: 0 }), 0),
  datasetSha256: text(),
  datasetFiles: optional(array(object({ path: text(), sha256: text() })), []),
  metricsBytes: integer({ min: 0 }),
  config: anyObject(),
});

/**
 * Decodes a state that was read from `source`.
 *
 * @throws {UserError} If a value is missing, unknown or impossible.
 */
export function parseTrainerState(json: unknown, source: string): TrainerState {
  return decode(trainerState, json, source);
}
