/**
 * Weights as small integers and the factors that bring them back.
 *
 * @module
 */

/** Elements that share a factor in {@linkcode quantizeBlocks}, as in GGUF's Q4_0 and Q8_0. */
export const BLOCK_SIZE = 32;

/** A matrix [rows, columns]. */
export interface Matrix {
  /** Elements in row-major order. */
  readonly data: Float32Array;
  /** Number of rows. */
  readonly rows: number;
  /** Number of columns. */
  readonly columns: number;
}

/** Integers with one factor for each row. */
export interface QuantizedRows {
  /** [rows, columns], from −127 to 127. */
  readonly data: Int8Array;
  /** [rows]. */
  readonly scales: Float32Array;
}

/** Rounds each row to 8-bit integers, its largest element to ±127. */
export function quantizeRows({ data, rows, columns }: Matrix): QuantizedRows {
  const result = new Int8Array(data.length);
  const scales = new Float32Array(rows);
  for (let row = 0; row < rows; row++) {
    const elements = data.subarray(row * columns, (row + 1) * columns);
    const scale = Math.abs(extreme(elements)) / 127;
    scales[row] = scale;
    if (scale === 0) continue;
    for (let i = 0; i < columns; i++) result[row * columns + i] = Math.round(elements[i]! / scale);
  }
  return { data: result, scales };
}

/** Integers with one factor for each block of {@linkcode BLOCK_SIZE} columns of a row. */
export interface QuantizedBlocks {
  /** [rows, blocks, BLOCK_SIZE · bits / 8]; of two 4-bit integers in a byte, the first is the lower. */
  readonly data: Uint8Array;
  /** [rows, blocks]. */
  readonly scales: Float32Array;
}

/** Bits of an integer of {@linkcode quantizeBlocks}. */
export type BlockBits = 4 | 8;

/** Rounds each block to integers of so many bits, offset by half their range; a row is filled up with zeros. */
export function quantizeBlocks(
  { data, rows, columns }: Matrix,
  { bits }: { readonly bits: BlockBits },
): QuantizedBlocks {
  const blocks = Math.ceil(columns / BLOCK_SIZE);
  const result = new Uint8Array(rows * blocks * BLOCK_SIZE * bits / 8);
  const scales = new Float32Array(rows * blocks);
  const integers = new Uint8Array(BLOCK_SIZE);
  for (let block = 0; block < rows * blocks; block++) {
    const row = Math.floor(block / blocks);
    const start = (block % blocks) * BLOCK_SIZE;
    const elements = data.subarray(
      row * columns + start,
      row * columns + Math.min(start + BLOCK_SIZE, columns),
    );
    scales[block] = roundBlock(elements, { bits, integers });
    if (bits === 8) {
      result.set(integers, block * BLOCK_SIZE);
    } else {
      for (let i = 0; i < BLOCK_SIZE / 2; i++) {
        result[block * BLOCK_SIZE / 2 + i] = integers[2 * i]! | integers[2 * i + 1]! << 4;
      }
    }
  }
  return { data: result, scales };
}

/** Writes the integers of a block and returns its factor. */
function roundBlock(
  elements: Float32Array,
  { bits, integers }: { readonly bits: BlockBits; readonly integers: Uint8Array },
): number {
  const offset = 2 ** (bits - 1);
  const most = extreme(elements);
  integers.fill(offset);
  if (most === 0) return 0;
  // The integers reach one further below zero than above it, so the largest element goes to the lowest of them. Four
  // bits are few: of some factors around that one, the one that leaves the smallest squared error is taken.
  let best = 0;
  let bestGain = -1;
  for (const step of bits === 4 ? STEPS : [1]) {
    const inverse = -offset / (most * step);
    let product = 0;
    let square = 0;
    for (let i = 0; i < elements.length; i++) {
      const integer = rounded(elements[i]! * inverse, offset) - offset;
      product += elements[i]! * integer;
      square += integer * integer;
    }
    // With these integers the best factor is product / square, and its squared error is Σx² less this.
    const gain = square === 0 ? 0 : product * product / square;
    if (gain <= bestGain) continue;
    bestGain = gain;
    best = bits === 4 && square > 0 ? product / square : 1 / inverse;
    for (let i = 0; i < elements.length; i++) {
      integers[i] = rounded(elements[i]! * inverse, offset);
    }
  }
  return best;
}

/** How far the factors that are tried lie from the one that fits the largest element. */
const STEPS = [1, 0.88, 0.94, 1.06, 8 / 7, -1];

function rounded(element: number, offset: number): number {
  const integer = Math.floor(element + offset + 0.5);
  return integer < 0 ? 0 : integer > 2 * offset - 1 ? 2 * offset - 1 : integer;
}

/** Returns the element that is farthest from zero. */
function extreme(elements: Float32Array): number {
  let most = 0;
  for (const element of elements) if (Math.abs(element) > Math.abs(most)) most = element;
  return most;
}
