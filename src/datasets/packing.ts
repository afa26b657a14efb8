/**
 * Several examples in one row: best-fit decreasing bin packing.
 *
 * The longest examples come first, each into the fullest row that still takes it. Rows are packed in windows of so many
 * examples, in the order of the files, so that packing takes little time and memory however many there are, and the
 * same examples always make the same rows.
 *
 * @module
 */

/** Which examples share a row. */
export interface Packing {
  /** Numbers of examples, row after row; within a row they ascend. */
  readonly members: Int32Array;
  /** Where each row begins among them, and in the end where the last one ends. */
  readonly offsets: Int32Array;
  /** Tokens of each row. */
  readonly lengths: Int32Array;
}

/** Options of {@linkcode packExamples}. */
export interface PackOptions {
  /** Most tokens of a row. */
  readonly maxLength: number;
  /** Examples that are packed with each other. @default {65_536} */
  readonly window?: number;
  /** Numbers of the first examples of parts that share no row with each other. @default {[]} */
  readonly borders?: readonly number[];
}

/**
 * Packs examples of `lengths` tokens.
 *
 * @throws {RangeError} If one is longer than a row.
 */
export function packExamples(lengths: Int32Array, options: PackOptions): Packing {
  const { maxLength, window = 65_536, borders = [] } = options;
  const tooLong = lengths.findIndex((length) => length > maxLength);
  if (tooLong !== -1) {
    throw new RangeError(
      `Cannot pack example ${tooLong} of ${lengths[tooLong]} tokens into rows of ${maxLength}`,
    );
  }
  const rowOf = new Int32Array(lengths.length);
  let rows = 0;
  const ends = [...borders, lengths.length];
  for (let start = 0; start < lengths.length;) {
    const border = ends.find((end) => end > start)!;
    const end = Math.min(start + window, border);
    rows = packWindow(lengths, { start, end, maxLength, rowOf, firstRow: rows });
    start = end;
  }
  return groupedByRow(rowOf, { rows, lengths });
}

/** Gives each example of a window its row; returns the number of the row after the last. */
function packWindow(
  lengths: Int32Array,
  { start, end, maxLength, rowOf, firstRow }: {
    readonly start: number;
    readonly end: number;
    readonly maxLength: number;
    readonly rowOf: Int32Array;
    readonly firstRow: number;
  },
): number {
  const room = createRoom(maxLength);
  let rows = firstRow;
  for (const example of longestFirst(lengths, { start, end, maxLength })) {
    const length = lengths[example]!;
    const { row = rows++, left = maxLength } = room.take(length);
    rowOf[example] = row;
    if (left > length) room.put(row, left - length);
  }
  return rows;
}

/** Returns the numbers of examples, longer ones first, those of equal length in their order. */
function longestFirst(
  lengths: Int32Array,
  { start, end, maxLength }: {
    readonly start: number;
    readonly end: number;
    readonly maxLength: number;
  },
): Int32Array {
  const places = new Int32Array(maxLength + 2);
  for (let i = start; i < end; i++) places[maxLength - lengths[i]! + 1]!++;
  for (let i = 1; i < places.length; i++) places[i]! += places[i - 1]!;
  const sorted = new Int32Array(end - start);
  for (let i = start; i < end; i++) sorted[places[maxLength - lengths[i]!]!++] = i;
  return sorted;
}

/** Rows by how many tokens they still take. */
interface Room {
  /** Removes and returns the fullest row that takes `length` more; nothing if none does. */
  take(length: number): { row?: number; left?: number };
  /** Adds a row that takes `left` more. */
  put(row: number, left: number): void;
}

/** A tree over all sizes of room says in a few steps which is the smallest that a row has. */
function createRoom(maxLength: number): Room {
  let leaves = 1;
  while (leaves <= maxLength) leaves *= 2;
  const counts = new Int32Array(2 * leaves);
  const rows: number[][] = [];
  const add = (left: number, count: number) => {
    for (let node = leaves + left; node >= 1; node >>= 1) counts[node]! += count;
  };
  const smallestFrom = (size: number): number | undefined => {
    let node = leaves + size;
    while (counts[node] === 0) {
      // to the next subtree on the right
      while ((node & 1) === 1) node >>= 1;
      if (node === 0) return undefined;
      node++;
    }
    while (node < leaves) node = counts[2 * node]! > 0 ? 2 * node : 2 * node + 1;
    return node - leaves;
  };
  return {
    take(length) {
      const left = smallestFrom(length);
      if (left === undefined) return {};
      add(left, -1);
      return { row: rows[left]!.pop()!, left };
    },
    put(row, left) {
      (rows[left] ??= []).push(row);
      add(left, 1);
    },
  };
}

function groupedByRow(
  rowOf: Int32Array,
  { rows, lengths: exampleLengths }: { readonly rows: number; readonly lengths: Int32Array },
): Packing {
  const offsets = new Int32Array(rows + 1);
  const lengths = new Int32Array(rows);
  rowOf.forEach((row, example) => {
    offsets[row + 1]!++;
    lengths[row]! += exampleLengths[example]!;
  });
  for (let row = 0; row < rows; row++) offsets[row + 1]! += offsets[row]!;
  const next = offsets.slice();
  const members = new Int32Array(rowOf.length);
  rowOf.forEach((row, example) => members[next[row]!++] = example);
  return { members, offsets, lengths };
}
