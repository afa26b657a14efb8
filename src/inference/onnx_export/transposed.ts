/**
 * A matrix the other way round.
 *
 * @module
 */

/** Elements per side of the squares in which it is copied, so that both sides stay in the cache. */
const BLOCK = 32;

/** Returns the elements of a matrix [rows, columns] as those of [columns, rows]. */
export function transposed<T extends Float32Array | Int8Array>(
  data: T,
  [rows, columns]: readonly [number, number],
): T {
  const result = data.slice() as T;
  for (let row0 = 0; row0 < rows; row0 += BLOCK) {
    for (let column0 = 0; column0 < columns; column0 += BLOCK) {
      const rowEnd = Math.min(row0 + BLOCK, rows);
      const columnEnd = Math.min(column0 + BLOCK, columns);
      for (let row = row0; row < rowEnd; row++) {
        for (let column = column0; column < columnEnd; column++) {
          result[column * rows + row] = data[row * columns + column]!;
        }
      }
    }
  }
  return result;
}
