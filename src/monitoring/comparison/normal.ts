/**
 * The standard normal distribution.
 *
 * @module
 */

/** Returns the probability of more than `z`, to a relative error of 10^-13. */
export function normalTail(z: number): number {
  return z < 0 ? 1 - normalTail(-z) : z < 2 ? 0.5 - series(z) : fraction(z);
}

/** Returns the number that is exceeded with probability `tail`, from 0 to 0.5. */
export function normalQuantile(tail: number): number {
  let [low, high] = [0, 40];
  for (let i = 0; i < 100; i++) {
    const middle = (low + high) / 2;
    if (normalTail(middle) > tail) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

const density = (z: number): number => Math.exp(-z * z / 2) / Math.sqrt(2 * Math.PI);

/** Probability from 0 to z as φ(z) Σ z^(2k+1) / (2k+1)!! */
function series(z: number): number {
  let term = z;
  let sum = z;
  for (let k = 1; term > 1e-18 * sum; k++) {
    term *= z * z / (2 * k + 1);
    sum += term;
  }
  return density(z) * sum;
}

/** Laplace's continued fraction φ(z) / (z + 1 / (z + 2 / (z + …))). */
function fraction(z: number): number {
  let value = z;
  for (let k = 200; k >= 1; k--) value = z + k / value;
  return density(z) / value;
}
