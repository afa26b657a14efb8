/**
 * The shapes of a run's micro-batches: few, because a graph is compiled for each, and such that little of what is
 * computed is padding.
 *
 * Rows are filled up to the longest of their micro-batch. Where that is far from the others, its examples are joined
 * to a single row instead, in which they see nothing of each other.
 *
 * @module
 */

/** How the rows of a micro-batch lie. */
export interface RowShape {
  /** Rows. */
  readonly batch: number;
  /** Tokens of a row, padding included. */
  readonly seqLen: number;
  /** Whether all examples are in one row. */
  readonly joined: boolean;
}

/** The shapes of a run. */
export interface BatchShapes {
  /** All of them, the largest first. */
  readonly shapes: readonly RowShape[];
  /** Returns the one of least work for rows of these lengths. */
  shapeOf(lengths: readonly number[]): RowShape;
}

/** Options of {@linkcode planBatchShapes}. */
export interface BatchShapesOptions {
  /** Rows of a micro-batch. */
  readonly batchSize: number;
  /** Tokens of the longest row there is. @default {that of the longest in the micro-batches} */
  readonly longest?: number;
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

/** Rows are filled up to multiples of at least this. */
const LEAST_STEP = 16;

/** Micro-batches that need the same. */
interface Demand {
  /** Of a row. */
  readonly longest: number;
  /** Of all rows. */
  readonly total: number;
  readonly count: number;
}

/** Chooses the shapes for micro-batches of rows of these lengths, one after the other the one that saves most. */
export function planBatchShapes(
  batches: Iterable<readonly number[]>,
  { batchSize, longest = 1, joins }: BatchShapesOptions,
): BatchShapes {
  const demands = countDemands(batches);
  const seqLen = Math.max(filledUp(longest), ...demands.map((demand) => demand.longest));
  const largest: RowShape = { batch: batchSize, seqLen, joined: false };
  const lengths = new Set(demands.map((demand) => demand.longest));
  const totals = new Set(joins ? demands.map((demand) => demand.total) : []);
  const candidates = [
    ...[...lengths].map((seqLen): RowShape => ({ batch: batchSize, seqLen, joined: false })),
    ...[...totals].map((seqLen): RowShape => ({ batch: 1, seqLen, joined: true })),
  ];
  const shapes = [largest];
  while (shapes.length < MAX_SHAPES) {
    const costs = demands.map((demand) => costOf(cheapest(shapes, demand)));
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
    shapeOf: (lengths) =>
      cheapest(shapes, { longest: Math.max(...lengths), total: sum(lengths), count: 1 }),
  };
}

/** Yields the lengths of the rows of each micro-batch, as if the rows were cut to `cutTo` tokens. */
export function* inBatches(
  lengths: ArrayLike<number>,
  { batchSize, cutTo }: { readonly batchSize: number; readonly cutTo: number },
): Generator<number[]> {
  for (let start = 0; start < lengths.length; start += batchSize) {
    const count = Math.min(batchSize, lengths.length - start);
    yield Array.from({ length: count }, (_, i) => Math.min(lengths[start + i]!, cutTo));
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
  batches: Iterable<readonly number[]>,
  { shapes, shapeOf }: BatchShapes,
): PaddingReport {
  let tokens = 0;
  let computed = 0;
  for (const lengths of batches) {
    const { batch, seqLen } = shapeOf(lengths);
    tokens += sum(lengths);
    computed += batch * seqLen;
  }
  return { tokens, computed, share: computed === 0 ? 0 : 1 - tokens / computed, shapes };
}

/** What micro-batches that cost `costs` would cost less if there were another shape. */
function savedBy(
  candidate: RowShape,
  { demands, costs }: { readonly demands: readonly Demand[]; readonly costs: readonly number[] },
): number {
  const cost = costOf(candidate);
  let saved = 0;
  for (const [i, demand] of demands.entries()) {
    if (fits(candidate, demand)) saved += demand.count * Math.max(0, costs[i]! - cost);
  }
  return saved;
}

function cheapest(shapes: readonly RowShape[], demand: Demand): RowShape {
  const fitting = shapes.filter((shape) => fits(shape, demand));
  return fitting.reduce((best, shape) => costOf(shape) < costOf(best) ? shape : best);
}

function fits({ seqLen, joined }: RowShape, { longest, total }: Demand): boolean {
  return seqLen >= (joined ? total : longest);
}

/** What a shape costs, as tokens in short rows. */
function costOf({ batch, seqLen }: RowShape): number {
  return batch * seqLen * (1 + seqLen / ATTENTION_LENGTH);
}

function countDemands(batches: Iterable<readonly number[]>): Demand[] {
  const counts = new Map<string, Demand>();
  for (const lengths of batches) {
    const [longest, total] = [filledUp(Math.max(...lengths)), filledUp(sum(lengths))];
    const key = `${longest} ${total}`;
    counts.set(key, { longest, total, count: (counts.get(key)?.count ?? 0) + 1 });
  }
  return [...counts.values()];
}

/** The length that rows of `length` tokens are filled up to at least: by an eighth at most, where they are long. */
function filledUp(length: number): number {
  const step = Math.max(LEAST_STEP, 2 ** (Math.floor(Math.log2(length)) - 3));
  return Math.ceil(length / step) * step;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}
