/**
 * A data set, ready to be trained on: examples that are read by their numbers, wherever they lie.
 *
 * @module
 */

import type { Example } from "./encode.ts";
import { countTrainedTokens } from "./labels.ts";
import type { Packing } from "./packing.ts";
import type { DropReason } from "./truncation.ts";

/** What a data set amounts to. */
export interface DatasetStatistics {
  /** Rows of the files. */
  readonly rows: number;
  /** Those that are conversations. */
  readonly conversations: number;
  /** Sequences that they make: a long text makes several. */
  readonly examples: number;
  /** Tokens of all examples. */
  readonly tokens: number;
  /** Those whose prediction is trained. */
  readonly trainedTokens: number;
  /** Tokens of the longest example. */
  readonly longestExample: number;
  /** Rows of which a part was cut off. */
  readonly truncatedRows: number;
  /** Rows left out. */
  readonly droppedRows: number;
  /** Why they were left out: how many for each reason that there was. */
  readonly dropReasons: Readonly<Partial<Record<DropReason, number>>>;
}

/** A file of a data set. */
export interface DatasetFile {
  /** Where it is. */
  readonly path: string;
  /** SHA-256 of it, in hexadecimal digits. */
  readonly sha256: string;
  /** What was found in it, for a person. */
  readonly description: string;
}

/** A part of a data set that is drawn from by a weight of its own. */
export interface DatasetSource {
  /** The file. */
  readonly path: string;
  /** How often an epoch gives each of its examples; below 1, the part of them that it gives. */
  readonly weight: number;
  /** How many examples it has; they follow on those of the sources before. */
  readonly examples: number;
}

/** A data set, ready to be trained on. */
export interface Dataset extends Disposable {
  /** What it was read from, as a person names it. */
  readonly path: string;
  /** SHA-256 of what it was read from, in hexadecimal digits. */
  readonly sha256: string;
  /** The files it was read from. */
  readonly files: readonly DatasetFile[];
  /** What it amounts to. */
  readonly statistics: DatasetStatistics;
  /** Most tokens that an example may have. */
  readonly maxLength: number;
  /** Tokens of each example. */
  readonly lengths: Int32Array;
  /** Where its examples come from. */
  readonly sources: readonly DatasetSource[];
  /** How examples share the rows of a batch; `undefined` where each has one of its own. */
  readonly packing: Packing | undefined;
  /** Reads an example. */
  read(index: number): Example;
}

/** What may be said of examples that are in memory. */
export type MemoryDatasetOptions = Partial<
  Pick<Dataset, "path" | "sha256" | "maxLength" | "packing" | "sources">
>;

/** Makes a data set of examples that are in memory. */
export function createDataset(
  examples: readonly Example[],
  options: MemoryDatasetOptions = {},
): Dataset {
  const { path = "", sha256 = "", sources } = options;
  const lengths = Int32Array.from(examples, ({ inputIds }) => inputIds.length);
  const longestExample = lengths.reduce((a, b) => Math.max(a, b), 0);
  return {
    path,
    sha256,
    files: [{ path, sha256, description: "examples in memory" }],
    maxLength: options.maxLength ?? longestExample,
    packing: options.packing,
    sources: sources ?? [{ path, weight: 1, examples: examples.length }],
    statistics: {
      rows: examples.length,
      conversations: 0,
      examples: examples.length,
      tokens: lengths.reduce((sum, length) => sum + length, 0),
      trainedTokens: examples.reduce((sum, { labels }) => sum + countTrainedTokens(labels), 0),
      longestExample,
      truncatedRows: 0,
      droppedRows: 0,
      dropReasons: {},
    },
    lengths,
    read: (index) => examples[index]!,
    [Symbol.dispose]() {},
  };
}

/** Returns the number of examples. */
export function exampleCount({ lengths }: Dataset): number {
  return lengths.length;
}

/** Returns one example. */
export function exampleAt(dataset: Dataset, index: number): Example {
  return dataset.read(index);
}

/** Returns how many rows of batches the examples fill. */
export function sequenceCount({ lengths, packing }: Dataset): number {
  return packing?.lengths.length ?? lengths.length;
}

/** Returns the tokens of each of these rows, padding not counted. */
export function sequenceLengths({ lengths, packing }: Dataset): Int32Array {
  return packing?.lengths ?? lengths;
}

/** Returns the tokens of the longest example where rows hold several; `undefined` where they hold one. */
export function longestPacked({ lengths, packing }: Dataset): number | undefined {
  return packing && lengths.reduce((most, length) => Math.max(most, length), 0);
}

/** Returns the tokens of the longest example in each of these rows. */
export function longestExamples({ lengths, packing }: Dataset): Int32Array {
  if (packing === undefined) return lengths;
  const { members, offsets } = packing;
  return packing.lengths.map((_, row) =>
    members.subarray(offsets[row], offsets[row + 1])
      .reduce((most, example) => Math.max(most, lengths[example]!), 0)
  );
}

/** Reads the examples of one of these rows. */
export function sequenceAt(dataset: Dataset, index: number): Example[] {
  if (dataset.packing === undefined) return [dataset.read(index)];
  const { members, offsets } = dataset.packing;
  return Array.from(
    members.subarray(offsets[index], offsets[index + 1]),
    (example) => dataset.read(example),
  );
}
