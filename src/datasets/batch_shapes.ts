/**
 * The shapes of a run's micro-batches: few, because a graph is compiled for each, and such that little of what is
 * computed is padding.
 *
 * Rows are filled up to the longest of their micro-batch. Where that is far from the others, its examples are joined
 * to a single row instead, in which they see nothing of each other. What attention costs in rows of several examples
 * grows with the longest of them.
 *
 * @module
 */

import { bandOf } from "../models/banded_attention.ts";

/** How the rows of a micro-batch lie. */
export interface RowShape {
  /** Rows. */
  readonly batch: number;
  /** Tokens of a row, padding included. */
  readonly seqLen: number;
  /** Whether all examples are in one row. */
  readonly joined: boolean;
  /** The most tokens that an example may have. */
  readonly reach: number;
}

/** The rows of a micro-batch. */
export interface BatchRows {
  /** Tokens of each. */
  readonly lengths: readonly number[];
  /** Tokens of the longest example in them. */
  readonly longestExample: number;
}

/** The shapes of a run. */
export interface BatchShapes {
  /** All of them, the largest first. */
  readonly shapes: readonly RowShape[];
  /** Returns the one of least work for these rows. */
  shapeOf(rows: BatchRows): RowShape;
}

/** Options of {@linkcode planBatchShapes}. */
export interface BatchShapesOptions {
  /** Rows of a micro-batch. */
  readonly batchSize: number;
  /** Tokens of the longest row there is. @default {that of the longest in the micro-batches} */
  readonly longest?: number;
  /** Tokens of the longest example there is, where rows hold several. @default {rows hold one} */
  readonly longestExample?: number | undefined;
  /** Whether examples may be joined to one row. */
  readonly joins: boolean;
}

/** Shapes of a run; beside their graphs, those of evaluations stay compiled. */
const MAX_SHAPES = 5;

/** A shape is worth a graph if it saves as much in an epoch as so many tokens cost. */
const COMPILED_TOKENS = 1024;

/**
 * In rows of so many tokens, attention costs as much as all else: more than it does in models of 135 million parameters
 * (in rows of 4,000), less than in those of one million, which gain nothing by joined rows and lose nothing.
 */
const ATTENTION_LENGTH = 2048;

/** The part of all scores that is computed where each token may look at the whole row before it. */
const SCORES_BEFORE = 5 / 8;

/** Rows are filled up to multiples of at least this. */
const LEAST_STEP = 16;

/** Micro-batches that need the same. */
interface Demand {
  /** Of a row. */
  readonly longest: number;
  /** Of an example. */
  readonly reach: number;
  /** Of all rows. */
  readonly total: number;
  readonly count: number;
}

/** Chooses the shapes for micro-batches of these rows, one after the other the one that saves most. */
export function planBatchShapes(
  batches: Iterable<BatchRows>,
  { batchSize, longest = 1, longestExample, joins }: BatchShapesOptions,
): BatchShapes {
  const demands = countDemands(batches);
  const seqLen = Math.max(filledUp(longest), ...demands.map((demand) => demand.longest));
  const packed = longestExample !== undefined;
  const rowsOf = (seqLen: number, reach: number): RowShape =>
    bounded({ batch: batchSize, seqLen, joined: false, reach: packed ? reach : seqLen });
  const joinedOf = (seqLen: number, reach: number): RowShape =>
    bounded({ batch: 1, seqLen, joined: true, reach });
  const most = Math.max(filledUp(longestExample ?? 1), ...demands.map(({ reach }) => reach));
  const shapes = [rowsOf(seqLen, most)];
  const lengths = new Set(demands.map((demand) => demand.longest));
  const totals = new Set(joins ? demands.map((demand) => demand.total) : []);
  const reaches = [...new Set(demands.map((demand) => demand.reach))];
  const candidates = different([
    ...[...lengths].flatMap((length) => reaches.map((reach) => rowsOf(length, reach))),
    ...[...totals].flatMap((total) => reaches.map((reach) => joinedOf(total, reach))),
  ]);
  while (shapes.length < MAX_SHAPES) {
    const costs = demands.map((demand) => workOf(cheapest(shapes, demand)));
    let [best, most] = [undefined as RowShape | undefined, COMPILED_TOKENS];
    for (const candidate of candidates) {
      const saved = savedBy(candidate, { demands, costs });
      if (saved > most) [best, most] = [candidate, saved];
    }
    if (best === undefined) break;
    shapes.push(best);
  }
  return {
    shapes,
    shapeOf: (rows) => cheapest(shapes, { ...needOf(rows), count: 1 }),
  };
}

/** Options of {@linkcode inBatches}. */
export interface InBatchesOptions {
  /** Rows of a micro-batch. */
  readonly batchSize: number;
  /** Rows are taken as if they were cut to so many tokens. */
  readonly cutTo: number;
  /** Tokens of the longest example of each row. @default {those of the row} */
  readonly longestExamples?: ArrayLike<number>;
}

/** Yields the rows of each micro-batch, of `lengths` tokens. */
export function* inBatches(
  lengths: ArrayLike<number>,
  { batchSize, cutTo, longestExamples = lengths }: InBatchesOptions,
): Generator<BatchRows> {
  for (let start = 0; start < lengths.length; start += batchSize) {
    const count = Math.min(batchSize, lengths.length - start);
    const taken = (all: ArrayLike<number>) =>
      Array.from({ length: count }, (_, i) => Math.min(all[start + i]!, cutTo));
    yield { lengths: taken(lengths), longestExample: Math.max(...taken(longestExamples)) };
  }
}

/** How much of what is computed is padding. */
export interface PaddingReport {
  /** Tokens of the rows. */
  readonly tokens: number;
  /** Tokens that are computed: with the padding of rows, and rows that fill up a micro-batch. */
  readonly computed: number;
  /** The part of these that is padding, from 0 to 1. */
  readonly share: number;
  /** How rows may lie. */
  readonly shapes: readonly RowShape[];
}

/** Counts the padding of micro-batches of rows of these lengths. */
export function paddingOf(
  batches: Iterable<BatchRows>,
  { shapes, shapeOf }: BatchShapes,
): PaddingReport {
  let tokens = 0;
  let computed = 0;
  for (const rows of batches) {
    const { batch, seqLen } = shapeOf(rows);
    tokens += sum(rows.lengths);
    computed += batch * seqLen;
  }
  return { tokens, computed, share: computed === 0 ? 0 : 1 - tokens / computed, shapes };
}

/** What micro-batches that cost `costs` would cost less if there were another shape. */
function savedBy(
  candidate: RowShape,
  { demands, costs }: { readonly demands: readonly Demand[]; readonly costs: readonly number[] },
): number {
  const cost = workOf(candidate);
  let saved = 0;
  for (const [i, demand] of demands.entries()) {
    if (fits(candidate, demand)) saved += demand.count * Math.max(0, costs[i]! - cost);
  }
  return saved;
}

function cheapest(shapes: readonly RowShape[], demand: Demand): RowShape {
  const fitting = shapes.filter((shape) => fits(shape, demand));
  return fitting.reduce((best, shape) => workOf(shape) < workOf(best) ? shape : best);
}

function fits({ seqLen, joined, reach }: RowShape, needed: Demand): boolean {
  return seqLen >= (joined ? needed.total : needed.longest) && reach >= needed.reach;
}

/** Returns what a shape costs, as tokens in short rows. */
export function workOf({ batch, seqLen, reach }: RowShape): number {
  const band = bandOf(seqLen, reach);
  const scores = band === undefined ? SCORES_BEFORE * seqLen : 2 * band;
  return batch * seqLen * (1 + scores / (SCORES_BEFORE * ATTENTION_LENGTH));
}

/** Raises the bound of examples as far as attention costs the same. */
function bounded(shape: RowShape): RowShape {
  const { seqLen, reach } = shape;
  const band = bandOf(seqLen, reach);
  return { ...shape, reach: band === undefined ? seqLen : band + 1 };
}

/** Leaves out shapes that are there twice. */
function different(shapes: readonly RowShape[]): RowShape[] {
  return [...new Map(shapes.map((shape) => [Object.values(shape).join(), shape])).values()];
}

function countDemands(batches: Iterable<BatchRows>): Demand[] {
  const counts = new Map<string, Demand>();
  for (const rows of batches) {
    const exact = needOf(rows);
    const [longest, total, reach] = [exact.longest, exact.total, exact.reach].map(filledUp);
    const key = `${longest} ${total} ${reach}`;
    const count = (counts.get(key)?.count ?? 0) + 1;
    counts.set(key, { longest: longest!, total: total!, reach: reach!, count });
  }
  return [...counts.values()];
}

function needOf({ lengths, longestExample }: BatchRows): Omit<Demand, "count"> {
  return { longest: Math.max(...lengths), total: sum(lengths), reach: longestExample };
}

/** The length that rows of `length` tokens are filled up to at least: by an eighth at most, where they are long. */
function filledUp(length: number): number {
  const step = Math.max(LEAST_STEP, 2 ** (Math.floor(Math.log2(length)) - 3));
  return Math.ceil(length / step) * step;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}
