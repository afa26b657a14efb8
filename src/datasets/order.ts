/**
 * In which order an epoch gives the rows of a data set: it follows from a seed and the number of the epoch alone, so
 * that a run continues anywhere in it.
 *
 * @module
 */

import { createRandom, deriveSeed, type Random } from "../utils/random.ts";
import { type Dataset, sequenceCount, sequenceLengths } from "./dataset.ts";

/** Options of {@linkcode createOrder}. */
export interface OrderOptions {
  /** Rows of a micro-batch. */
  readonly batchSize: number;
  /** Whether each epoch has an order of its own. @default {true} */
  readonly shuffle?: boolean;
  /** Decides the orders. @default {0} */
  readonly seed?: number;
  /** Whether rows of about the same length share a micro-batch. @default {false} */
  readonly groupByLength?: boolean;
}

/** The orders of a data set's rows. */
export interface Order {
  /** Rows that an epoch gives. */
  readonly count: number;
  /** Returns the numbers of an epoch's rows, in order. */
  epoch(epoch: number): Int32Array;
}

/** Micro-batches whose rows are sorted by length with each other; as many as transformers takes. */
const GROUPED_BATCHES = 50;

/** Sets what is drawn of a source apart from other uses of a run's seed. */
const SOURCE_STREAM = 0x50c3;

/** Sets the order of micro-batches apart. */
const GROUP_STREAM = 0x96b1;

/** Rows that follow each other and are drawn from alike. */
interface Part {
  readonly first: number;
  readonly count: number;
  /** How many of them an epoch gives, with repetitions. */
  readonly drawn: number;
}

/** Prepares the orders of a data set. */
export function createOrder(dataset: Dataset, options: OrderOptions): Order {
  const { batchSize, shuffle = true, seed = 0, groupByLength = false } = options;
  const parts = partsOf(dataset);
  const count = parts.reduce((sum, { drawn }) => sum + drawn, 0);
  return {
    count,
    epoch(epoch) {
      const order = new Int32Array(count);
      let at = 0;
      parts.forEach((part, index) => {
        const partSeed = deriveSeed(deriveSeed(seed, SOURCE_STREAM), index);
        draw(part, { epoch, seed: shuffle ? partSeed : undefined, into: order.subarray(at) });
        at += part.drawn;
      });
      const epochSeed = deriveSeed(seed, epoch);
      if (shuffle) shuffle32(order, createRandom(epochSeed));
      if (groupByLength) {
        group(order, {
          lengths: sequenceLengths(dataset),
          batchSize,
          random: createRandom(deriveSeed(epochSeed, GROUP_STREAM)),
        });
      }
      return order;
    },
  };
}

/** Returns the first rows of the sources, but for those of the first one: no row holds examples of two. */
export function sourceBorders({ sources }: Pick<Dataset, "sources">): number[] {
  const borders: number[] = [];
  let first = 0;
  for (const { examples } of sources.slice(0, -1)) borders.push(first += examples);
  return borders;
}

/** Returns the rows of each source, of all together where none is drawn from more than another. */
function partsOf(dataset: Dataset): Part[] {
  const { sources, packing } = dataset;
  if (sources.every(({ weight }) => weight === 1)) {
    const count = sequenceCount(dataset);
    return [{ first: 0, count, drawn: count }];
  }
  const borders = [0, ...sourceBorders(dataset), dataset.lengths.length].map((example) =>
    packing === undefined ? example : rowFrom(packing, example)
  );
  return sources.map(({ weight }, i) => {
    const first = borders[i]!;
    const count = borders[i + 1]! - first;
    const drawn = count === 0 ? 0 : Math.max(weight > 0 ? 1 : 0, Math.round(weight * count));
    return { first, count, drawn };
  });
}

/** Returns the first row whose examples are `example` or follow it. */
function rowFrom({ offsets, members }: NonNullable<Dataset["packing"]>, example: number): number {
  let low = 0;
  let high = offsets.length - 1;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (members[offsets[middle]!]! < example) low = middle + 1;
    else high = middle;
  }
  return low;
}

/**
 * Draws an epoch's rows of a part: one after another from orders of all of them, so that none comes a second time
 * before each has come once, over epochs too.
 */
function draw(
  { first, count, drawn }: Part,
  { epoch, seed, into }: {
    readonly epoch: number;
    readonly seed: number | undefined;
    readonly into: Int32Array;
  },
): void {
  let pass = -1;
  let rows = new Int32Array();
  for (let i = 0; i < drawn; i++) {
    const number = epoch * drawn + i;
    if (Math.floor(number / count) !== pass) {
      pass = Math.floor(number / count);
      rows = Int32Array.from({ length: count }, (_, row) => first + row);
      // where all are drawn once, the order is the epoch's
      if (seed !== undefined && drawn !== count) {
        shuffle32(rows, createRandom(deriveSeed(seed, pass)));
      }
    }
    into[i] = rows[number % count]!;
  }
}

/**
 * Sorts the rows of so many micro-batches by their lengths, and puts these micro-batches in a random order. The last
 * one stays the last where it is smaller.
 */
function group(
  order: Int32Array,
  { lengths, batchSize, random }: {
    readonly lengths: Int32Array;
    readonly batchSize: number;
    readonly random: Random;
  },
): void {
  // small data sets in some groups too, as in transformers: else all orders would be the same
  const batches = Math.min(GROUPED_BATCHES, Math.floor(order.length / (4 * batchSize))) || 1;
  const size = batches * batchSize;
  for (let start = 0; start < order.length; start += size) {
    const rows = order.subarray(start, start + size);
    const drawn = rows.slice();
    const places = Int32Array.from(drawn, (_, place) => place)
      .sort((a, b) => lengths[drawn[b]!]! - lengths[drawn[a]!]! || a - b);
    const starts = Int32Array.from(
      { length: Math.floor(rows.length / batchSize) },
      (_, batch) => batch * batchSize,
    );
    rows.set(places.map((place) => drawn[place]!));
    const sorted = rows.slice();
    shuffle32(starts, random).forEach((from, batch) => {
      rows.set(sorted.subarray(from, from + batchSize), batch * batchSize);
    });
  }
}

/** Shuffles in place (Fisher and Yates). */
function shuffle32(items: Int32Array, random: Random): Int32Array {
  for (let i = items.length - 1; i > 0; i--) {
    const j = random.integer(i + 1);
    const item = items[i]!;
    items[i] = items[j]!;
    items[j] = item;
  }
  return items;
}
